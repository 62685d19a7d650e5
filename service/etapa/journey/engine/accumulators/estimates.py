"""What the touchpoints between two places of a series come to, nearly, without adding up all of them anew for each pair.

A span that moves on over many touchpoints asks for what it comes to each time one comes in or leaves. Worked out exactly each time, that takes
the square of their number. Here each answer is two numbers, between which the exact one lies; where a comparison says the same of both and
of all between them, it need not be worked out.
"""

from itertools import accumulate
from math import isfinite
from typing import Any, Final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.accumulators.ever import exact_sum
from etapa.journey.engine.accumulators.window import LARGEST_VALUE, NUMBER, SMALLEST, TOTAL, Bucket
from etapa.journey.language.model import AggregateKind

ENOUGH: Final = 12
"""Touchpoints from which on it pays."""
_ROUNDING: Final = 2.3e-16
"""A little more than a float's relative error."""

Between = tuple[Any, Any] | None
"""The least and the most that it may be; none where nothing is known, or where it may be missing. The same twice is exact."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Estimates:
    """`first` and `end` are places among the touchpoints, in the order of their times: from the first, up to but without the end."""

    __slots__ = ()

    def between(self, first: int, end: int) -> Between:
        """What those come to."""
        raise NotImplementedError

    def anywhere(self) -> tuple[Any, Any]:
        """Between what all of them lie, but for the missing value of none."""
        raise NotImplementedError


class SumEstimates(Estimates):
    """Sums; of whole numbers they are exact."""

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
    """Averages. `numbers`: how many each value is the sum of."""

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
    """The least or greatest: exact from the first on."""

    __slots__ = ("high", "low", "running")

    def __init__(self, lows: list[Any], highs: list[Any], *, has_aged: bool, is_least: bool) -> None:
        """The least and the greatest of each piece; `has_aged`: the first is of those that are kept for ever."""
        running = list(accumulate(lows, min)) if is_least else list(accumulate(highs, max))
        self.running: Final[list[Any]] = running if has_aged else [None, *running]
        # As dates are so large that floats do not hold them, some room on both sides.
        self.low: Final = _below(min(lows))
        self.high: Final = -_below(-max(highs))

    def between(self, first: int, end: int) -> Between:
        if first == 0:
            return None if self.running[end] is None else (self.running[end], self.running[end])
        return None if first == end else (self.low, self.high)

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


class WithinEstimates(Estimates):
    """Known is only between what it lies, whichever they are."""

    __slots__ = ("high", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low: Final = low
        self.high: Final = high

    def between(self, first: int, end: int) -> Between:
        return self.low, self.high

    def anywhere(self) -> tuple[Any, Any]:
        return self.low, self.high


def aggregate_estimates(kind: AggregateKind, aged: list[Any] | None, values: list[Any], buckets: list[Bucket]) -> Estimates | None:
    """Of values, after buckets that are older; `aged` as `Values` keeps it. None where a sum of some may be infinite, or there are none."""
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
