"""Estimates of a series between any two places, without adding up all touchpoints again for each pair.

A span that moves over many touchpoints needs its value each time one enters or leaves. Computing it exactly each time would take
quadratic time. Here each answer is two numbers that enclose the exact one; if a comparison gives the same answer for both and
everything between them, the exact value is not needed.
"""

from itertools import accumulate
from math import isfinite
from typing import Any, Final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.accumulators.ever import exact_sum
from etapa.journey.engine.accumulators.window import LARGEST_VALUE, NUMBER, SMALLEST, TOTAL, Bucket
from etapa.journey.language.kinds.aggregate import AggregateKind

ENOUGH: Final = 12
"""The number of touchpoints from which estimates pay."""
_ROUNDING: Final = 2.3e-16
"""A little more than a float's relative error."""

Between = tuple[Any, Any] | None
"""Lower and upper bound; none if nothing is known, or the value may be missing. Equal bounds are exact."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Estimates:
    """`first` and `end` (exclusive) are places among the touchpoints, ordered by time."""

    __slots__ = ()

    def between(self, first: int, end: int) -> Between:
        """The bounds for the touchpoints from `first` up to `end`."""
        raise NotImplementedError

    def anywhere(self) -> tuple[Any, Any]:
        """Bounds for every pair of places, except for the missing value of an empty range."""
        raise NotImplementedError


class SumEstimates(Estimates):
    """Sums; those of whole numbers are exact."""

    __slots__ = ("aged", "high", "low", "slack", "sums")

    def __init__(self, values: list[Any], aged: float, *, exact: bool) -> None:
        self.aged: Final = aged
        self.sums: Final = [0.0, *accumulate([float(value) for value in values])]
        size = abs(aged) + sum([abs(value) for value in values])
        self.slack: Final = 0.0 if exact else 2 * (len(values) + 8) * _ROUNDING * size
        self.low: Final = aged + sum([value for value in values if value < 0]) - self.slack
        self.high: Final = aged + sum([value for value in values if value > 0]) + self.slack

    def between(self, first: int, end: int) -> Between:
        about = self.aged + self.sums[end] - self.sums[first]
        return about - self.slack, about + self.slack

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


class MeanEstimates(Estimates):
    """Averages. `numbers`: how many numbers each value is the sum of."""

    __slots__ = ("aged_number", "high", "low", "numbers", "sums")

    def __init__(self, values: list[Any], numbers: list[int], aged: float, aged_number: int, extremes: "ExtremeEstimates") -> None:
        self.sums: Final = SumEstimates(values, aged, exact=False)
        self.numbers: Final = [0, *accumulate(numbers)]
        self.aged_number: Final = aged_number
        self.low: Final = extremes.low
        self.high: Final = extremes.high

    def between(self, first: int, end: int) -> Between:
        number = self.aged_number + self.numbers[end] - self.numbers[first]
        if not number:
            return None
        about = (self.sums.aged + self.sums.sums[end] - self.sums.sums[first]) / number
        slack = self.sums.slack / number
        return about - slack, about + slack

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


class ExtremeEstimates(Estimates):
    """The smallest or largest: exact for ranges that begin with the first touchpoint."""

    __slots__ = ("high", "low", "running")

    def __init__(self, lows: list[Any], highs: list[Any], *, has_aged: bool, is_least: bool) -> None:
        """The smallest and the largest of each piece; `has_aged`: the first piece holds the values kept for ever."""
        running = list(accumulate(lows, min)) if is_least else list(accumulate(highs, max))
        self.running: Final[list[Any]] = running if has_aged else [None, *running]
        # Dates are too large for floats to hold exactly, so leave some room on both sides.
        self.low: Final = _below(min(lows))
        self.high: Final = -_below(-max(highs))

    def between(self, first: int, end: int) -> Between:
        if first == 0:
            return None if self.running[end] is None else (self.running[end], self.running[end])
        return None if first == end else (self.low, self.high)

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


class WithinEstimates(Estimates):
    """The same two bounds for every range."""

    __slots__ = ("high", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low: Final = low
        self.high: Final = high

    def between(self, first: int, end: int) -> Between:
        return self.low, self.high

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


def aggregate_estimates(kind: AggregateKind, aged: list[Any] | None, values: list[Any], buckets: list[Bucket]) -> Estimates | None:
    """Estimates for buckets and the values after them; `aged` as `Values` keeps it. None if a sum may be infinite, or nothing is there."""
    if not values and not buckets:
        return None
    extremes = None
    if kind != "sum":
        lows = [*([] if aged is None else [aged[1]]), *[bucket[SMALLEST] for bucket in buckets], *values]
        highs = [*([] if aged is None else [aged[2]]), *[bucket[LARGEST_VALUE] for bucket in buckets], *values]
        extremes = ExtremeEstimates(lows, highs, has_aged=aged is not None, is_least=kind == "min")
        if kind != "avg":
            return extremes
    totals = [*[bucket[TOTAL] for bucket in buckets], *values]
    aged_total = 0.0 if aged is None else exact_sum(aged[3:])
    if not isfinite(abs(aged_total) + sum([abs(float(value)) for value in totals])):
        return None
    if extremes is None:
        return SumEstimates(totals, aged_total, exact=False)
    numbers = [*[bucket[NUMBER] for bucket in buckets], *[1] * len(values)]
    return MeanEstimates(totals, numbers, aged_total, 0 if aged is None else aged[0], extremes)


def _below(value: Any) -> float:
    number = float(value)
    return number - abs(number) * 2 * _ROUNDING
