"""Accumulators over a moving window: exact up to 256 matching touchpoints, coarser but still bounded beyond that.

A touchpoint is in the window while `now - within < occurred_at`. Beyond 256, the oldest merge into buckets of at most 1/64 of the
window; a bucket counts as a whole until its latest touchpoint leaves the window. So a count, a sum and so on may be off by what one
bucket holds. All buckets are older than the 256, so results over fewer than 256 touchpoints are exact.

Buckets of a count are as narrow as their number allows: one microsecond at first, and twice as wide whenever there are too many.
So a count stays exact while merged touchpoints came at few different times, and is less wrong if many came in a short time.
"""

from bisect import bisect_left, bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import ITSELF, Windowed, value_definition
from etapa.journey.engine.accumulators.ever import number_or_none, with_partial
from etapa.journey.engine.accumulators.matching import NumberWatch, compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import Conversion, Match, Path, Weights

EXACT: Final = 256
BUCKETS: Final = 64
MOST_COUNTS: Final = 2 * BUCKETS + 2
"""Most buckets of a count: what a window needs when their width is a power of two between 1/128 and 1/64 of it."""
LARGEST: Final = 1.7976931348623157e308

Bucket = list[Any]
"""What is kept of merged values, at the positions that follow."""
NUMBER: Final = 0
TOTAL: Final = 1
SMALLEST: Final = 2
LARGEST_VALUE: Final = 3
RESTS: Final = 4
"""From here on: what the total lacks to be exact, as partials (see `Values`)."""


class CountWindow(Windowed):
    """When the matching touchpoints in the window occurred. Entry: the times, or with buckets [times, bucket times, bucket counts, level].

    All times ascend. A bucket's time is that of its latest touchpoint; its width is two to the power of the level.
    """

    __slots__ = ("coarsest",)

    def __init__(self, match: Match, within: int) -> None:
        super().__init__("count", match, within, times_at=ITSELF)
        self.coarsest: Final = coarsest_level(within)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        at = touchpoint.at
        gone = now - self.within
        if at <= gone:
            return
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [touchpoint.when]
            return
        if has_buckets(entry):
            self._record_beside_buckets(memory, entry, at, gone)
            return
        times: list[int] = entry
        # Nothing may be left of what two customers had.
        if times and times[0] <= gone:
            forget_before(gone, times)
        if not times or at >= times[-1]:
            kept: list[Any] = times
            kept.append(touchpoint.when)
        else:
            times.insert(bisect_right(times, at), at)
        if len(times) > EXACT:
            oldest = times.pop(0)
            memory[self.place] = [times, [oldest], [1], 0]

    def _record_beside_buckets(self, memory: Memory, entry: list[Any], at: int, gone: int) -> None:
        times: list[int] = entry[0]
        bucket_times: list[int] = entry[1]
        counts: list[int] = entry[2]
        forget_before(gone, times)
        forget_before(gone, bucket_times, counts)
        if not bucket_times:
            entry[3] = 0
        elif at <= bucket_times[-1]:
            entry[3] = put_into_bucket(bucket_times, counts, at, entry[3], self.coarsest)
            return
        times.insert(bisect_right(times, at), at)
        if len(times) > EXACT:
            entry[3] = put_into_bucket(bucket_times, counts, times.pop(0), entry[3], self.coarsest)
        if not bucket_times:
            memory[self.place] = times

    def united(self, kept: Any, other: Any, now: int) -> Any:
        both = [entry if has_buckets(entry) else [entry, [], [], 0] for entry in (kept, other)]
        united = united_counts(both[0], both[1], now - self.within, self.coarsest)
        return united if united[1] else united[0]


class ValueWindow(Windowed):
    """The numeric values in the window. Entry: [times, values, bucket times, buckets]; a bucket is [number, sum, smallest, largest, rest, …].

    Times ascend, with the values in the same order; at equal times the earlier arrival comes first.
    """

    __slots__ = ("bucket_width", "value_of", "watch")

    def __init__(self, path: Path, match: Match, within: int, conversion: Conversion | None = None, weights: Weights | None = None) -> None:
        super().__init__("values", match, within, *value_definition(path, conversion, weights))
        self.value_of: Final = compile_value(path, conversion, weights)
        self.watch: Final = NumberWatch()
        self.bucket_width: Final = width_of(within)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        for found in self.value_of.every(touchpoint):
            self._take(memory, found, touchpoint, now - self.within)

    def _take(self, memory: Memory, found: Any, touchpoint: Touchpoint, gone: int) -> None:
        value = number_or_none(found)
        at = touchpoint.at
        if value is None:
            self.watch.see_no_number(found, self.value_of, touchpoint)
            return
        if at <= gone:
            return
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [[at], [value], [], []]
            return
        times, values, bucket_times, buckets = entry
        forget_before(gone, times, values)
        forget_before(gone, bucket_times, buckets)
        if bucket_times and at <= bucket_times[-1]:
            put_value_into_bucket(bucket_times, buckets, at, value, self.bucket_width)
            return
        place = bisect_right(times, at)
        times.insert(place, at)
        values.insert(place, value)
        if len(times) > EXACT:
            put_value_into_bucket(bucket_times, buckets, times.pop(0), values.pop(0), self.bucket_width)

    def watches(self) -> list[Watch]:
        return [*super().watches(), self.watch, *self.value_of.watches()]

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return united_windows(kept, other, now - self.within, self.bucket_width)


def place_after(times: list[int], at: int) -> int:
    """What `bisect_right` says of ascending times. Compiled code needs no objects for it."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) >> 1
        if times[middle] <= at:
            low = middle + 1
        else:
            high = middle
    return low


def has_buckets(entry: list[Any]) -> bool:
    """Whether the entry of a `CountWindow` has buckets."""
    return bool(entry) and isinstance(entry[0], list)


def width_of(within: int) -> int:
    """The width of a bucket of values."""
    return -(-within // BUCKETS)


def straddling(bucket_times: list[int], gone: int, width: int) -> int:
    """The place of the bucket whose latest touchpoint is after `gone` while others may not be; -1 if there is none."""
    place = bisect_right(bucket_times, gone)
    return place if place < len(bucket_times) and bucket_times[place] // width * width <= gone else -1


def coarsest_level(within: int) -> int:
    """How often the width of a count's buckets may double, to at most 1/64 of the window."""
    return max(0, (within // BUCKETS).bit_length() - 1)


def put_into_bucket(bucket_times: list[int], counts: list[int], at: int, level: int, coarsest: int, number: int = 1) -> int:
    """Count touchpoints, the latest at `at`, in their bucket. Returns the new level of the buckets, which is higher if there were too many."""
    place, found = find_bucket(bucket_times, at, 1 << level)
    if found:
        counts[place] += number
    else:
        counts.insert(place, number)
    while len(bucket_times) > MOST_COUNTS and level < coarsest:
        level += 1
        width = 1 << level
        for later in range(len(bucket_times) - 1, 0, -1):
            if bucket_times[later] // width == bucket_times[later - 1] // width:
                counts[later - 1] += counts[later]
                del bucket_times[later - 1], counts[later]
    return level


def put_value_into_bucket(bucket_times: list[int], buckets: list[Bucket], at: int, value: Any, width: int) -> None:
    """Add a value at `at` to its bucket."""
    place, found = find_bucket(bucket_times, at, width)
    if not found:
        buckets.insert(place, [1, float(value), value, value])
        return
    number, total, smallest, largest, *rests = buckets[place]
    *rests, total = with_partial([*rests, total], float(value))
    if abs(total) > LARGEST:
        rests, total = [], LARGEST if total > 0 else -LARGEST
    buckets[place] = [number + 1, total, min(smallest, value), max(largest, value), *rests]


def uncertain_count(counts: list[int], place: int) -> int:
    """How many of the bucket at `place` may be on the other side; only its latest is certain. 0 if there is no bucket."""
    return counts[place] - 1 if place >= 0 else 0


def forget_before(gone: int, times: list[int], companions: list[Any] | None = None) -> None:
    """Remove everything that occurred at `gone` or earlier. Mostly one leaves at a time, and a slice takes several times as long."""
    while times and times[0] <= gone:
        del times[0]
        if companions is not None:
            del companions[0]


def united_counts(kept: list[Any], other: list[Any], gone: int, coarsest: int) -> list[Any]:
    """What two counts with buckets hold after `gone`: [times, bucket times, bucket counts, level]."""
    entries = (kept, other)
    level = max([entry[3] for entry in entries if entry[1] and entry[1][-1] > gone], default=0)
    bucket_times: list[int] = []
    counts: list[int] = []
    for at, number in sorted([each for entry in entries for each in zip(entry[1], entry[2], strict=True) if each[0] > gone]):
        level = put_into_bucket(bucket_times, counts, at, level, coarsest, number)
    times = sorted([at for entry in entries for at in entry[0] if at > gone])
    # All buckets are older than what is kept one by one.
    while len(times) > EXACT or (times and bucket_times and times[0] <= bucket_times[-1]):
        level = put_into_bucket(bucket_times, counts, times.pop(0), level, coarsest)
    return [times, bucket_times, counts, level if bucket_times else 0]


def united_windows(kept: list[Any], other: list[Any], gone: int, width: int) -> list[Any]:
    """What two windows of values hold after `gone`: [times, values, bucket times, buckets]."""
    entries = (kept, other)
    bucket_times: list[int] = []
    buckets: list[Bucket] = []
    for entry in entries:
        for at, bucket in zip(entry[2], entry[3], strict=True):
            if at > gone:
                put_bucket(bucket_times, buckets, at, bucket, width)
    times: list[int] = []
    values: list[Any] = []
    for entry in entries:
        for at, value in zip(entry[0], entry[1], strict=True):
            if at > gone:
                place = bisect_right(times, at)
                times.insert(place, at)
                values.insert(place, value)
    while len(times) > EXACT or (times and bucket_times and times[0] <= bucket_times[-1]):
        value = values.pop(0)
        put_bucket(bucket_times, buckets, times.pop(0), [1, float(value), value, value], width)
    return [times, values, bucket_times, buckets]


def put_bucket(bucket_times: list[int], buckets: list[Bucket], at: int, more: Bucket, width: int) -> None:
    """Add the values of `more`, the latest at `at`, to their bucket."""
    place, found = find_bucket(bucket_times, at, width)
    if not found:
        buckets.insert(place, more)
        return
    number, total, smallest, largest, *rests = buckets[place]
    for part in (*more[RESTS:], more[TOTAL]):
        *rests, total = with_partial([*rests, total], part)
        if abs(total) > LARGEST:
            rests, total = [], LARGEST if total > 0 else -LARGEST
    buckets[place] = [
        number + more[NUMBER],
        total,
        min(smallest, more[SMALLEST]),
        max(largest, more[LARGEST_VALUE]),
        *rests,
    ]


def find_bucket(bucket_times: list[int], at: int, width: int) -> tuple[int, bool]:
    """The place of the bucket for `at`, and whether it existed. Its time is inserted or updated here."""
    slot = at // width
    place = bisect_left(bucket_times, at)
    if place < len(bucket_times) and bucket_times[place] // width == slot:
        return place, True
    if place and bucket_times[place - 1] // width == slot:
        bucket_times[place - 1] = at
        return place - 1, True
    bucket_times.insert(place, at)
    return place, False
