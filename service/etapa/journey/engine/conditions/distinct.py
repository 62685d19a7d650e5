"""The conditions on how many different values there are, ever and in a window."""

from typing import Any, Final

from etapa.journey.engine.accumulators.distinct import DistinctEver, DistinctWindow
from etapa.journey.engine.accumulators.window import place_after
from etapa.journey.engine.conditions.falling import (
    BY_DIGESTS,
    UNBOUNDED,
    NumberCompares,
    by_time_as_numbers_fall,
    falling_turns,
    until_turned,
)
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.predicates import Predicate
from etapa.journey.language.model import Comparison


class DistinctCompares(NumberCompares):
    """The number of different values, ever or in a window, satisfies the comparison."""

    __slots__ = ("rises_and_falls", "turns", "values")

    def __init__(self, text: str, values: DistinctEver | DistinctWindow, comparison: Comparison) -> None:
        super().__init__(text, values, comparison, BY_DIGESTS if isinstance(values, DistinctWindow) else UNBOUNDED)
        self.values: Final = values
        self.turns: Final = falling_turns(self.compare)
        self.rises_and_falls: Final = by_time_as_numbers_fall(comparison) if isinstance(values, DistinctWindow) else (False, False)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare.accepts(self._number(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        values = self.values
        entry = customer.memory[values.place]
        if entry is None or isinstance(values, DistinctEver):
            return NEVER
        bits: int = entry[0]
        times: list[int] = entry[1]
        if not bits:
            return until_turned(times, now, values.within, self.turns, self.compare)
        return until_turned(times, now, values.within, tuple(range(len(times), 0, -1)), _Estimated(self.compare, bits))

    def measured(self, customer: Customer, now: int) -> float:
        return float(self._number(customer, now))

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._number(customer, now)

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.values.place]
        return entry is None or not entry[0]

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.rises_and_falls

    def _number(self, customer: Customer, now: int) -> int:
        values = self.values
        if isinstance(values, DistinctEver):
            return values.number(customer.memory)
        entry = customer.memory[values.place]
        if entry is None:
            return 0
        bits: int = entry[0]
        times: list[int] = entry[1]
        number = len(times) - place_after(times, now - values.within)
        return number << bits if bits else number


class _Estimated(Predicate):
    """A comparison of the number that so many kept digests represent."""

    __slots__ = ("bits", "compare")

    def __init__(self, compare: Predicate, bits: int) -> None:
        self.compare: Final = compare
        self.bits: Final = bits

    def accepts(self, value: Any) -> bool:
        return self.compare.accepts(value << self.bits)
