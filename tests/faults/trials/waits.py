"""How long touchpoints wait: from sending one to reading the stage change that it makes, in any partition there is."""

import threading
import time
from collections.abc import Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.settings import Settings
from tests.faults.checking.follower import headers_of
from tests.integration.outcome import Message

_MOST_AT_ONCE = 1_000
_WAIT = 0.02
_LOOK_SECONDS = 1.0
"""Seconds between checks for new partitions."""


class _Change(msgspec.Struct):
    touchpoint_id: str | None
    sequence: int


class Waits:
    """Reads committed stage changes in a thread of its own, from `start` to `stop`. Each touchpoint's wait ends with the first change it makes."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic_stage_changes
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                # A group is required, but never joined: the partitions are assigned by hand.
                "group.id": f"{settings.group}-waits",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        self._known = 0
        self._decode = msgspec.json.Decoder(_Change).decode
        self._sent: dict[str, tuple[float, int]] = {}
        self._waited: list[tuple[float, float]] = []
        self._numbered: dict[bytes, dict[int, Message]] = {}
        self._lock = threading.Lock()
        self._outstanding: set[int] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waits", daemon=True)
        self.repeated: list[bytes] = []
        """Changes that came a second time."""
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def sends(self, touchpoint_id: str, customer: int) -> None:
        """A touchpoint of this customer is being sent now."""
        with self._lock:
            self._sent[touchpoint_id] = (time.monotonic(), customer)
            self._outstanding.add(customer)

    def is_waiting(self, customer: int) -> bool:
        """Whether a touchpoint of this customer has not made its change yet."""
        return customer in self._outstanding

    @property
    def outstanding(self) -> int:
        """How many touchpoints wait."""
        return len(self._sent)

    def between(self, since: float, until: float) -> Sequence[float]:
        """The waits, in seconds, of touchpoints that were sent between these times of the monotonic clock."""
        with self._lock:
            return [waited for sent, waited in self._waited if since <= sent < until]

    def still_waiting(self, since: float, until: float) -> int:
        """How many touchpoints that were sent between these times have not made their change yet."""
        with self._lock:
            return sum(since <= sent < until for sent, _ in self._sent.values())

    def changes(self) -> dict[bytes, list[Message]]:
        """Everything read, by customer, in order of the changes' numbers."""
        return {customer: [numbered[number] for number in sorted(numbered)] for customer, numbered in self._numbered.items()}

    def _run(self) -> None:
        try:
            looked = 0.0
            while not self._stopped.is_set():
                if time.monotonic() - looked >= _LOOK_SECONDS:
                    self._find_partitions()
                    looked = time.monotonic()
                messages = self._consumer.consume(_MOST_AT_ONCE, _WAIT)
                now = time.monotonic()
                for message in messages:
                    error = message.error()
                    if error is None:
                        self._take((message.key(), message.value(), tuple(headers_of(message))), now)
                    elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                        raise RuntimeError(error.str())
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._consumer.close()

    def _find_partitions(self) -> None:
        found = len(self._consumer.list_topics(self._topic, timeout=10).topics[self._topic].partitions)
        if found > self._known:
            self._consumer.incremental_assign([TopicPartition(self._topic, number, 0) for number in range(self._known, found)])
            self._known = found

    def _take(self, message: Message, now: float) -> None:
        key, value, headers = message
        if is_customer_moved(headers):
            return
        change = self._decode(value or b"")
        numbered = self._numbered.setdefault(key or b"", {})
        if change.sequence in numbered:
            self.repeated.append(value or b"")
        numbered[change.sequence] = message
        with self._lock:
            sent = self._sent.pop(change.touchpoint_id or "", None)
            if sent is not None:
                at, customer = sent
                self._waited.append((at, now - at))
                self._outstanding.discard(customer)
