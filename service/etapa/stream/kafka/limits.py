"""How large a batch each topic accepts, as far as that is known, and the error for records that are too large.

A topic's `max.message.bytes` (or else the brokers' `message.max.bytes`) limits a batch as it is sent. Brokers tell the limit to clients
that may describe the topic; the others learn it from a refusal.
"""

from etapa.stream.kafka.topic_settings import LARGEST, TopicSettings
from etapa.stream.protocol.ports import Blocked, LogError

MAX_BATCH_BYTES = 900_000
"""By default brokers accept batches of up to 1,048,588 bytes. Larger batches are no cheaper."""
_SEGMENT = "segment.bytes"
"""No batch may be larger than a log segment."""


class RecordTooLarge(Blocked):
    """A single record does not fit into its topic in any way. The message says which topic, and what would be right."""


class BatchTooLarge(LogError):
    """A topic refused a batch because its limit is lower than we knew. The next batch will be smaller."""


class TopicLimits:
    """The limits that are known, shared by everything a process writes. Batches stay within them where possible."""

    def __init__(self, unpacked: int) -> None:
        self.unpacked = unpacked
        """The most bytes that our readers decompress at once."""
        self._told: dict[str, int] = {}
        self._learned: dict[str, int] = {}

    def largest(self, topic: str) -> int | None:
        """The largest batch that the topic accepts, in bytes; none when unknown."""
        known = [limits[topic] for limits in (self._told, self._learned) if topic in limits]
        return min(known, default=None)

    def batch_bytes(self, topic: str) -> int:
        """The size up to which to fill batches, in bytes."""
        return min(MAX_BATCH_BYTES, self.largest(topic) or MAX_BATCH_BYTES)

    def tell(self, settings: TopicSettings) -> None:
        """Record the brokers' settings. A new limit for a topic replaces what was learned from refusals."""
        for topic, entries in settings.items():
            bounds = [int(entries[name]) for name in (LARGEST, _SEGMENT) if entries.get(name, "").isdecimal()]
            if bounds and self._told.get(topic) != min(bounds):
                self._told[topic] = min(bounds)
                self._learned.pop(topic, None)

    def refuse(self, topic: str, size: int) -> int:
        """Record that a batch of `size` bytes was too large. Returns the limit for the next ones."""
        self._learned[topic] = max(1, size // 2)
        return self._learned[topic]

    def forget(self, topic: str) -> None:
        """Forget what refusals taught us: an operator was asked to change the limit."""
        self._learned.pop(topic, None)


def too_large(topic: str, what: str, size: int, largest: int | None) -> RecordTooLarge:
    """The error, in words, for something that is too large for `topic`."""
    takes = f"at most {largest:,}" if largest is not None else "less"
    return RecordTooLarge(
        f"{what} of {size:,} bytes does not fit into {topic}, which takes {takes}: max.message.bytes of the topic, or message.max.bytes of the"
        f" brokers where it has none. Raise it (kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config"
        f" max.message.bytes={_rounded_up(size)})"
    )


def _rounded_up(size: int) -> int:
    return -(-(size + 1024) // 1024) * 1024
