"""The aggregates of the values in a window, of all of them and of the latest ones."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final, NamedTuple

from etapa.journey.engine.accumulators.aggregating import total_of
from etapa.journey.engine.accumulators.estimated_sums import ROUNDING
from etapa.journey.engine.accumulators.window import LARGEST_VALUE, NUMBER, SMALLEST, TOTAL, Bucket
from etapa.journey.language.kinds.aggregate import AggregateKind

Number = int | float | None


def _sum(values: list[Any], buckets: list[Bucket]) -> Number:
    return total_of(None, values, buckets) if values or buckets else 0


def _average(values: list[Any], buckets: list[Bucket]) -> Number:
    number = len(values) + sum([bucket[NUMBER] for bucket in buckets])
    return total_of(None, values, buckets) / number if number else None


def _smallest(values: list[Any], buckets: list[Bucket]) -> Number:
    return min(values + [bucket[SMALLEST] for bucket in buckets], default=None)


def _largest(values: list[Any], buckets: list[Bucket]) -> Number:
    return max(values + [bucket[LARGEST_VALUE] for bucket in buckets], default=None)


Estimates = tuple[list[Any], float]
"""The aggregate of the latest value, of the latest two, and so on; and by how much each may be off."""


def _sums(values: list[Any], buckets: list[Bucket]) -> Estimates:
    newest_first = [*reversed(values), *[bucket[TOTAL] for bucket in reversed(buckets)]]
    return list(accumulate(newest_first)), (len(newest_first) + 4) * ROUNDING * sum(map(abs, newest_first))


def _averages(values: list[Any], buckets: list[Bucket]) -> Estimates:
    sums, slack = _sums(values, buckets)
    numbers = accumulate([*[1] * len(values), *[bucket[NUMBER] for bucket in reversed(buckets)]])
    return [total / number for total, number in zip(sums, numbers, strict=True)], slack


def _smallest_ones(values: list[Any], buckets: list[Bucket]) -> Estimates:
    return list(accumulate([*reversed(values), *[bucket[SMALLEST] for bucket in reversed(buckets)]], min)), 0.0


def _largest_ones(values: list[Any], buckets: list[Bucket]) -> Estimates:
    return list(accumulate([*reversed(values), *[bucket[LARGEST_VALUE] for bucket in reversed(buckets)]], max)), 0.0


class WindowAggregate(NamedTuple):
    of: Callable[[list[Any], list[Bucket]], Number]
    estimates: Callable[[list[Any], list[Bucket]], Estimates]


AGGREGATES: Final[dict[AggregateKind, WindowAggregate]] = {
    "sum": WindowAggregate(_sum, _sums),
    "avg": WindowAggregate(_average, _averages),
    "min": WindowAggregate(_smallest, _smallest_ones),
    "max": WindowAggregate(_largest, _largest_ones),
}
