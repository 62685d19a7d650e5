"""Aggregates of single values, of merged values and of values kept for ever, and by how much they may be off.

A piece of merged values that straddles an end of the span is counted as a whole at the beginning, and left out as a whole at the end. The
bounds hold whatever part of it should have been counted: its latest value is after that end, every other one may be on either side.
"""

from itertools import product
from typing import Any, Final, NamedTuple

from etapa.journey.engine.accumulators.ever import exact_sum
from etapa.journey.engine.accumulators.window import LARGEST, LARGEST_VALUE, NUMBER, RESTS, SMALLEST, TOTAL, Bucket
from etapa.journey.language.kinds.aggregate import AggregateKind

_ROUNDING: Final = 1e-15
"""More than the relative error of the few sums that a bound of an average takes."""


class Pieces(NamedTuple):
    """The values of a span."""

    aged: list[Any] | None
    """Those kept for ever, as `Values` keeps them."""
    values: list[Any]
    buckets: list[Bucket]
    """Those that are in the span as a whole."""
    counted: Bucket | None = None
    """The one that straddles the beginning, and is counted."""
    left_out: Bucket | None = None
    """The one that straddles the end, and is not."""


def total_of(aged: list[Any] | None, values: list[Any], buckets: list[Bucket]) -> float:
    """The correctly rounded sum. Oldest first, because whatever has been infinite since long stays so, as in `with_partial`."""
    parts = [part for bucket in buckets for part in (bucket[TOTAL], *bucket[RESTS:])] if buckets else []
    return exact_sum(([] if aged is None else aged[3:]) + parts + values)


def aggregate(kind: AggregateKind, aged: list[Any] | None, values: list[Any], buckets: list[Bucket]) -> Any:
    """The aggregate; none if there is no value, or 0 for a sum."""
    if aged is None and not values and not buckets:
        return 0 if kind == "sum" else None
    if kind == "min":
        return min(values + [bucket[SMALLEST] for bucket in buckets] + ([] if aged is None else [aged[1]]))
    if kind == "max":
        return max(values + [bucket[LARGEST_VALUE] for bucket in buckets] + ([] if aged is None else [aged[2]]))
    total: Any = total_of(aged, values, buckets)
    return total if kind == "sum" else total / _number(aged, values, buckets)


def off_by_at_most(kind: AggregateKind, pieces: Pieces) -> Any:
    """By how much the aggregate may be off; none if there may be a value and none is counted, or none at all."""
    counted, left_out = pieces.counted, pieces.left_out
    if kind == "sum":
        return _uncertain_sum(counted) + _uncertain_sum(left_out)
    if kind == "avg":
        return _uncertain_mean(pieces)
    if left_out is not None and left_out[NUMBER] == 1:
        left_out = None
    sure = aggregate(kind, pieces.aged, pieces.values, pieces.buckets)
    if counted is None and sure is None:
        return None if left_out is not None else 0
    # As for the smallest: a largest value is the smallest of the negative ones.
    sign, most, least = (1, SMALLEST, LARGEST_VALUE) if kind == "min" else (-1, LARGEST_VALUE, SMALLEST)
    always = [] if sure is None else [sign * sure]
    seen = min(always + ([] if counted is None else [sign * counted[most]]))
    low = seen if left_out is None else min(seen, sign * left_out[most])
    high = min(always + ([] if counted is None else [sign * counted[least]]))
    return max(seen - low, high - seen)


def _number(aged: list[Any] | None, values: list[Any], buckets: list[Bucket]) -> int:
    number: int = len(values) + sum([bucket[NUMBER] for bucket in buckets]) + (0 if aged is None else aged[0])
    return number


def _uncertain_sum(bucket: Bucket | None) -> float:
    """All values of the bucket but the latest are uncertain."""
    if bucket is None or bucket[NUMBER] == 1:
        return 0
    number, total, smallest, largest = bucket[:RESTS]
    most: float = min(LARGEST, (number - 1) * max(abs(smallest), abs(largest)))
    # If all values have the same sign, the part on the other side is less than the total.
    return most if smallest < 0 < largest else min(most, abs(total) - min(abs(smallest), abs(largest)))


def _uncertain_mean(pieces: Pieces) -> Any:
    aged, values, buckets, counted, left_out = pieces
    seen_number = _number(aged, values, buckets) + (0 if counted is None else counted[NUMBER])
    if not seen_number:
        return None if left_out is not None and left_out[NUMBER] > 1 else 0
    sure, number = total_of(aged, values, buckets), _number(aged, values, buckets)
    seen = (sure + (0 if counted is None else counted[TOTAL])) / seen_number
    off, size = 0.0, abs(seen)
    uncertain = [
        *([] if counted is None else [_parts(counted, 1, counted[NUMBER])]),
        *([] if left_out is None else [_parts(left_out, 0, left_out[NUMBER] - 1)]),
    ]
    for chosen in product(*uncertain):
        # No `sum`: compiled, it would take the sum of no numbers, which is a whole one, for the type of all.
        among, low, high = float(number), sure, sure
        for part in chosen:
            among += part[0]
            low += part[1]
            high += part[2]
        low, high = low / among, high / among
        off, size = max(off, seen - low, high - seen), max(size, abs(low), abs(high))
    return off + _ROUNDING * size if off else 0


def _parts(bucket: Bucket, fewest: int, most: int) -> list[tuple[float, float, float]]:
    """The smallest and largest sums that so many of the bucket's values may have. Between these numbers an average is largest or smallest at one of them.

    Of n values with the sum T between a and b, k have a sum of at least k·a and T - (n - k)·b, and at most k·b and T - (n - k)·a.
    """
    total, low, high, number = bucket[TOTAL], bucket[SMALLEST], bucket[LARGEST_VALUE], bucket[NUMBER]
    numbers = [float(fewest), float(most)]
    if high > low:
        # Where the two limits are equal.
        numbers += [
            turn for turn in ((total - number * low) / (high - low), (number * high - total) / (high - low)) if fewest < turn < most
        ]
    return [(k, max(k * low, total - (number - k) * high), min(k * high, total - (number - k) * low)) for k in numbers]
