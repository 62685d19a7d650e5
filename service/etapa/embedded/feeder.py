"""Sends touchpoints to the private broker at a steady rate, and never further ahead than the broker can store."""

from collections.abc import Iterator, Sequence

from confluent_kafka import Producer

from etapa.contracts.partitioner import partition_of
from etapa.embedded.broker import KEPT_BYTES_PER_PARTITION, PARTITIONS
from etapa.embedded.shoppers import SentTouchpoint

_RECORD_OVERHEAD = 80
"""A generous estimate of a record's bytes besides key and value, including its share of the batch header."""
_MOST_AHEAD_BYTES = KEPT_BYTES_PER_PARTITION // 3
_REMEMBERED = 20_000

_FLUSH_SECONDS = 5.0
_SHORTEST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25
_USUALLY_UNREAD_SECONDS = 0.5
"""What is under way between us and the worker is not known any better."""


class Feeder:
    """`rate` is touchpoints a second. Methods are given the time, in seconds of a clock that never goes back."""

    def __init__(self, address: str, topic: str, shoppers: Iterator[SentTouchpoint], rate: float) -> None:
        # What is sent at one moment goes out as one batch for each partition: nothing leaves before the flush. Logging is off,
        # because the broker may end first.
        self._producer = Producer({"bootstrap.servers": address, "linger.ms": 10_000, "batch.num.messages": 100_000, "log_level": 0})
        self._topic = topic
        self._shoppers = shoppers
        self._rate = rate
        self._next = next(shoppers, None)
        self._shop_time = 0 if self._next is None else self._next.arrives_at
        self._partitions: dict[bytes, int] = {}
        self.sent = 0
        """Records sent so far, of all kinds."""
        self._sent = [0] * PARTITIONS
        self._bytes = [0] * PARTITIONS
        self._read = [0] * PARTITIONS
        self._begun: float | None = None
        self._not_before = 0.0
        self._owed_from = 0
        self._times: dict[str, float] = {}
        self._older_times: dict[str, float] = {}
        self.held_back = False
        """Whether the last time less was sent than the rate asks for, because the worker was too far behind."""

    @property
    def shop_time(self) -> int:
        """The shop's time at the next record, or at the last one when all are sent, in microseconds since 1970."""
        return self._shop_time

    @property
    def is_through(self) -> bool:
        """Whether there is nothing more to send."""
        return self._next is None

    def has_read(self, read: Sequence[int]) -> None:
        """Note how many records the worker has processed, by partition."""
        self._read = list(read)

    def unread(self) -> int:
        """Records that were sent but that the worker has not processed."""
        return self.sent - sum(self._read)

    def feed(self, now: float) -> None:
        """Send what is due by now, unless the last time was too recent."""
        if self._begun is None:
            self._begun = now
        if now < self._not_before:
            return
        self._not_before = now + self._pause()
        due = self._owed_from + int((now - self._begun) * self._rate)
        self.held_back = False
        while self._next is not None and self.sent < due:
            partition = self._partition_of(self._next.key)
            if self._is_far_ahead(partition):
                # It is not made up for later: that would only flood a worker that is catching up.
                self.held_back = True
                self._begun, self._owed_from = now, self.sent
                break
            self._send(self._next, partition, now)
            self._next = next(self._shoppers, None)
            self._shop_time = self._shop_time if self._next is None else self._next.arrives_at
        self.flush(_FLUSH_SECONDS)

    def _pause(self) -> float:
        """Seconds until more is sent.

        The private broker answers a fetch with one batch for each partition, however many there are. So a worker that is behind
        catches up only with larger, and therefore fewer, batches.
        """
        behind = self.unread() / self._rate - _USUALLY_UNREAD_SECONDS
        return min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, behind / 4))

    def sent_at(self, touchpoint_id: str) -> float | None:
        """When a touchpoint was sent; None if that was too many touchpoints ago."""
        return self._times.get(touchpoint_id) or self._older_times.get(touchpoint_id)

    def flush(self, seconds: float) -> int:
        """Wait until the broker has everything; returns how many records it still lacks after `seconds`."""
        return self._producer.flush(seconds)

    def _send(self, record: SentTouchpoint, partition: int, now: float) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value=record.value, key=record.key, partition=partition)
                break
            except BufferError:
                # The client's queue is full.
                self.flush(_FLUSH_SECONDS)
        self.sent += 1
        self._sent[partition] += 1
        self._bytes[partition] += len(record.key) + len(record.value or b"") + _RECORD_OVERHEAD
        if record.flaw in (None, "late"):
            self._times[record.touchpoint_id] = now
            if len(self._times) == _REMEMBERED:
                self._older_times, self._times = self._times, {}

    def _is_far_ahead(self, partition: int) -> bool:
        sent = self._sent[partition]
        if not sent:
            return False
        return (sent - self._read[partition]) * (self._bytes[partition] / sent) > _MOST_AHEAD_BYTES

    def _partition_of(self, key: bytes) -> int:
        partition = self._partitions.get(key)
        if partition is None:
            partition = self._partitions[key] = partition_of(key.decode(), PARTITIONS)
        return partition
