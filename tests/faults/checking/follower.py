"""Reads every topic as a `read_committed` consumer would, and keeps the books."""

import threading
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from etapa.contracts.stored.mark import MARK_KEY
from etapa.settings import Settings
from tests.faults.checking.books import Books, Headers
from tests.faults.checking.timing import Timing
from tests.faults.installation.log_ends import committed_ends

_MOST_AT_ONCE = 1_000
_WAIT = 0.05


class Follower:
    """Reads from `start` to `stop` in its own thread. It connects to brokers directly, past everything that is broken on purpose."""

    def __init__(self, servers: str, settings: Settings, books: Books, timing: Timing | None = None) -> None:
        self._servers = servers
        self._books = books
        self._timing = timing
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                # A group is required, but never joined: the partitions are assigned by hand.
                "group.id": f"{settings.group}-follower",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 50,
                # It must not notice a returning broker later than the worker does.
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 250,
                "topic.metadata.refresh.interval.ms": 1_000,
                "log_level": 2,
            }
        )
        self._take: dict[str, Callable[[Message], None]] = {
            settings.topic_touchpoints: self._touchpoint,
            settings.topic_stage_changes: self._stage_change,
            settings.topic_campaign_triggers: self._campaign_trigger,
            settings.topic_dead_letters: self._dead_letter,
            settings.topic_customer_state: self._state,
        }
        self._places = [TopicPartition(topic, number, 0) for topic in self._take for number in range(settings.partitions)]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.read: dict[tuple[str, int], int] = dict.fromkeys(((place.topic, place.partition) for place in self._places), 0)
        """The offset after the last record read, by topic and partition."""
        self._ends_reached: dict[tuple[str, int], int] = {}
        self.error: BaseException | None = None

    def is_through(self) -> bool:
        """Whether everything committed so far has been read."""
        ends = committed_ends(self._servers, self.read)
        return all(end == 0 or self._ends_reached.get(place, 0) >= end for place, end in ends.items())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._consumer.assign(self._places)
            while not self._stopped.is_set():
                for message in self._consumer.consume(_MOST_AT_ONCE, _WAIT):
                    self._deal_with(message)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._consumer.close()

    def _deal_with(self, message: Message) -> None:
        topic, number, offset = message.topic() or "", _number(message.partition()), message.offset() or 0
        error = message.error()
        if error is None:
            self._take[topic](message)
            self.read[topic, number] = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            self._ends_reached[topic, number] = offset
        elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise RuntimeError(error.str())

    def _touchpoint(self, message: Message) -> None:
        partition, offset = _number(message.partition()), _number(message.offset())
        self._books.touchpoint(partition, offset, message.key(), message.value())
        if self._timing is not None:
            self._timing.touchpoint(partition, offset, message.timestamp()[1])

    def _stage_change(self, message: Message) -> None:
        self._books.stage_change(_number(message.partition()), message.key() or b"", message.value() or b"", headers_of(message))

    def _campaign_trigger(self, message: Message) -> None:
        self._books.campaign_trigger(_number(message.partition()), message.key() or b"", message.value() or b"", headers_of(message))

    def _dead_letter(self, message: Message) -> None:
        self._books.dead_letter(message.key(), message.value(), headers_of(message))

    def _state(self, message: Message) -> None:
        partition = _number(message.partition())
        self._books.state(partition, _number(message.offset()), message.key() or b"", message.value())
        if self._timing is not None and message.key() == MARK_KEY:
            self._timing.mark(partition, self._books.marks[partition][1].through, message.timestamp()[1])


def _number(value: int | None) -> int:
    # The type allows None, which no record that was read has.
    assert value is not None
    return value


def headers_of(message: Message) -> Headers:
    """The headers of a record that have a value."""
    found: Sequence[tuple[str, bytes]] = [(header[0], header[1]) for header in message.headers() or () if isinstance(header[1], bytes)]
    return found
