"""How large the batches may be that topics take, as far as that is known, and what does not fit in any way.

A topic's `max.message.bytes` (the brokers' `message.max.bytes` where it has none of its own) bounds a batch as it is sent. Brokers
tell it to whoever may describe the topic; else it is found out by being refused.
"""

from etapa.stream.kafka.topic_settings import LARGEST, TopicSettings
from etapa.stream.protocol.ports import Blocked, LogError

MAX_BATCH_BYTES = 900_000
"""Brokers take batches of up to 1,048,588 bytes unless told otherwise. Larger ones cost no less."""
_SEGMENT = "segment.bytes"
"""No batch may be larger than a file of the log."""


class RecordTooLarge(Blocked):
    """A single record does not fit into its topic, whatever is done to it. The message says which topic, and what would be right."""


class BatchTooLarge(LogError):
    """A topic takes less than was known, and refused a batch. The next one will be smaller."""


class TopicLimits:
    """Shared by all that a process writes. A partition's batch is never larger than what is known here, if that can be helped."""

    def __init__(self, unpacked: int) -> None:
        self.unpacked = unpacked
        """What readers of ours unpack at once at most."""
        self._told: dict[str, int] = {}
        self._learned: dict[str, int] = {}

    def largest(self, topic: str) -> int | None:
        """Bytes of a batch that the topic takes; none when nothing is known."""
        known = [limits[topic] for limits in (self._told, self._learned) if topic in limits]
        return min(known, default=None)

    def batch_bytes(self, topic: str) -> int:
        """Bytes to fill batches up to."""
        return min(MAX_BATCH_BYTES, self.largest(topic) or MAX_BATCH_BYTES)

    def tell(self, settings: TopicSettings) -> None:
        """What the brokers say. What was learned of a topic counts no more when they say something new of it."""
        for topic, entries in settings.items():
            bounds = [int(entries[name]) for name in (LARGEST, _SEGMENT) if entries.get(name, "").isdecimal()]
            if bounds and self._told.get(topic) != min(bounds):
                self._told[topic] = min(bounds)
                self._learned.pop(topic, None)

    def refuse(self, topic: str, size: int) -> int:
        """A batch of so many bytes was refused for its size. Gives what the next ones are kept to."""
        self._learned[topic] = max(1, size // 2)
        return self._learned[topic]

    def forget(self, topic: str) -> None:
        """Forget what was learned: an operator was asked to change it."""
        self._learned.pop(topic, None)


def too_large(topic: str, what: str, size: int, largest: int | None) -> RecordTooLarge:
    """The words for it."""
    takes = f"at most {largest:,}" if largest is not None else "less"
    return RecordTooLarge(
        f"{what} of {size:,} bytes does not fit into {topic}, which takes {takes}: max.message.bytes of the topic, or message.max.bytes of the"
        f" brokers where it has none. Raise it (kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config"
        f" max.message.bytes={_rounded_up(size)})"
    )


def _rounded_up(size: int) -> int:
    return -(-(size + 1024) // 1024) * 1024
