"""The ideal way: whether a customer has entered exactly its first stages so far, each once and in order."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, final

UNKNOWN: Final = 0
"""The customer came before the journey had an ideal way. So do all whose journey has none."""
BEFORE: Final = 1
"""The customer is still in the stage where everybody begins, and the ideal way begins later."""
ON: Final = 2
OFF: Final = 3
"""Once off it, nobody gets back on: the stages entered stay what they were."""


@final
class CompiledWay:
    """The ideal way of a journey. Each change is judged by the way that was in force when it was published."""

    __slots__ = ("_first", "_next", "_stages")

    def __init__(self, ideal: Sequence[str]) -> None:
        self._first: Final = ideal[0]
        self._next: Final = dict(pairwise(ideal))
        self._stages: Final = frozenset(ideal)

    def after(self, way: int, source: str | None, to: str) -> int:
        """`Customer.way` after a published change, from what it was before. `source` none: the customer is new."""
        if source is None:
            if to == self._first:
                return ON
            return OFF if to in self._stages else BEFORE
        if way == ON:
            return ON if self._next.get(source) == to else OFF
        if way == BEFORE:
            return ON if to == self._first else OFF
        return way
