"""Accumulators over a moving window: exact up to 256 matching touchpoints, coarser and still bounded past that.

A touchpoint is in the window while `now - within < occurred_at`. Past 256 the oldest merge into buckets, each 1/64 of the
window wide; a bucket counts as a whole until its latest touchpoint leaves the window. So a count, a sum and so on may be
off by what one bucket holds.
"""

from bisect import bisect_left, bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulator import Matching
from etapa.journey.engine.customer import Memory
from etapa.journey.engine.memory import number_or_none
from etapa.journey.engine.touchpoint import Touchpoint
from etapa.journey.language.compare import compile_path
from etapa.journey.language.model import Match, Path

EXACT: Final = 256
BUCKETS: Final = 64
LARGEST: Final = 1.7976931348623157e308


class CountWindow(Matching):
    """When the matching touchpoints in the window occurred. Entry: [times, bucket times, bucket counts].

    All times ascend. A bucket's time is that of its latest touchpoint.
    """

    __slots__ = ("bucket_width", "within")

    times_place = 0

    def __init__(self, match: Match, within: int) -> None:
        super().__init__("count", match, within)
        self.within = within
        self.bucket_width = -(-within // BUCKETS)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if self.where is not None and not self.where(touchpoint):
            return
        at = touchpoint.at
        gone = now - self.within
        if at <= gone:
            return
        entry = memory.get(self.key)
        if entry is None:
            memory[self.key] = [[at], [], []]
            return
        times = entry[0]
        if times[0] <= gone:
            forget_before(gone, times)
        if entry[1]:
            forget_before(gone, entry[1], entry[2])
            if entry[1] and at <= entry[1][-1]:
                self._put_into_bucket(entry[1], entry[2], at)
                return
        if not times or at >= times[-1]:
            times.append(at)
        else:
            times.insert(bisect_right(times, at), at)
        if len(times) > EXACT:
            self._put_into_bucket(entry[1], entry[2], times.pop(0))

    def _put_into_bucket(self, bucket_times: list[int], counts: list[int], at: int) -> None:
        place, found = find_bucket(bucket_times, at, self.bucket_width)
        if found:
            counts[place] += 1
        else:
            counts.insert(place, 1)


class ValueWindow(Matching):
    """The numeric values in the window. Entry: [times, values, bucket times, buckets]; a bucket is [number, sum, smallest, largest].

    Times ascend, and the values go with them; of touchpoints at the same time the earlier arrival comes first.
    """

    __slots__ = ("bucket_width", "value_of", "within")

    times_place = 0

    def __init__(self, path: Path, match: Match, within: int) -> None:
        super().__init__("values", match, path, within)
        self.value_of = compile_path(path)
        self.within = within
        self.bucket_width = -(-within // BUCKETS)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if self.where is not None and not self.where(touchpoint):
            return
        value = number_or_none(self.value_of(touchpoint))
        at = touchpoint.at
        gone = now - self.within
        if value is None or at <= gone:
            return
        entry = memory.get(self.key)
        if entry is None:
            memory[self.key] = [[at], [value], [], []]
            return
        times, values, bucket_times, buckets = entry
        forget_before(gone, times, values)
        forget_before(gone, bucket_times, buckets)
        if bucket_times and at <= bucket_times[-1]:
            self._put_into_bucket(bucket_times, buckets, at, value)
            return
        place = bisect_right(times, at)
        times.insert(place, at)
        values.insert(place, value)
        if len(times) > EXACT:
            self._put_into_bucket(bucket_times, buckets, times.pop(0), values.pop(0))

    def _put_into_bucket(self, bucket_times: list[int], buckets: list[Any], at: int, value: float) -> None:
        place, found = find_bucket(bucket_times, at, self.bucket_width)
        if found:
            number, total, smallest, largest = buckets[place]
            total = max(-LARGEST, min(LARGEST, total + value))
            buckets[place] = [number + 1, total, min(smallest, value), max(largest, value)]
        else:
            buckets.insert(place, [1, float(value), value, value])


def forget_before(gone: int, times: list[int], companions: list[Any] | None = None) -> None:
    """Remove what occurred at `gone` or earlier."""
    if times and times[0] <= gone:
        left = bisect_right(times, gone)
        del times[:left]
        if companions is not None:
            del companions[:left]


def find_bucket(bucket_times: list[int], at: int, width: int) -> tuple[int, bool]:
    """The place of the bucket for `at`, and whether it was there; its time is entered or moved on here."""
    slot = at // width
    place = bisect_left(bucket_times, at)
    if place < len(bucket_times) and bucket_times[place] // width == slot:
        return place, True
    if place and bucket_times[place - 1] // width == slot:
        bucket_times[place - 1] = at
        return place - 1, True
    bucket_times.insert(place, at)
    return place, False
