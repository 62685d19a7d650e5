"""A separate place for each test on the shared servers: topics, a group and a Redis prefix that no other test uses."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor

from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.topics.creation import create_topics
from etapa.stream.kafka.topics.topic_ids import TopicWatch, find_topics

_numbers = itertools.count(1)


def new_settings(bootstrap_servers: str, redis_url: str = "redis://127.0.0.1:1/0", **others: Any) -> Settings:
    """Settings whose names appear in no other test; the topics do not exist yet."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    return Settings(
        kafka_bootstrap_servers=bootstrap_servers,
        redis_url=RedisUrl(redis_url),
        group=name,
        topic_touchpoints=f"{name}.touchpoints",
        topic_stage_changes=f"{name}.stage-changes",
        topic_campaign_triggers=f"{name}.campaign-triggers",
        topic_campaign_outcomes=f"{name}.campaign-outcomes",
        topic_dead_letters=f"{name}.dead-letters",
        topic_customer_state=f"{name}.customer-state",
        topic_campaign_trigger_dead_letters=f"{name}.campaign-trigger-dead-letters",
        topic_delivery_progress=f"{name}.delivery-progress",
        topic_transfers=f"{name}.transfers",
        **{"partitions": 2, **others},
    )


async def new_place(bootstrap_servers: str, redis_url: str = "redis://127.0.0.1:1/0", **others: Any) -> Settings:
    """Settings of a new place whose topics exist."""
    settings = new_settings(bootstrap_servers, redis_url, **others)
    await create_topics(Cluster(settings))
    return settings


async def grow(settings: Settings, topic: str, partitions: int) -> None:
    """Give a topic more partitions, and wait until the broker shows them."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(partitions)})
        async with asyncio.timeout(30):
            while len((await admin.describe_topics([topic]))[0]["partitions"]) != partitions:
                await asyncio.sleep(0.01)
    finally:
        await admin.close()


async def delete_topic(settings: Settings, topic: str) -> None:
    """Delete a topic, as an operator in the wrong window may."""
    async with Cluster(settings).admin() as admin:
        await admin.delete_topics([topic])


async def recreate(settings: Settings, topic: str) -> None:
    """Delete a topic and make it again as `etapa topics create` does, and wait until all brokers show its new id."""
    cluster = Cluster(settings)
    async with cluster.admin() as admin, asyncio.timeout(60):
        before = (await find_topics(admin._client, [topic]))[topic].id
        await admin.delete_topics([topic])
        while topic in await find_topics(admin._client, [topic]):
            await asyncio.sleep(0.01)
        await create_topics(cluster)
        while (found := (await find_topics(admin._client, [topic])).get(topic)) is None or found.id == before:
            await asyncio.sleep(0.01)


async def alter(settings: Settings, topic: str, configs: dict[str, str]) -> None:
    """Change a topic's settings, and wait until the broker shows them."""
    async with Cluster(settings).admin() as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
        async with asyncio.timeout(30):
            while not configs.items() <= (await topic_settings(admin, [topic]))[topic].items():
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def started_consumer(settings: Settings, partition: int = 0) -> AsyncIterator[AIOKafkaConsumer]:
    """A worker's shared consumer, without partitions assigned by the group."""
    consumer = Cluster(settings).group_consumer()
    await consumer.start()
    consumer.assign([TopicPartition(settings.topic_touchpoints, partition)])
    try:
        yield consumer
    finally:
        await stop_consumer(consumer)


@contextlib.asynccontextmanager
async def opened_log(settings: Settings, partition: int = 0) -> AsyncIterator[KafkaLog]:
    async with started_consumer(settings, partition) as consumer:
        watch = TopicWatch(settings, consumer, seconds=0.1)
        watching = asyncio.create_task(watch.run())
        log = KafkaLog(Cluster(settings), partition, consumer, watch)
        try:
            yield log
        finally:
            watching.cancel()
            await log.close()


@contextlib.asynccontextmanager
async def stranger(
    settings: Settings, assignor: type[AbstractPartitionAssignor], group: str | None = None, topic: str | None = None
) -> AsyncIterator[AIOKafkaConsumer]:
    """A foreign consumer of the touchpoints (or of another topic) that uses the name of the workers' group (or of another one)."""
    consumer = AIOKafkaConsumer(
        topic or settings.topic_touchpoints,
        **client_options(settings),
        client_id="reports",
        group_id=group or settings.group,
        partition_assignment_strategy=(assignor,),
        session_timeout_ms=6_000,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def started_producer(settings: Settings, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**client_options(settings), **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(settings: Settings, topic: str, records: Sequence[tuple[bytes | None, bytes | None]], partition: int = 0) -> None:
    """Publish (key, value) records, without a transaction."""
    async with started_producer(settings, linger_ms=5) as producer:
        for answer in [await producer.send(topic, value, key, partition=partition) for key, value in records]:
            await answer


async def wait_until_settled(settings: Settings, topic: str) -> None:
    """Wait until every transaction in the topic has ended for readers too: a commit is answered a moment earlier."""
    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    async with contextlib.AsyncExitStack() as closing, asyncio.timeout(30):
        consumers = []
        for isolation in ("read_committed", "read_uncommitted"):
            consumer = AIOKafkaConsumer(**client_options(settings), isolation_level=isolation)
            closing.push_async_callback(consumer.stop)
            await consumer.start()
            consumers.append(consumer)
        while await consumers[0].end_offsets(places) != await consumers[1].end_offsets(places):
            await asyncio.sleep(0.01)


async def read_all(settings: Settings, topic: str, partition: int | None = None) -> list[Any]:
    """Every committed record of a topic (or of one partition), in order by partition. No transaction may be open."""
    await wait_until_settled(settings, topic)
    consumer = AIOKafkaConsumer(**client_options(settings), isolation_level="read_committed", auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = range(settings.partitions) if partition is None else [partition]
        places = [TopicPartition(topic, number) for number in partitions]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        records: dict[TopicPartition, list[Any]] = {place: [] for place in places}
        for place in places:
            while await consumer.position(place) < ends[place]:
                for where, got in (await consumer.getmany(place, timeout_ms=200)).items():
                    records[where].extend(got)
        return [record for place in places for record in records[place]]
    finally:
        await consumer.stop()
