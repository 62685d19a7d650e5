"""By when Kafka has removed a record that is in a topic now, as far as the topic's settings say.

A segment is deleted whole once its latest record is older than `retention.ms`, and it takes records for `segment.ms` at most. Compaction
begins at most `max.compaction.lag.ms` after a record was written, provided that the partition still takes records; it removes what was
replaced, and a tombstone once it has stayed for `delete.retention.ms`.
See https://kafka.apache.org/documentation/#topicconfigs and KIP-354, KIP-534.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from etapa.contracts.outgoing.forget_certificate import Removal
from etapa.journey.units import MINUTE, SECOND

_MILLISECOND: Final = SECOND // 1000
_LOOKS_EVERY: Final = 5 * MINUTE
"""How often a broker looks for old segments, and a generous bound for the pauses of its cleaner, by default."""
_NEVER: Final = 100 * 366 * 24 * 3600 * 1000
"""Milliseconds beyond which a setting means for ever."""


class Lifetime(msgspec.Struct, frozen=True):
    """When a record is gone, in microseconds since 1970; none: the settings give no time."""

    removed_by: Removal
    gone_by: int | None
    because: str


def lifetime(settings: Mapping[str, str], at: int) -> Lifetime:
    """That of a record written at `at`, by the topic's settings as the brokers report them."""
    if "compact" in settings.get("cleanup.policy", "delete"):
        lag, stays = _milliseconds(settings, "max.compaction.lag.ms"), _milliseconds(settings, "delete.retention.ms")
        because = f"max.compaction.lag.ms={_told(lag)} and delete.retention.ms={_told(stays)}"
        return Lifetime("compaction", _sum(at, settings, lag, stays, lag), because)
    kept, segment = _milliseconds(settings, "retention.ms"), _milliseconds(settings, "segment.ms")
    return Lifetime("retention", _sum(at, settings, kept, segment), f"retention.ms={_told(kept)} and segment.ms={_told(segment)}")


def _sum(at: int, settings: Mapping[str, str], *parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    delayed = _milliseconds(settings, "file.delete.delay.ms") or 0
    return at + (sum(known) + delayed) * _MILLISECOND + _LOOKS_EVERY


def _milliseconds(settings: Mapping[str, str], name: str) -> int | None:
    """None: for ever, or not told."""
    told = settings.get(name)
    if told is None or not told.isdecimal() or int(told) > _NEVER:
        return None
    return int(told)


def _told(number: int | None) -> str:
    return "for ever or not told" if number is None else str(number)
