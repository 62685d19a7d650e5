"""The conditions about values: `sum`, `avg`, `min`, `max`, `last`, ever and in a window."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from etapa.journey.engine.conditions import Leaf, Observed
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.instant import NEVER
from etapa.journey.engine.leaves import scalar_text
from etapa.journey.engine.memory import LastValue, Values, exact_sum
from etapa.journey.engine.touchpoint import Touchpoint
from etapa.journey.engine.window import ValueWindow
from etapa.journey.language.compare import MISSING, compile_comparison
from etapa.journey.language.model import AggregateKind, Comparison

Number = int | float | None


class AggregateCompares(Leaf):
    """The sum, average, smallest or largest of all values ever satisfies the comparison."""

    __slots__ = ("compare", "key", "kind")

    def __init__(self, text: str, kind: AggregateKind, values: Values, comparison: Comparison) -> None:
        self.text = text
        self.kind = kind
        self.key = values.key
        self.compare = compile_comparison(comparison)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare(self._value(customer))

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._value(customer)

    def _value(self, customer: Customer) -> Number:
        entry = customer.memory.get(self.key)
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


class WindowCompares(Leaf):
    """The sum, average, smallest or largest of the values in a window satisfies the comparison."""

    __slots__ = ("aggregate", "compare", "key", "within")

    def __init__(self, text: str, kind: AggregateKind, window: ValueWindow, comparison: Comparison) -> None:
        self.text = text
        self.aggregate = _AGGREGATES[kind]
        self.key = window.key
        self.within = window.within
        self.compare = compile_comparison(comparison)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare(self._value(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory.get(self.key)
        if entry is None:
            return NEVER
        times: list[int] = entry[0]
        bucket_times: list[int] = entry[2]
        truth = self.compare(self._value(customer, now))
        gone = now - self.within
        for at in dict.fromkeys((*bucket_times, *times)):
            if at > gone and self.compare(self._value(customer, at + self.within)) is not truth:
                return at + self.within
        return NEVER

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._value(customer, now)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, True

    def _value(self, customer: Customer, now: int) -> Number:
        entry = customer.memory.get(self.key)
        if entry is None:
            return self.aggregate([], [])
        times, values, bucket_times, buckets = entry
        gone = now - self.within
        if times and times[0] <= gone:
            values = values[bisect_right(times, gone) :]
        if buckets:
            buckets = buckets[bisect_right(bucket_times, gone) :]
        return self.aggregate(values, buckets)


class LastCompares(Leaf):
    """The value of the latest matching touchpoint, ever or in a window, satisfies the comparison."""

    __slots__ = ("compare", "key", "within")

    def __init__(self, text: str, last: LastValue, within: int | None, comparison: Comparison) -> None:
        self.text = text
        self.key = last.key
        self.within = NEVER if within is None else within
        self.compare = compile_comparison(comparison)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare(self._value(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory.get(self.key)
        if entry is None or self.within == NEVER or self.compare(entry[1]) is self.compare(MISSING):
            return NEVER
        at: int = entry[0] + self.within
        return at if at > now else NEVER

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return scalar_text(self._value(customer, now))

    def changes_by_time(self) -> tuple[bool, bool]:
        if self.within == NEVER:
            return False, False
        missing = self.compare(MISSING)
        return missing, not missing

    def _value(self, customer: Customer, now: int) -> Any:
        entry = customer.memory.get(self.key)
        return MISSING if entry is None or entry[0] <= now - self.within else entry[1]


def _sum(values: list[Any], buckets: list[Any]) -> Number:
    return exact_sum(values + [total for _, total, _, _ in buckets]) if values or buckets else 0


def _average(values: list[Any], buckets: list[Any]) -> Number:
    number = len(values) + sum(each for each, _, _, _ in buckets)
    return exact_sum(values + [total for _, total, _, _ in buckets]) / number if number else None


def _smallest(values: list[Any], buckets: list[Any]) -> Number:
    return min(values + [smallest for _, _, smallest, _ in buckets], default=None)


def _largest(values: list[Any], buckets: list[Any]) -> Number:
    return max(values + [largest for _, _, _, largest in buckets], default=None)


_AGGREGATES: dict[AggregateKind, Callable[[list[Any], list[Any]], Number]] = {
    "sum": _sum,
    "avg": _average,
    "min": _smallest,
    "max": _largest,
}
