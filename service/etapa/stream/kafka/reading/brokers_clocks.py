"""How far our wall clock is from the clocks of the brokers.

The leader of a partition stamps the end of every transaction with its own clock, however the topic is configured. If we know that it
did so between two moments, we know its clock to within the time between them. Pure: clocks arrive as arguments.
Wall clocks are microseconds since 1970, moments are seconds of a clock that never jumps.
"""

from collections.abc import Mapping

import msgspec

from etapa.journey.units import SECOND

TOLERANCE = 60_000_000
"""Microseconds by which clocks may differ: less than the grace of any sensible journey, more than any synchronised clock drifts."""


class Stamp(msgspec.Struct, frozen=True):
    """A broker's clock read `at` when it wrote something, at some time after the moment `after` (none: unknown) and before `before`."""

    broker: int
    at: int
    after: float | None
    before: float


class Apart(msgspec.Struct, frozen=True):
    """Our clock is at least this many microseconds ahead of a broker's; negative if it is behind."""

    broker: int
    ahead: int


def ahead_of(stamp: Stamp, wall: int, moment: float) -> int:
    """By how much `wall`, our clock at `moment`, is at least ahead of the broker's, in microseconds; 0 if they may agree."""
    earliest = stamp.at + round((moment - stamp.before) * SECOND)
    if wall < earliest:
        return wall - earliest
    latest = wall if stamp.after is None else stamp.at + round((moment - stamp.after) * SECOND)
    return max(0, wall - latest)


class BrokersClocks:
    """The last stamp of each broker, and how far our clock, which may be set at any time, is from theirs."""

    def __init__(self) -> None:
        self._stamps: dict[int, Stamp] = {}

    def saw(self, stamp: Stamp) -> None:
        """Record a stamp. One without a known earliest moment counts only until there is a better one."""
        known = self._stamps.get(stamp.broker)
        if stamp.after is not None or known is None or known.after is None:
            self._stamps[stamp.broker] = stamp

    def farthest(self, wall: int, moment: float) -> Apart | None:
        """The broker whose clock is farthest from ours; none before the first stamp."""
        all_of_them = [Apart(stamp.broker, ahead_of(stamp, wall, moment)) for stamp in self._stamps.values()]
        return max(all_of_them, key=lambda one: abs(one.ahead), default=None)


def disagreement_in_words(apart: Apart | None, addresses: Mapping[int, str]) -> str:
    """What is wrong and what would be right, in words; empty when the clocks agree within `TOLERANCE`."""
    if apart is None or abs(apart.ahead) <= TOLERANCE:
        return ""
    seconds = abs(apart.ahead) // SECOND
    where = addresses.get(apart.broker)
    return (
        f"the clock here is {seconds} s {'ahead of' if apart.ahead > 0 else 'behind'} that of broker {apart.broker}{f' at {where}' if where else ''},"
        f" more than the allowed {TOLERANCE // SECOND} s. Synchronise both clocks with NTP; until then timers of quiet partitions fire too"
        " early or too late"
    )
