"""Queries to an accumulator about a span of time: everything after `gone`, up to and including `upto`."""

from bisect import bisect_right
from typing import Any, Final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.accumulators.aggregating import Pieces, aggregate, off_by_at_most
from etapa.journey.engine.accumulators.before import CountBefore, ValuesBefore
from etapa.journey.engine.accumulators.estimates import Estimates, SumEstimates, aggregate_estimates
from etapa.journey.engine.accumulators.window import CountWindow, ValueWindow, has_buckets, straddling, uncertain_count, width_of
from etapa.journey.language.kinds.aggregate import AggregateKind


@mypyc_attr(allow_interpreted_subclasses=True)
class Series:
    """The queries. `entry` is never none; `nothing` is the answer if there is no entry."""

    __slots__ = ("accumulator", "nothing")

    def __init__(self, accumulator: Accumulator, nothing: Any) -> None:
        self.accumulator: Final = accumulator
        self.nothing: Final = nothing

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        """The value of the touchpoints in the span."""
        raise NotImplementedError

    def times(self, entry: Any) -> list[int]:
        """The times, ascending, at which the value can change as the span's ends move over them."""
        raise NotImplementedError

    def estimates(self, entry: Any) -> Estimates | None:
        """Estimates for the touchpoints at `times`; none if the exact value costs no more, or is beyond floats."""
        return None

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        """Whether the value is exact."""
        return True

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        """By how much a value that is not exact may be off; none if there is no bound."""
        return None


class Counted(Series):
    """How many there are in a window."""

    __slots__ = ("within",)

    def __init__(self, window: CountWindow) -> None:
        super().__init__(window, 0)
        self.within: Final = window.within

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        return _later(entry, gone) - _later(entry, upto)

    def times(self, entry: Any) -> list[int]:
        return [*entry[1], *entry[0]] if has_buckets(entry) else list(entry)

    def estimates(self, entry: Any) -> Estimates | None:
        counts = [*entry[2], *[1] * len(entry[0])] if has_buckets(entry) else [1] * len(entry)
        return SumEstimates(counts, 0.0, exact=True)

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not has_buckets(entry) or bool(self.off_by_at_most(entry, gone, upto) == 0)

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        return max([uncertain_count(entry[2], place) for place in _straddling_ends(entry[1], gone, upto, 1 << entry[3])])


def _straddling_ends(bucket_times: list[int], gone: int, upto: int, width: int) -> tuple[int, int]:
    """The buckets that straddle the beginning and the end. Their errors have opposite signs."""
    return straddling(bucket_times, gone, width), straddling(bucket_times, upto, width)


def _later(entry: Any, at: int) -> int:
    if has_buckets(entry):
        counts: list[int] = entry[2]
        return len(entry[0]) - bisect_right(entry[0], at) + sum(counts[bisect_right(entry[1], at) :])
    return len(entry) - bisect_right(entry, at)


class CountedBefore(Series):
    """How many there are up to a given time ago."""

    __slots__ = ("before",)

    def __init__(self, count: CountBefore) -> None:
        super().__init__(count, 0)
        self.before: Final = count.before

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        counts: list[int] = entry[3]
        return entry[0] + bisect_right(entry[1], upto) + sum(counts[: bisect_right(entry[2], upto)])

    def times(self, entry: Any) -> list[int]:
        return [*entry[2], *entry[1]]

    def estimates(self, entry: Any) -> Estimates | None:
        return SumEstimates([*entry[3], *[1] * len(entry[1])], float(entry[0]), exact=True)

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return bool(self.off_by_at_most(entry, gone, upto) == 0)

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        return uncertain_count(entry[3], straddling(entry[2], upto, 1 << entry[4]))


class Aggregated(Series):
    """The sum, average, smallest or largest of the values in a window."""

    __slots__ = ("kind", "within")

    def __init__(self, kind: AggregateKind, window: ValueWindow) -> None:
        super().__init__(window, 0 if kind == "sum" else None)
        self.kind: Final[AggregateKind] = kind
        self.within: Final = window.within

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        times, values, bucket_times, buckets = entry
        values = values[bisect_right(times, gone) : bisect_right(times, upto)]
        if buckets:
            buckets = buckets[bisect_right(bucket_times, gone) : bisect_right(bucket_times, upto)]
        return aggregate(self.kind, None, values, buckets)

    def times(self, entry: Any) -> list[int]:
        return [*entry[2], *entry[0]]

    def estimates(self, entry: Any) -> Estimates | None:
        return aggregate_estimates(self.kind, None, entry[1], entry[3])

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[3] or bool(self.off_by_at_most(entry, gone, upto) == 0)

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        times, values, bucket_times, buckets = entry
        values = values[bisect_right(times, gone) : bisect_right(times, upto)]
        begin, end = _straddling_ends(bucket_times, gone, upto, width_of(self.within))
        counted = buckets[begin] if begin >= 0 and begin != end else None
        left_out = buckets[end] if end >= 0 else None
        first = bisect_right(bucket_times, gone) + (0 if counted is None else 1)
        return off_by_at_most(self.kind, Pieces(None, values, buckets[first : bisect_right(bucket_times, upto)], counted, left_out))


class AggregatedBefore(Series):
    """The same for values up to a given time ago."""

    __slots__ = ("before", "kind")

    def __init__(self, kind: AggregateKind, values: ValuesBefore) -> None:
        super().__init__(values, 0 if kind == "sum" else None)
        self.kind: Final[AggregateKind] = kind
        self.before: Final = values.before

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        aged, times, values, bucket_times, buckets = entry
        return aggregate(self.kind, aged, values[: bisect_right(times, upto)], buckets[: bisect_right(bucket_times, upto)])

    def times(self, entry: Any) -> list[int]:
        return [*entry[3], *entry[1]]

    def estimates(self, entry: Any) -> Estimates | None:
        return aggregate_estimates(self.kind, entry[0], entry[2], entry[4])

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[4] or bool(self.off_by_at_most(entry, gone, upto) == 0)

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        aged, times, values, bucket_times, buckets = entry
        end = straddling(bucket_times, upto, width_of(self.before))
        values, buckets_in = values[: bisect_right(times, upto)], buckets[: bisect_right(bucket_times, upto)]
        return off_by_at_most(self.kind, Pieces(aged, values, buckets_in, None, buckets[end] if end >= 0 else None))
