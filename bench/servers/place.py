"""Where contestants meet: a real Kafka and a real Redis as processes of their own, and the topics filled with touchpoints."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.workload.touchpoints import KeyAndValue
from etapa.contracts.partitioner import partition_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports
from tests.servers.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
_SETTLE_SECONDS = 30.0


class BenchPlace(NamedTuple):
    """Servers that run, and a folder for what contestants write."""

    kafka: str
    redis_url: str
    partitions: int
    folder: Path
    kafka_pid: int = 0
    redis_pid: int = 0

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)

    def worker_environment(self, group: str, topic: str) -> dict[str, str]:
        """Settings of an Etapa worker with output topics of its own."""
        outputs = {name: f"{group}-{name.lower().replace('_', '-')}" for name in OUTPUTS}
        return {
            "ETAPA_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "ETAPA_REDIS_URL": self.redis_url,
            "ETAPA_PARTITIONS": str(self.partitions),
            "ETAPA_GROUP": group,
            "ETAPA_TOPIC_TOUCHPOINTS": topic,
            **{f"ETAPA_TOPIC_{name}": output for name, output in outputs.items()},
            "ETAPA_HTTP_PORT": str(free_ports(1)[0]),
            "ETAPA_LOG_LEVEL": "error",
        }


OUTPUTS = (
    "STAGE_CHANGES",
    "CAMPAIGN_TRIGGERS",
    "CAMPAIGN_OUTCOMES",
    "CAMPAIGN_TRIGGER_DEAD_LETTERS",
    "DELIVERY_PROGRESS",
    "DEAD_LETTERS",
    "CUSTOMER_STATE",
)


@contextlib.contextmanager
def servers(partitions: int, features: Mapping[str, int] | None = None) -> Iterator[BenchPlace]:
    """Kafka and Redis, from now to the end of the block; `features` are levels that the cluster agrees on, else Kafka's own."""
    with tempfile.TemporaryDirectory(prefix="etapa-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        kafka = KafkaServer(folder / "kafka", features=features)
        stack.callback(kafka.stop)
        kafka_pid = _started(kafka.start)
        store = RedisServer(folder / "redis")
        stack.callback(store.stop)
        redis_pid = _started(store.start)
        yield BenchPlace(kafka.bootstrap_servers, store.url, partitions, folder, kafka_pid, redis_pid)


def _started(start: Callable[[], None]) -> int:
    """The process that a server is."""
    before = {child.pid for child in psutil.Process().children()}
    start()
    [server] = [child.pid for child in psutil.Process().children() if child.pid not in before]
    return server


@contextlib.contextmanager
def running(module: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A Python module as a process of its own, asked to end at the end of the block."""
    with running_command([sys.executable, "-W", "ignore", "-m", *module], environment) as process:
        yield process


@contextlib.contextmanager
def running_command(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The same for any command."""
    process = subprocess.Popen(
        list(command),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        # Linux shares busy cores out among sessions. The contestant has one to itself, as Kafka and Redis have.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def prefer(processes: Iterable[int]) -> None:
    """Have Linux give these processes' sessions the cores before others. It needs to be root for that."""
    for process in processes:
        Path(f"/proc/{process}/autogroup").write_text("-12", encoding="ascii")


def create_worker_topics(environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "etapa", "topics", "create"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)


async def create_topic(kafka: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


async def fill(place: BenchPlace, topic: str, touchpoints: Sequence[KeyAndValue]) -> list[int]:
    """Make a topic and put touchpoints into it, in order. Gives the number in each partition."""
    await create_topic(place.kafka, topic, place.partitions)
    return await put(place.kafka, topic, place.partitions, touchpoints)


async def put(kafka: str, topic: str, partitions: int, touchpoints: Iterable[KeyAndValue]) -> list[int]:
    """Put touchpoints into a topic, in order. Gives the number in each partition."""
    filled = [0] * partitions
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=256 * 1024, linger_ms=20)
    await producer.start()
    try:
        batches = [producer.create_batch() for _ in filled]
        for key, value in touchpoints:
            partition = partition_of(key.decode(), partitions)
            if batches[partition].append(key=key, value=value, timestamp=None) is None:
                await producer.send_batch(batches[partition], topic, partition=partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(key=key, value=value, timestamp=None)
            filled[partition] += 1
        for partition, batch in enumerate(batches):
            if batch.record_count():
                await producer.send_batch(batch, topic, partition=partition)
    finally:
        await producer.stop()
    return filled


async def _ends(kafka: str, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_uncommitted")
    await consumer.start()
    try:
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        return ends
    finally:
        await consumer.stop()


async def everything_in(kafka: str, topic: str, partitions: int) -> list[bytes]:
    """The values of all committed records of a topic, in order within each partition."""
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    await consumer.start()
    try:
        # A commit is answered a moment before readers may see it.
        ends = await _ends(kafka, places)
        async with asyncio.timeout(_SETTLE_SECONDS):
            while await consumer.end_offsets(places) != ends:  # noqa: ASYNC110 - brokers tell nobody when it is so
                await asyncio.sleep(0.05)
        consumer.assign(places)
        values: list[bytes] = []
        while any([await consumer.position(one) < ends[one] for one in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()
