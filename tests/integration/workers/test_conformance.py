import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from etapa.contracts.stored.mark import TopicRole
from etapa.settings import Settings
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.topics.topic_ids import role_names
from etapa.stream.kafka.writing.producer import transactional_id
from etapa.stream.protocol.records import Headers, Outgoing
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.view import PartitionKeys, RedisView
from tests.conformance.log_contract import LOG_CONTRACT, LogWorld
from tests.conformance.view_contract import VIEW_CONTRACT, ViewWorld
from tests.integration.hanging import abort_hanging, leave_hanging
from tests.integration.places import new_place, new_settings, opened_log, read_all, recreate, started_producer
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisCluster, RedisServer


class KafkaWorld:
    """One partition of fresh topics on a real Kafka."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, closing: contextlib.AsyncExitStack) -> None:
        self._settings = settings
        self._producer = producer
        self._closing = closing
        self._topics = {"stage_changes": settings.topic_stage_changes, "dead_letters": settings.topic_dead_letters}

    async def open(self) -> KafkaLog:
        return await self._closing.enter_async_context(opened_log(self._settings))

    async def produce(self, records: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> list[int]:
        batch = self._producer.create_batch()
        for key, value, headers in records:
            batch.append(timestamp=None, key=key, value=value, headers=list(headers))
        first = (await (await self._producer.send_batch(batch, self._settings.topic_touchpoints, partition=0))).offset
        return list(range(first, first + len(records)))

    async def published(self, kind: str) -> list[Outgoing]:
        return [Outgoing(one.key, one.value, one.headers) for one in await read_all(self._settings, self._topics[kind], 0)]

    async def leave_hanging(self) -> None:
        places = [TopicPartition(topic, 0) for topic in (self._settings.topic_customer_state, self._settings.topic_stage_changes)]
        await leave_hanging(self._settings, transactional_id(self._settings, 0), [(place, b"c", b"hangs") for place in places])

    async def abort_hanging(self) -> None:
        places = [TopicPartition(topic, 0) for topic in (self._settings.topic_customer_state, self._settings.topic_stage_changes)]
        await abort_hanging(self._settings, transactional_id(self._settings, 0), places)

    async def recreate(self, role: TopicRole) -> None:
        await recreate(self._settings, role_names(self._settings)[role])


class RedisWorld:
    """An empty prefix on a real Redis."""

    def __init__(self, settings: Settings, client: RedisClient, flush: Callable[[], None]) -> None:
        self._settings = settings
        self._client = client
        self._flush = flush

    async def open(self, partition: int = 0) -> RedisView:
        return RedisView(self._settings, self._client, partition)

    async def lose_mark(self, partition: int = 0) -> None:
        await self._client.delete(PartitionKeys(self._settings.redis_prefix, partition).mark)

    async def flush(self) -> None:
        self._flush()


@pytest.mark.kafka
@pytest.mark.parametrize("rule", LOG_CONTRACT, ids=lambda rule: rule.__name__)
def test_kafka_keeps_the_contract_of_a_log(kafka_server: KafkaServer, rule: Callable[[LogWorld], Awaitable[None]]) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with contextlib.AsyncExitStack() as closing:
            producer = await closing.enter_async_context(started_producer(settings))
            await rule(KafkaWorld(settings, producer, closing))

    asyncio.run(scenario())


@pytest.mark.redis
@pytest.mark.parametrize("kind", ["server", "cluster"])
@pytest.mark.parametrize("rule", VIEW_CONTRACT, ids=lambda rule: rule.__name__)
def test_redis_keeps_the_contract_of_a_view(
    request: pytest.FixtureRequest, kind: str, rule: Callable[[ViewWorld], Awaitable[None]]
) -> None:
    server: RedisServer | RedisCluster = request.getfixturevalue(f"redis_{kind}")

    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", server.url)
        client = connect(settings)
        try:
            await rule(RedisWorld(settings, client, server.flush))
        finally:
            await disconnect(client)

    asyncio.run(scenario())
