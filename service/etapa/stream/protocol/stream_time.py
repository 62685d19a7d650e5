"""A partition's stream time beyond what its touchpoints say: how it runs on while nothing arrives, and how many timers may fire at once.

Pure: the wall clock arrives as an argument. Times are microseconds since 1970.
"""

from collections.abc import Sequence

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import SECOND


class QuietPace:
    """Where stream time would be by now in a partition that is caught up and reads nothing.

    It runs on at the wall clock's pace from the last touchpoint, so that a quiet partition fires its timers on time.
    A stream time further back than `quiet_after` is history being fed: it stands still, or the next touchpoints of that
    history would come late for timers that they disprove. Once nothing came for `quiet_after`, it jumps to the wall
    clock, so that a partition catches up after a downtime. It never goes back and is never ahead of the wall clock
    (unless that was set back).
    """

    def __init__(self, quiet_after: int, monotonic: float) -> None:
        self._quiet_after = quiet_after
        self._heard_at = monotonic
        self._from: int | None = None
        self._position: int | None = None

    def heard(self, monotonic: float) -> None:
        """Touchpoints came at this time (seconds of a clock that never jumps), or are known to be waiting."""
        self._heard_at = monotonic
        self._from = None

    def position(self, stream_time: int | None, wall: int, monotonic: float) -> int | None:
        """Where stream time may go now; none while there is no stream time at all."""
        if stream_time is None:
            return None
        floor = stream_time if self._position is None else max(stream_time, self._position)
        if self._from is None:
            self._from = floor
        quiet = int((monotonic - self._heard_at) * SECOND)
        paced = self._from + quiet
        if quiet >= self._quiet_after:
            paced = wall
        elif wall - paced > self._quiet_after:
            paced = floor
        self._position = max(floor, min(paced, wall))
        return self._position


def stream_time_after(items: Sequence[object], stream_time: int | None, wall: int) -> int | None:
    """Stream time once these have been processed: the latest time they occurred at, never ahead of the wall clock, never back."""
    for item in items:
        if isinstance(item, Touchpoint):
            at = min(item.at, wall)
            if stream_time is None or at > stream_time:
                stream_time = at
    return stream_time


def count_before(bound: int, items: Sequence[object], stream_time: int | None, wall: int) -> int:
    """How many of `items`, from the front, can be processed while stream time stays below `bound`."""
    if stream_time is not None and stream_time >= bound:
        return 0
    for position, item in enumerate(items):
        if isinstance(item, Touchpoint) and min(item.at, wall) >= bound:
            return position
    return len(items)
