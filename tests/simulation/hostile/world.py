"""One run: a log of good and hostile batches, read from end to end as a worker reads it, and the most memory that this took.

The reader is `KafkaLog` on aiokafka's own consumer, whose connections lead to a broker in memory.
"""

import asyncio
import hashlib
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from aiokafka import TopicPartition

from etapa.contracts.outgoing.dead_letter import KEPT_BYTES
from etapa.settings import Settings
from etapa.stream.kafka.batches.lenient_batch import UNBOUNDED
from etapa.stream.kafka.batches.unpacking import bound_unpacking
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.protocol.records import Record
from tests.simulation.checking.controls import Safeguard
from tests.simulation.cluster.brokers import BOOTSTRAP
from tests.simulation.cluster.loop import ProcessLoop
from tests.simulation.cluster.wires import Wires, WireWeather
from tests.simulation.cluster.world import without_sockets
from tests.simulation.hostile.batches import MEBIBYTE, Sent, log_of
from tests.simulation.hostile.broker import FetchBroker
from tests.simulation.worlds.world import SimulationResult

SETTINGS: Final = Settings(
    kafka_bootstrap_servers=f"cluster:{BOOTSTRAP}", max_touchpoint_bytes=64 * 1024, max_unpacked_bytes=MEBIBYTE, batch_bytes=MEBIBYTE
)
MOST_MEMORY: Final = 8 * MEBIBYTE
"""The most memory that reading these logs may take: what is fetched, as much again unpacked, and a piece of a few mebibytes."""
_ENDS_WITHIN: Final = 600.0
_ANYTHING: Final = 2**60


class ReadingLoop(ProcessLoop):
    """Do at once what would otherwise run in a thread."""

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            done.set_exception(error)
        return done


class HostileWorld:
    """A run under way. `off` names safeguards that are switched off."""

    def __init__(self, seed: int, off: frozenset[Safeguard] = frozenset()) -> None:
        random = Random(seed)
        self._seed = seed
        self._off = off
        self._batches = log_of(random)
        self._loop = ReadingLoop(Random(random.random()))  # type: ignore[abstract]  # as in SimulationLoop
        self._events = Counter(batch.kind for batch in self._batches)
        self._trace: list[str] = []
        self._wrong: list[str] = []
        self.most_memory = 0
        """The most bytes allocated by Python at one time while reading."""
        broker = FetchBroker(SETTINGS.topic_touchpoints, self._batches)
        weather = WireWeather(delay=0.01, ordered=True)
        self._wires = Wires(self._loop, Random(random.random()), broker, weather, self._events, self._trace.append)
        self._drawn = Random(random.random())

    def run(self) -> SimulationResult:
        """The whole run."""
        with without_sockets(self._wires, self._drawn), _bound_put_back():
            self._loop.run_until_complete(self._read())
        self._wrong += self._loop.errors
        trace = "\n".join(self._trace)
        return SimulationResult(self._seed, self._wrong, trace, self._events, 0.0, hashlib.sha256(trace.encode()).hexdigest()[:16])

    async def _read(self) -> None:
        cluster = Cluster(SETTINGS)
        consumer = cluster.reading_consumer()
        consumer.assign([TopicPartition(SETTINGS.topic_touchpoints, 0)])
        await consumer.start()
        log = KafkaLog(cluster, 0, consumer)
        if "unpacks_within" in self._off:
            bound_unpacking(_ANYTHING)
        if "keeps_beginnings" in self._off:
            log._bounds = UNBOUNDED
        log.seek(0)
        sent = [one for batch in self._batches for one in batch.records]
        offset = 0
        async with asyncio.timeout(_ENDS_WITHIN):
            while offset < len(sent) and not self._wrong:
                for record in await self._fetch(log):
                    self._compare(record, offset, sent)
                    offset += 1
        await log.close()
        await stop_consumer(consumer)

    async def _fetch(self, log: KafkaLog) -> list[Record]:
        tracemalloc.start()
        try:
            fetched = await log.fetch(1_000, SETTINGS.batch_bytes, 0.5)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.most_memory = max(self.most_memory, peak)
        if peak > MOST_MEMORY:
            self._wrong.append(f"reading took {peak / MEBIBYTE:.1f} MiB, more than {MOST_MEMORY / MEBIBYTE:g}")
        return list(fetched.records)

    def _compare(self, record: Record, offset: int, sent: list[Sent]) -> None:
        self._trace.append(f"read {record.offset}, {len(record.value or b'')} bytes, {record.cut}")
        self._events["records"] += 1
        self._events["cut"] += record.cut is not None
        original = sent[min(offset, len(sent) - 1)]
        if record.offset != offset or not _is_of(record, original):
            self._wrong.append(f"the record at {record.offset} is not the one that was sent to {offset}")


def _is_of(record: Record, sent: Sent) -> bool:
    """Whether this is the record that was sent, or the part of it that may be kept."""
    cut = record.cut
    if cut is None:
        return (record.key, record.value, list(record.headers)) == (sent.key, sent.value, sent.headers)
    kept = sent.value[:KEPT_BYTES] if "value" in cut.parts else sent.value
    key = None if "key" in cut.parts else sent.key
    headers = [] if "headers" in cut.parts else sent.headers
    said = cut.size, cut.sha256
    return (record.key, record.value, list(record.headers), said) == (
        key,
        kept,
        headers,
        (len(sent.value), hashlib.sha256(sent.value).hexdigest()),
    )


@contextmanager
def _bound_put_back() -> Iterator[None]:
    """The bound applies to the whole process."""
    try:
        yield
    finally:
        bound_unpacking(Settings().max_unpacked_bytes)
