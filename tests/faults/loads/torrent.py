"""More touchpoints than a worker can process, from a separate process: `Torrent` starts `python -m tests.faults.loads.torrent`.

A few thousand made-up touchpoints of three days are prepared once, and then published again and again, each time for new
shoppers. So they cost almost nothing to make, and no touchpoint is later than the journey's grace.
"""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from etapa.embedded.shoppers import ShoppingTrip, touchpoints
from tests.servers.processes import ServerProcess, wait_until

_BEGIN = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_THREE_DAYS = 3 * 86_400_000_000
LATEST = _BEGIN + _THREE_DAYS
"""No usable touchpoint occurs later than this, in microseconds."""
TOUCHPOINTS_EACH = 20
_ROUND = 10_000
_COHORT = b"######"
"""Placeholder for the number of the cohort of shoppers in prepared touchpoints."""
_TEXT = b"@@@@@@"
"""Placeholder for a text of any length."""
_PORTION = 0.02
_SECONDS = 120

Record = tuple[bytes, bytes | None]


class Order(msgspec.Struct):
    """What to publish. Orders in the same scene differ in `seed`, so that no shopper is in two of them."""

    servers: str
    topic: str
    seed: int
    count: int
    rate: float | None
    """Touchpoints a second; None means as fast as the broker accepts them."""
    padding: int = 0
    """Bytes of text in the `properties` of each touchpoint that has any."""
    compression: str = "none"


class Done(msgspec.Struct):
    """The result of an order."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        """Touchpoints a second."""
        return self.count / self.seconds


class Torrent:
    """An order that is being carried out."""

    def __init__(self, order: Order, folder: Path) -> None:
        self._answer = folder / f"torrent-{order.seed}.json"
        command = [sys.executable, "-m", "tests.faults.loads.torrent", msgspec.json.encode(order).decode(), str(self._answer)]
        self._process = ServerProcess(command, folder / f"torrent-{order.seed}.log")

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    def done(self, seconds: float) -> Done:
        """Wait for its end."""
        wait_until(lambda: self.is_over, seconds, "the end of the torrent")
        if self._process.returncode:
            message = f"the torrent failed: {self._process.tail()}"
            raise RuntimeError(message)
        return msgspec.json.decode(self._answer.read_bytes(), type=Done)

    def stop(self) -> None:
        self._process.kill()


def records(seed: int, padding: int) -> Iterator[Record]:
    """The stream, without end."""
    plan = ShoppingTrip(seed, _BEGIN, LATEST, _THREE_DAYS // _ROUND, customers=_ROUND // TOUCHPOINTS_EACH, newcomer_every=TOUCHPOINTS_EACH)
    prepared: list[Record] = []
    for one in islice(touchpoints(plan), _ROUND):
        key = one.key + b"." + _COHORT
        value = one.value
        if value is not None:
            value = value.replace(b'"' + one.key + b'"', b'"' + key + b'"', 1)
            if padding:
                value = _with_text(value)
        prepared.append((key, value))
    text = b"x" * padding
    for number in count(1):
        cohort = b"%02d%04d" % (seed, number)
        for key, value in prepared:
            if value is not None:
                value = value.replace(_COHORT, cohort, 1).replace(_TEXT, text, 1)  # noqa: PLW2901 - the same value, made ready
            yield key.replace(_COHORT, cohort), value


def _with_text(value: bytes) -> bytes:
    """The same with a placeholder for a text; unchanged if there is no place for one."""
    return value.replace(b'"properties":{"', b'"properties":{"text":"' + _TEXT + b'","', 1)


def _publish(order: Order) -> Done:
    def told(error: KafkaError | None, message: Message) -> None:
        raise RuntimeError("" if error is None else error.str())

    producer = Producer(
        {
            "bootstrap.servers": order.servers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "batch.size": 900_000,
            "batch.num.messages": 10_000,
            "message.max.bytes": 2_000_000,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 200_000,
            "compression.type": order.compression,
            "on_delivery": told,
            "delivery.report.only.error": True,
            "log_level": 2,
        }
    )
    stream = islice(records(order.seed, order.padding), order.count)
    began, sent = time.monotonic(), 0
    while sent < order.count:
        due = order.count if order.rate is None else min(order.count, int((time.monotonic() - began) * order.rate))
        for key, value in islice(stream, max(0, due - sent)):
            _put(producer, order.topic, key, value)
        sent = max(sent, due)
        producer.poll(_PORTION)
    if producer.flush(_SECONDS):
        message = "not everything was confirmed"
        raise RuntimeError(message)
    return Done(order.count, time.monotonic() - began)


def _put(producer: Producer, topic: str, key: bytes, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(_PORTION)
        else:
            return


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(_publish(msgspec.json.decode(sys.argv[1], type=Order))))
