"""How a partition's stream time advances while no touchpoints arrive, and how far a batch may advance it.

Pure: the wall clock arrives as an argument. Times are microseconds since 1970.
"""

from collections.abc import Sequence

from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import SECOND


class QuietPace:
    """Where stream time may be by now in a partition that is caught up and reads nothing.

    After the last touchpoint it advances at the pace of the wall clock, so that a quiet partition fires its timers on time.
    A stream time further back than `quiet_after` means that history is being fed: it stands still, or the next touchpoints of
    that history would come too late for timers that they disprove. When nothing has come for `quiet_after`, it jumps to the
    wall clock, so that a partition catches up after a downtime. It never goes back and is never ahead of the wall clock
    (unless that was set back).
    """

    def __init__(self, quiet_after: int, monotonic: float) -> None:
        self._quiet_after = quiet_after
        self._heard_at = monotonic
        self._from: int | None = None
        self._position: int | None = None

    def heard(self, monotonic: float) -> None:
        """Touchpoints arrived at this time (seconds of a monotonic clock), or are known to be waiting."""
        self._heard_at = monotonic
        self._from = None

    def position(self, stream_time: int | None, wall: int, monotonic: float) -> int | None:
        """How far stream time may advance now; none while there is no stream time at all."""
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
    """Stream time after these have been processed: their latest time, but never ahead of the wall clock, and never going back."""
    latest = LONG_AGO if stream_time is None else stream_time
    for item in items:
        if isinstance(item, Touchpoint):
            at = min(item.at, wall)
            if at > latest:
                latest = at
    return None if latest == LONG_AGO else latest


def count_before(bound: int, items: Sequence[object], stream_time: int | None, wall: int) -> int:
    """How many of `items`, from the front, can be processed while stream time stays below `bound`."""
    if stream_time is not None and stream_time >= bound:
        return 0
    for position, item in enumerate(items):
        if isinstance(item, Touchpoint) and min(item.at, wall) >= bound:
            return position
    return len(items)
