"""The condition on customers who are late by their own pace."""

from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Matching
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.instant import NEVER, instant_text
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.absence import OwnPace, Pace
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.model import Match

_LEAST: Final = 3
"""Two touchpoints have only one gap, which does not make a pace."""


class Rhythm(Matching):
    """How many matching touchpoints ever, with the earliest and latest time. Entry: [number, earliest, latest]."""

    __slots__ = ()

    def __init__(self, match: Match) -> None:
        super().__init__("rhythm", match)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        at = touchpoint.at
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [1, at, at]
        else:
            memory[self.place] = [entry[0] + 1, min(entry[1], at), max(entry[2], at)]

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return [kept[0] + other[0], min(kept[1], other[1]), max(kept[2], other[2])]


class LaterThanUsual(CompiledLeaf):
    """The latest matching touchpoint was longer ago than the given multiple of the customer's usual gap."""

    __slots__ = ("key", "pace", "place")

    def __init__(self, text: str, rhythm: Rhythm, pace: Pace) -> None:
        super().__init__(text)
        self.key: Final = rhythm.key
        self.place: Final = rhythm.place
        self.pace: Final = pace

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= self._due(customer)

    def rises(self, customer: Customer, now: int) -> int:
        return self._due(customer)

    def until(self, customer: Customer, now: int) -> int:
        due = self._due(customer)
        return due if due > now else NEVER

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return None if entry is None else instant_text(entry[2])

    def memory_key(self) -> str | None:
        return self.key

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False

    def _due(self, customer: Customer) -> int:
        """From when on it is true if nothing arrives; `NEVER` while that is unknown."""
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        number: int = entry[0]
        latest: int = entry[2]
        most = self.pace.at_most
        if number < _LEAST:
            return NEVER if most is None else latest + most
        gaps = self.pace.gaps
        wait = gaps.numerator * (latest - entry[1]) // (gaps.denominator * (number - 1))
        wait = max(wait, self.pace.at_least)
        due: int = latest + (wait if most is None else min(wait, most))
        return min(due, NEVER)


def compile_own_pace(written: OwnPace, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return LaterThanUsual(text, surroundings.shared(Rhythm(written.match)), written.pace)
