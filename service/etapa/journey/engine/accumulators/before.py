"""Accumulators of what occurred up to a given time ago: older touchpoints count for ever, younger ones wait until they are old enough.

Up to 256 waiting touchpoints are kept one by one, more in buckets, as in a window. A bucket waits as a whole until its latest
touchpoint is old enough.
"""

from bisect import bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Matching, value_definition
from etapa.journey.engine.accumulators.ever import number_or_none, united_values, with_partial
from etapa.journey.engine.accumulators.kept_value import KeepsValues, keep
from etapa.journey.engine.accumulators.matching import NumberWatch, compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.accumulators.window import (
    EXACT,
    LARGEST_VALUE,
    NUMBER,
    RESTS,
    SMALLEST,
    TOTAL,
    Bucket,
    coarsest_level,
    put_into_bucket,
    put_value_into_bucket,
    united_counts,
    united_windows,
    width_of,
)
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import Conversion, Match, Path, Weights


class CountBefore(Matching):
    """Entry: [number of touchpoints that are old enough, times of the others, bucket times, bucket counts, level]."""

    __slots__ = ("before", "coarsest")

    def __init__(self, match: Match, before: int) -> None:
        super().__init__("count before", match, before)
        self.before: Final = before
        self.coarsest: Final = coarsest_level(before)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        at = touchpoint.at
        old = now - self.before
        entry = memory[self.place]
        if entry is None:
            entry = memory[self.place] = [0, [], [], [], 0]
        times: list[int] = entry[1]
        bucket_times: list[int] = entry[2]
        counts: list[int] = entry[3]
        aged = bisect_right(bucket_times, old)
        if aged:
            entry[0] += sum(counts[:aged])
            del bucket_times[:aged], counts[:aged]
            if not counts:
                entry[4] = 0
        aged = bisect_right(times, old)
        if aged:
            entry[0] += aged
            del times[:aged]
        if at <= old:
            entry[0] += 1
        elif bucket_times and at <= bucket_times[-1]:
            entry[4] = put_into_bucket(bucket_times, counts, at, entry[4], self.coarsest)
        else:
            times.insert(bisect_right(times, at), at)
            if len(times) > EXACT:
                entry[4] = put_into_bucket(bucket_times, counts, times.pop(0), entry[4], self.coarsest)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        old = now - self.before
        number = 0
        for entry in (kept, other):
            number += entry[0] + bisect_right(entry[1], old) + sum(entry[3][: bisect_right(entry[2], old)])
        return [number, *united_counts(kept[1:], other[1:], old, self.coarsest)]


class ValuesBefore(Matching):
    """Entry: [what `Values` keeps of those that are old enough, times, values, bucket times, buckets]; the last four as in `ValueWindow`."""

    __slots__ = ("before", "bucket_width", "value_of", "watch")

    def __init__(self, path: Path, match: Match, before: int, conversion: Conversion | None = None, weights: Weights | None = None) -> None:
        super().__init__("values before", match, before, *value_definition(path, conversion, weights))
        self.value_of: Final = compile_value(path, conversion, weights)
        self.before: Final = before
        self.bucket_width: Final = width_of(before)
        self.watch: Final = NumberWatch()

    def watches(self) -> list[Watch]:
        return [*super().watches(), self.watch, *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        for found in self.value_of.every(touchpoint):
            self._take(memory, found, touchpoint, now)

    def _take(self, memory: Memory, found: Any, touchpoint: Touchpoint, now: int) -> None:
        value = number_or_none(found)
        if value is None:
            self.watch.see_no_number(found, self.value_of, touchpoint)
            return
        at = touchpoint.at
        old = now - self.before
        entry = memory[self.place]
        if entry is None:
            entry = memory[self.place] = [None, [], [], [], []]
        _, times, values, bucket_times, buckets = entry
        self._let_age(entry, old)
        if at <= old:
            entry[0] = _with_bucket(entry[0], [1, float(value), value, value])
        elif bucket_times and at <= bucket_times[-1]:
            put_value_into_bucket(bucket_times, buckets, at, value, self.bucket_width)
        else:
            place = bisect_right(times, at)
            times.insert(place, at)
            values.insert(place, value)
            if len(times) > EXACT:
                put_value_into_bucket(bucket_times, buckets, times.pop(0), values.pop(0), self.bucket_width)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        old = now - self.before
        for entry in (kept, other):
            self._let_age(entry, old)
        aged = kept[0] if other[0] is None else other[0] if kept[0] is None else united_values(kept[0], other[0])
        return [aged, *united_windows(kept[1:], other[1:], old, self.bucket_width)]

    def _let_age(self, entry: list[Any], old: int) -> None:
        _, times, values, bucket_times, buckets = entry
        aged = bisect_right(bucket_times, old)
        if aged:
            for bucket in buckets[:aged]:
                entry[0] = _with_bucket(entry[0], bucket)
            del bucket_times[:aged], buckets[:aged]
        aged = bisect_right(times, old)
        if aged:
            for value in values[:aged]:
                entry[0] = _with_bucket(entry[0], [1, float(value), value, value])
            del times[:aged], values[:aged]


def _with_bucket(aged: list[Any] | None, bucket: Bucket) -> list[Any]:
    """`aged`, which is kept for ever, with a bucket added."""
    if aged is None:
        return [bucket[NUMBER], bucket[SMALLEST], bucket[LARGEST_VALUE], *bucket[RESTS:], bucket[TOTAL]]
    number, smallest, largest, *partials = aged
    for part in (*bucket[RESTS:], bucket[TOTAL]):
        partials = with_partial(partials, part)
    return [
        number + bucket[NUMBER],
        min(smallest, bucket[SMALLEST]),
        max(largest, bucket[LARGEST_VALUE]),
        *partials,
    ]


class LastBefore(KeepsValues):
    """The latest values. Entry: [[time, value] of the latest that is old enough or none, times, values, the latest omitted time or none].

    If more than 256 wait, one that shares 1/64 of the waiting time with another is omitted.
    """

    __slots__ = ("before", "bucket_width")

    def __init__(self, path: Path, match: Match, before: int, conversion: Conversion | None = None) -> None:
        super().__init__("last before", path, match, conversion, before)
        self.before: Final = before
        self.bucket_width: Final = width_of(before)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        at = touchpoint.at
        old = now - self.before
        value = keep(self.look(touchpoint), self.asks, touchpoint.zone)
        entry = memory[self.place]
        if entry is None:
            entry = memory[self.place] = [None, [], [], None]
        times: list[int] = entry[1]
        values: list[Any] = entry[2]
        _let_latest_age(entry, old)
        if at <= old:
            if entry[0] is None or at >= entry[0][0]:
                entry[0] = [at, value]
            return
        place = bisect_right(times, at)
        times.insert(place, at)
        values.insert(place, value)
        if len(times) > EXACT:
            self._leave_one_out(entry)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        for entry in (kept, other):
            _let_latest_age(entry, now - self.before)
        times: list[int] = kept[1]
        for at, value in zip(other[1], other[2], strict=True):
            place = bisect_right(times, at)
            times.insert(place, at)
            kept[2].insert(place, value)
        if other[0] is not None and (kept[0] is None or other[0][0] >= kept[0][0]):
            kept[0] = other[0]
        if other[3] is not None:
            kept[3] = other[3] if kept[3] is None else max(kept[3], other[3])
        while len(times) > EXACT:
            self._leave_one_out(kept)
        return kept

    def _leave_one_out(self, entry: list[Any]) -> None:
        times: list[int] = entry[1]
        for place in range(len(times) - 1):
            if times[place] // self.bucket_width == times[place + 1] // self.bucket_width:
                entry[3] = times[place] if entry[3] is None else max(entry[3], times[place])
                del times[place], entry[2][place]
                return


def _let_latest_age(entry: list[Any], old: int) -> None:
    times, values = entry[1], entry[2]
    aged = bisect_right(times, old)
    if aged:
        # Waiting values are later than the one that is old enough.
        entry[0] = [times[aged - 1], values[aged - 1]]
        del times[:aged], values[:aged]
