"""A steady stream of known touchpoints: made-up shoppers, the same for the same seed, with the flaws of real streams."""

import threading
import time
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from etapa.contracts.partitioner import partition_of
from etapa.embedded.shoppers import ShoppingTrip, touchpoints

_BEGIN = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_END = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
# So that a minute of load is some weeks of the shop: windows and absences of months begin and end within a run.
_PACE = 90 * 1_000_000
_TICK = 0.02
_ANSWER_SECONDS = 600


class Load:
    """Publishes `rate` touchpoints a second between `start` and `stop`, in its own thread. Nothing is lost or repeated on the way in."""

    def __init__(
        self, servers: str, topic: str, partitions: int, rate: float, seed: int, customers: int, spared: Container[int] = frozenset()
    ) -> None:
        """`spared` are partitions that get nothing; the others get as much as they would otherwise."""
        self.rate = rate
        self._topic = topic
        self._partitions = partitions
        plan = ShoppingTrip(seed, _BEGIN, _END, _PACE, customers=customers, newcomer_every=20.0)
        everything = touchpoints(plan)
        self._touchpoints = (one for one in everything if partition_of(one.key.decode(), partitions) not in spared)
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                # A slow record is only late; an abandoned one would be lost.
                "delivery.timeout.ms": _ANSWER_SECONDS * 1000,
                "reconnect.backoff.max.ms": 250,
                "retry.backoff.ms": 50,
                "topic.metadata.refresh.interval.ms": 5_000,
                "log_level": 2,
            }
        )
        self._ends = dict.fromkeys(range(partitions), 0)
        self._running = threading.Event()
        self._stopped = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.sent = 0
        self.latest = _BEGIN
        """The latest time of a touchpoint that was sent, in microseconds."""
        self.error: str | None = None

    @property
    def ends(self) -> Mapping[int, int]:
        """For each partition, the offset after the last touchpoint that the brokers have confirmed."""
        return dict(self._ends)

    def start(self) -> None:
        """Begin, or resume after `pause`."""
        if not self._thread.is_alive():
            self._thread.start()
        self._running.set()

    def pause(self) -> None:
        """Stop sending, and wait until the brokers have confirmed everything."""
        self._running.clear()
        self._idle.wait()
        self.flush()

    def send(self, key: bytes, value: bytes | None) -> None:
        """Publish one record by hand. The load must be paused."""
        self._put(key, value)

    def flush(self) -> None:
        """Wait until everything sent is confirmed. Raises RuntimeError if something was not."""
        left = self._producer.flush(_ANSWER_SECONDS)
        if left or self.error:
            raise RuntimeError(self.error or f"{left} touchpoints are not confirmed")

    def stop(self) -> None:
        self._stopped.set()
        self._running.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._idle.set()
            self._running.wait()
            self._idle.clear()
            started, due = time.monotonic(), 0
            while self._running.is_set() and not self._stopped.is_set():
                target = int((time.monotonic() - started) * self.rate)
                for _ in range(target - due):
                    one = next(self._touchpoints)
                    self.latest = max(self.latest, one.occurred_at)
                    self._put(one.key, one.value)
                due = target
                self._producer.poll(_TICK)
        self._idle.set()

    def _put(self, key: bytes, value: bytes | None) -> None:
        partition = partition_of(key.decode(), self._partitions)
        callback = partial(self._confirmed, partition)
        while True:
            try:
                self._producer.produce(self._topic, value, key, partition, on_delivery=callback)
            except BufferError:
                # The brokers are away for long. What was due meanwhile is sent when they are back.
                self._producer.poll(_TICK)
            else:
                self.sent += 1
                return

    def _confirmed(self, partition: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.error = f"a touchpoint was not taken: {error}"
            return
        self._ends[partition] = max(self._ends[partition], (message.offset() or 0) + 1)
