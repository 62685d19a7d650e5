"""What a sum nearly is, and how near: mostly enough to compare it, and found much faster than the correctly rounded sum."""

from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.accumulators.quick_sums import quick_look
from etapa.journey.engine.accumulators.window import NUMBER, RESTS, SMALLEST, TOTAL, Bucket

ROUNDING: Final = 2.3e-16
"""A little more than a float's relative error."""

_EXACT: Final = 2.0**53
"""Up to this, floats hold every whole number."""

_QUICK: Final = quick_look


@final
@mypyc_attr(acyclic=True)
class EstimatedSum:
    """A sum lies between `least` and `most`; so do the rounded sums. `falls`: no value is negative, so it only falls as values leave."""

    __slots__ = ("falls", "least", "most")

    def __init__(self, least: float, most: float, *, falls: bool) -> None:
        self.least: Final = least
        self.most: Final = most
        self.falls: Final = falls


def estimated_sum(values: list[Any], buckets: list[Bucket]) -> EstimatedSum | None:
    """Of values and of merged ones (see `window`). None if there is an odd value: then only the exact sum tells.

    The error of a sum in floats, one by one, is at most the number of terms, times a float's relative error, times the sum of the absolute
    values (N. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 4.2).
    """
    quick = _QUICK
    seen = worked_out(values) if quick is None else quick(values)
    if seen is None:
        return None
    total, size, smallest = seen
    number = len(values)
    for bucket in buckets:
        number += len(bucket) - NUMBER
        smallest = min(smallest, float(bucket[SMALLEST]))
        for part in (bucket[TOTAL], *bucket[RESTS:]):
            total += part
            size += abs(part)
    slack = (number + 4) * ROUNDING * size
    return EstimatedSum(total - slack, total + slack, falls=smallest >= 0.0)


def worked_out(values: list[Any]) -> tuple[float, float, float] | None:
    """The sum of numbers, that of their absolute values, and the smallest of them and 0; none if a whole number does not fit into a float."""
    total = size = smallest = 0.0
    for value in values:
        if isinstance(value, int) and abs(value) > _EXACT:
            return None
        number = float(value)
        total += number
        size += abs(number)
        if number < smallest:
            smallest = number
    return total, size, smallest
