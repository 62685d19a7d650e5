"""The conditions on values: `sum`, `avg`, `min`, `max`, `last`, ever and in a window."""

from bisect import bisect_left, bisect_right
from math import inf
from typing import Any, Final

from etapa.journey.engine.accumulators.aggregating import Pieces, off_by_at_most
from etapa.journey.engine.accumulators.distinct import DistinctEver, DistinctWindow
from etapa.journey.engine.accumulators.estimated_sums import EstimatedSum, estimated_sum
from etapa.journey.engine.accumulators.ever import Values, exact_sum
from etapa.journey.engine.accumulators.kept_value import LastValue
from etapa.journey.engine.accumulators.window import SMALLEST, ValueWindow, straddling, width_of
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.distinct import DistinctCompares
from etapa.journey.engine.conditions.falling import NumberCompares, by_time_as_numbers_fall
from etapa.journey.engine.conditions.spans import aggregated_in, compile_span
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.conditions.window_aggregates import AGGREGATES, Number
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.comparing import Comparing, all_alike
from etapa.journey.language.kinds.aggregate import Aggregate, AggregateKind
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.predicates import MISSING


class AggregateCompares(NumberCompares):
    """The sum, average, smallest or largest of all values ever satisfies the comparison."""

    __slots__ = ("comparing", "kind")

    def __init__(self, text: str, kind: AggregateKind, values: Values, comparing: Comparing) -> None:
        super().__init__(text, values, comparing.comparison)
        self.kind: Final = kind
        self.comparing: Final = comparing

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.comparing.of(customer).accepts(self._value(customer))

    def measured(self, customer: Customer, now: int) -> float:
        value = self._value(customer)
        return -inf if value is None else float(value)

    def is_guard(self) -> bool:
        # Its memory may be looked at in several ways, but rules behind one guard look at one number.
        return self.least is not None and self.kind == "sum"

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self.comparing.shown(self._value(customer))

    def _value(self, customer: Customer) -> Number:
        entry = customer.memory[self.place]
        if entry is None:
            return 0 if self.kind == "sum" else None
        number, smallest, largest, *partials = entry
        match self.kind:
            case "min":
                return smallest  # type: ignore[no-any-return]
            case "max":
                return largest  # type: ignore[no-any-return]
            case "sum":
                return exact_sum(partials)
            case _:
                return exact_sum(partials) / number  # type: ignore[no-any-return]


class WindowCompares(NumberCompares):
    """The sum, average, smallest or largest of the values in a window satisfies the comparison."""

    __slots__ = ("aggregate", "comparing", "estimate", "kind", "within")

    def __init__(self, text: str, kind: AggregateKind, window: ValueWindow, comparing: Comparing) -> None:
        super().__init__(text, window, comparing.comparison)
        aggregate = AGGREGATES[kind]
        self.kind: Final = kind
        self.aggregate: Final = aggregate.of
        self.estimate: Final = aggregate.estimates
        self.within: Final = window.within
        self.comparing: Final = comparing

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.comparing.of(customer).accepts(self._value(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        return self.until_before(customer, now, NEVER)

    def until_before(self, customer: Customer, now: int, horizon: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        times, values, bucket_times, buckets = entry
        leaving: list[int] = [*bucket_times, *times]
        place = bisect_right(leaving, now - self.within)
        if place == len(leaving) or leaving[place] + self.within >= horizon:
            return NEVER
        compare, bounds = self.comparing.of(customer), self.comparing.bounds_of(customer)
        truth = compare.accepts(self._value(customer, now))
        # Computing what is left each time one leaves would take quadratic time, so all are estimated at once.
        estimates, slack = self.estimate(values, buckets)
        if estimates and all_alike(bounds, min(estimates) - slack, max(estimates) + slack) and compare.accepts(estimates[0]) is truth:
            # Nothing changes as long as anything is left.
            place = max(place, bisect_left(leaving, leaving[-1]))
        while place < len(leaving):
            at = leaving[place]
            if at + self.within >= horizon:
                return NEVER
            place = bisect_right(leaving, at, place)
            left = len(leaving) - place
            if left and all_alike(bounds, estimates[left - 1] - slack, estimates[left - 1] + slack):
                changes = compare.accepts(estimates[left - 1]) is not truth
            else:
                changes = compare.accepts(self._value(customer, at + self.within)) is not truth
            if changes:
                return at + self.within
        return NEVER

    def measured(self, customer: Customer, now: int) -> float:
        """The sum; infinite if a negative value may leave, because then it may rise."""
        entry = customer.memory[self.place]
        if entry is not None and (min(entry[1], default=0) < 0 or min([bucket[SMALLEST] for bucket in entry[3]], default=0) < 0):
            return inf
        value = self._value(customer, now)
        return -inf if value is None else float(value)

    def is_guard(self) -> bool:
        return self.least is not None and self.kind == "sum"

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self.comparing.shown(self._value(customer, now))

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.place]
        return entry is None or not entry[3] or bool(self._uncertainty(entry, now - self.within) == 0)

    def off_by_at_most(self, customer: Customer, now: int) -> Any:
        return self.comparing.shown_length(self._uncertainty(customer.memory[self.place], now - self.within))

    def _uncertainty(self, entry: list[Any], gone: int) -> Any:
        times, values, bucket_times, buckets = entry
        place = straddling(bucket_times, gone, width_of(self.within))
        counted = buckets[place] if place >= 0 else None
        first = bisect_right(bucket_times, gone) + (0 if counted is None else 1)
        return off_by_at_most(self.kind, Pieces(None, values[bisect_right(times, gone) :], buckets[first:], counted))

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, True

    def _value(self, customer: Customer, now: int) -> Number:
        entry = customer.memory[self.place]
        if entry is None:
            return self.aggregate([], [])
        times, values, bucket_times, buckets = entry
        gone = now - self.within
        if times and times[0] <= gone:
            values = values[bisect_right(times, gone) :]
        if buckets:
            buckets = buckets[bisect_right(bucket_times, gone) :]
        return self.aggregate(values, buckets)


class WindowSumCompares(WindowCompares):
    """The same for a sum. An estimate mostly tells whether it holds; only close to a bound the exact sum must."""

    __slots__ = ("rises_as_it_falls",)

    def __init__(self, text: str, window: ValueWindow, comparing: Comparing) -> None:
        super().__init__(text, "sum", window, comparing)
        comparison = comparing.comparison
        self.rises_as_it_falls: Final = bool(comparison.elements) or by_time_as_numbers_fall(comparison)[0]
        """Whether a smaller sum may satisfy the comparison where a larger one does not."""

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self._compared(customer, now, self._estimate(customer, now))

    def rises(self, customer: Customer, now: int) -> int:
        estimate = self._estimate(customer, now)
        if self._compared(customer, now, estimate):
            return now
        if estimate is not None and estimate.falls and not self.rises_as_it_falls:
            return NEVER
        return self.until(customer, now)

    def measured(self, customer: Customer, now: int) -> float:
        """The sum, or a little more; infinite if a negative value may leave, because then it may rise."""
        estimate = self._estimate(customer, now)
        if estimate is None:
            return super().measured(customer, now)
        return estimate.most if estimate.falls else inf

    def _compared(self, customer: Customer, now: int, estimate: EstimatedSum | None) -> bool:
        compare = self.comparing.of(customer)
        if estimate is not None and all_alike(self.comparing.bounds_of(customer), estimate.least, estimate.most):
            return compare.accepts(estimate.most)
        return compare.accepts(self._value(customer, now))

    def _estimate(self, customer: Customer, now: int) -> EstimatedSum | None:
        entry = customer.memory[self.place]
        if entry is None:
            return None
        values: list[Any] = entry[1]
        buckets: list[list[Any]] = entry[3]
        times: list[int] = entry[0]
        gone = now - self.within
        if times and times[0] <= gone:
            values = values[bisect_right(times, gone) :]
        if buckets:
            buckets = buckets[bisect_right(entry[2], gone) :]
        return estimated_sum(values, buckets)


class LastCompares(CompiledLeaf):
    """The value of the latest matching touchpoint, ever or in a window, satisfies the comparison."""

    __slots__ = ("comparing", "key", "place", "within")

    def __init__(self, text: str, last: LastValue, within: int | None, comparing: Comparing) -> None:
        super().__init__(text)
        self.key: Final = last.key
        self.place: Final = last.place
        self.within: Final = NEVER if within is None else within
        self.comparing: Final = comparing

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.comparing.of(customer).accepts(self._value(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None or self.within == NEVER:
            return NEVER
        compare = self.comparing.of(customer)
        if compare.accepts(entry[1]) is compare.accepts(MISSING):
            return NEVER
        at: int = entry[0] + self.within
        return at if at > now else NEVER

    def memory_key(self) -> str | None:
        return self.key

    def told_at(self, customer: Customer) -> int | None:
        entry = customer.memory[self.place]
        return None if entry is None else entry[0]

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self.comparing.shown(self._value(customer, now))

    def changes_by_time(self) -> tuple[bool, bool]:
        if self.within == NEVER:
            return False, False
        missing = self.comparing.predicate.accepts(MISSING)
        return missing, not missing

    def _value(self, customer: Customer, now: int) -> Any:
        entry = customer.memory[self.place]
        return MISSING if entry is None or entry[0] <= now - self.within else entry[1]


def compile_aggregate(written: Aggregate, text: str, surroundings: Surroundings) -> CompiledLeaf:
    window = written.window
    if window.before is not None or window.calendar is not None:
        return compile_span(text, aggregated_in(written, surroundings), window, surroundings, written.comparison)
    path, match, within, comparison = written.path, written.match, window.within, written.comparison
    kind, conversion, weights = written.kind, written.conversion, written.weights
    if kind == "distinct":
        if within is None:
            return DistinctCompares(text, surroundings.shared(DistinctEver(path, match, conversion)), comparison)
        return DistinctCompares(text, surroundings.shared(DistinctWindow(path, match, within, conversion)), comparison)
    comparing = Comparing(comparison, surroundings.whereabouts)
    if kind == "last":
        # The latest value is the same however long the window is.
        last = surroundings.shared(LastValue(path, match, conversion))
        surroundings.watch_values_of(last.compared, last.asks, comparison)
        return LastCompares(text, last, within, comparing)
    if within is None:
        return AggregateCompares(text, kind, surroundings.shared(Values(path, match, conversion, weights)), comparing)
    return window_compares(text, kind, surroundings.shared(ValueWindow(path, match, within, conversion, weights)), comparing)


def window_compares(text: str, kind: AggregateKind, window: ValueWindow, comparing: Comparing) -> WindowCompares:
    """The condition on an aggregate of that kind."""
    return WindowSumCompares(text, window, comparing) if kind == "sum" else WindowCompares(text, kind, window, comparing)
