"""Touchpoints that all change their customer's stage, so that every transaction has a change that could be lost."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count, islice

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.settings import Settings

_PATH = ("home", "product_view", "purchase", "support_chat", "purchase", "delivery", "purchase", "complaint", "purchase", "pickup")
"""A customer of the shipped journey. Purchases after the third lead into loyalty, complaints out of it."""
_AT_ONCE = 3
"""Customers who are active at the same time."""
_FLUSH_SECONDS = 60.0
_TRAITS = {"marketing_consent": True}

Record = tuple[bytes, bytes]


def touchpoints(name: str, partition: int, partitions: int) -> Iterator[Record]:
    """Endless touchpoints of customers in this partition whose names have this prefix."""
    mine = (one for one in (f"{name}-{number}" for number in count()) if partition_of(one, partitions) == partition)
    while True:
        customers = list(islice(mine, _AT_ONCE))
        for step, (kind, customer) in enumerate((kind, customer) for kind in _PATH for customer in customers):
            fields = {
                "id": f"{customer}/{step}",
                "customer_id": customer,
                "type": kind,
                "occurred_at": format_time(time.time_ns() // 1000),
                "traits": _TRAITS,
            }
            yield customer.encode(), msgspec.json.encode(fields)


class Feed:
    """Publishes touchpoints, and records what the brokers have confirmed and what was sent in each partition."""

    def __init__(self, servers: str, settings: Settings) -> None:
        self._topic = settings.topic_touchpoints
        self._partitions = settings.partitions
        self._producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 2, "log_level": 2})
        self._streams: dict[int, Iterator[Record]] = {}
        self._ends = dict.fromkeys(range(settings.partitions), 0)
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        """Values sent since `begin`, by partition."""
        self.error: str | None = None

    @property
    def ends(self) -> Mapping[int, int]:
        """For each partition, the offset after the last touchpoint that the brokers have confirmed."""
        return dict(self._ends)

    def begin(self, name: str) -> None:
        """Go on with new customers, whose names have this prefix."""
        self.sent.clear()
        self._streams = {number: touchpoints(f"{name}-{number}", number, self._partitions) for number in range(self._partitions)}

    def send(self, partition: int, number: int) -> None:
        """Send so many touchpoints to this partition."""
        for key, value in islice(self._streams[partition], number):
            self._put(partition, key, value)

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything sent is confirmed. Raises RuntimeError if something was not."""
        left = self._producer.flush(_FLUSH_SECONDS)
        if left or self.error:
            raise RuntimeError(self.error or f"{left} touchpoints are not confirmed")

    def _put(self, partition: int, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, partition, on_delivery=partial(self._confirmed, partition))
            except BufferError:
                self._producer.poll(0.05)
            else:
                self.sent[partition].append(value)
                return

    def _confirmed(self, partition: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.error = f"a touchpoint was not taken: {error}"
            return
        self._ends[partition] = max(self._ends[partition], (message.offset() or 0) + 1)
