"""Numbers for what is counted of touchpoints, so that counting one takes few lookups."""

from collections.abc import Sequence
from typing import Final, final

_FEW: Final = 8
"""Up to so many names are compared one by one, which takes less than a lookup."""

Segment = tuple[str | None, str]
"""A persona (none: none fits) and a stage."""


@final
class CountedSegments:
    """Numbers the segments and the types of touchpoints that a journey names. Immutable."""

    __slots__ = ("segments", "stages", "types")

    def __init__(self, personas: Sequence[str | None], stages: Sequence[str], types: Sequence[str]) -> None:
        """`personas`: none first."""
        self.stages: Final = len(stages)
        """How many stages there are. Segments are ordered by persona, none first, then by stage."""
        self.segments: Final[list[Segment]] = [(persona, stage) for persona in personas for stage in stages]
        self.types: Final = list(types)


@final
class Numbering:
    """Numbers names as they come, from 1; 0 is none. Once all smaller numbers are taken, every further name gets `last`."""

    __slots__ = ("_few", "_first", "_last", "_numbers", "names")

    def __init__(self, last: int) -> None:
        self._last: Final = last
        self.names: Final[list[str | None]] = [None]
        """By number, but for `last`."""
        self._few: Final[list[str]] = []
        """The first that came."""
        self._first = 1
        """The number of the first of these; the others follow."""
        self._numbers: Final[dict[str, int]] = {}
        """Those of names that came later."""

    def number_of(self, name: str) -> int:
        """The number of a name."""
        number = self._first
        for each in self._few:
            if each == name:
                return number
            number += 1
        found = self._numbers.get(name)
        return self._next(name) if found is None else found

    def add(self, names: Sequence[str]) -> None:
        """Give names the next numbers, whether or not they have one."""
        self.names.extend(names)
        if not self._few:
            self._first = len(self.names)

    def clear(self) -> None:
        """Forget all names."""
        self.names[1:] = []
        self._few.clear()
        self._first = 1
        self._numbers.clear()

    def _next(self, name: str) -> int:
        number = len(self.names)
        if number >= self._last:
            return self._last
        self.names.append(name)
        if len(self._few) < _FEW and number == self._first + len(self._few):
            self._few.append(name)
        else:
            self._numbers[name] = number
        return number
