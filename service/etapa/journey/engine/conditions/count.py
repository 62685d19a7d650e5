"""The conditions on how many touchpoints match, ever and in a window."""

from bisect import bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.ever import Total
from etapa.journey.engine.accumulators.window import CountWindow, has_buckets, place_after, straddling, uncertain_count
from etapa.journey.engine.conditions.aggregates import compile_aggregate
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.falling import (
    BY_TIMES,
    NumberCompares,
    by_time_as_numbers_fall,
    falling_turns,
    until_turned,
    whole_numbers_in,
)
from etapa.journey.engine.conditions.spans import compile_span, counted_in
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.model import Comparison


class TotalCompares(NumberCompares):
    """The number of matching touchpoints ever satisfies the comparison."""

    __slots__ = ("none_suffice",)

    def __init__(self, text: str, total: Total, comparison: Comparison) -> None:
        super().__init__(text, total, comparison)
        self.none_suffice: Final = self.compare.accepts(0)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.memory[self.place]
        return self.none_suffice if entry is None else self.compare.accepts(entry[0])

    def measured(self, customer: Customer, now: int) -> float:
        entry = customer.memory[self.place]
        return 0.0 if entry is None else float(entry[0])

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return 0 if entry is None else entry[0]


class CountCompares(NumberCompares):
    """The number of matching touchpoints in a window satisfies the comparison."""

    __slots__ = ("is_range", "largest", "none_suffice", "rises_and_falls", "rises_by_time", "smallest", "turns", "within")

    def __init__(self, text: str, window: CountWindow, comparison: Comparison) -> None:
        super().__init__(text, window, comparison, BY_TIMES)
        self.within: Final = window.within
        self.none_suffice: Final = self.compare.accepts(0)
        self.turns: Final = falling_turns(self.compare)
        self.rises_and_falls: Final = by_time_as_numbers_fall(comparison)
        self.rises_by_time: Final = self.rises_and_falls[0]
        # Comparing whole numbers takes a tenth of what a predicate does, which accepts any value.
        found = whole_numbers_in(comparison)
        self.is_range: Final = found is not None
        self.smallest: Final = 0 if found is None else found[0]
        self.largest: Final = NEVER if found is None else found[1]

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.memory[self.place]
        if entry is None:
            return self.none_suffice
        number = self._number(entry, now)
        return self.smallest <= number <= self.largest if self.is_range else self.compare.accepts(number)

    def rises(self, customer: Customer, now: int) -> int:
        if self.holds(customer, now, None):
            return now
        return self.until(customer, now) if self.rises_by_time else NEVER

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        if not has_buckets(entry):
            return until_turned(entry, now, self.within, self.turns, self.compare)
        times: list[int] = entry[0]
        bucket_times: list[int] = entry[1]
        bucket_counts: list[int] = entry[2]
        gone = now - self.within
        number = self._number(entry, now)
        truth = self.compare.accepts(number)
        weighted: list[tuple[int, int]] = [*zip(bucket_times, bucket_counts, strict=True), *((at, 1) for at in times)]
        for place, (at, weight) in enumerate(weighted):
            if at > gone:
                number -= weight
                together = place + 1 < len(weighted) and weighted[place + 1][0] == at
                if not together and self.compare.accepts(number) is not truth:
                    return at + self.within
        return NEVER

    def measured(self, customer: Customer, now: int) -> float:
        entry = customer.memory[self.place]
        return 0.0 if entry is None else float(self._number(entry, now))

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return 0 if entry is None else self._number(entry, now)

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.place]
        return entry is None or not has_buckets(entry) or bool(self.off_by_at_most(customer, now) == 0)

    def off_by_at_most(self, customer: Customer, now: int) -> Any:
        entry = customer.memory[self.place]
        return uncertain_count(entry[2], straddling(entry[1], now - self.within, 1 << entry[3]))

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.rises_and_falls

    def _number(self, entry: list[Any], now: int) -> int:
        gone = now - self.within
        if has_buckets(entry):
            counts: list[int] = entry[2]
            return _left(entry[0], gone) + sum(counts[bisect_right(entry[1], gone) :])
        return _left(entry, gone)


def compile_count(written: Count, text: str, surroundings: Surroundings) -> CompiledLeaf:
    window = written.window
    if written.weights is not None:
        # A sum of the weights: each touchpoint adds one, times its weight.
        added = Aggregate("sum", (), written.match, window, written.comparison, None, written.weights)
        return compile_aggregate(added, text, surroundings)
    if window.before is not None or window.calendar is not None:
        return compile_span(text, counted_in(written.match, window, surroundings), window, surroundings, written.comparison)
    if window.within is None:
        return TotalCompares(text, surroundings.shared(Total(written.match)), written.comparison)
    return CountCompares(text, surroundings.shared(CountWindow(written.match, window.within)), written.comparison)


def _left(times: list[int], gone: int) -> int:
    """How many of the times are after `gone`. Usually all are."""
    number = len(times)
    return number - place_after(times, gone) if number and times[0] <= gone else number
