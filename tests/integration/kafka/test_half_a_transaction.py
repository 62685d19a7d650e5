"""What half a transaction leaves behind on a real Kafka, and what reports it."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiokafka import TopicPartition

from etapa.settings import Settings
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from tests.integration.outcome import followed, until
from tests.integration.places import new_place, put, read_all, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def put_customers(settings: Settings, *names: str) -> None:
    """A touchpoint of each customer."""
    fields = [{"id": f"t-{name}", "customer_id": name, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"} for name in names]
    await put(settings, settings.topic_touchpoints, [(one["customer_id"].encode(), msgspec.json.encode(one)) for one in fields])


async def publish_a_change(settings: Settings) -> None:
    """As left by a batch whose mark was aborted, without anybody learning of it."""
    last = (await read_all(settings, settings.topic_stage_changes))[-1]
    headers = [(name, last.key + b"/3" if name == "ce_id" else value) for name, value in last.headers]
    async with started_producer(settings) as producer:
        await producer.send_and_wait(settings.topic_stage_changes, last.value, last.key, partition=0, headers=headers)


async def move_offset_ahead(settings: Settings) -> None:
    """As left by a batch of which only the offset was committed."""
    consumer = Cluster(settings).group_consumer()
    consumer.subscribe([settings.topic_touchpoints])
    await consumer.start()
    place = TopicPartition(settings.topic_touchpoints, 0)
    try:

        async def assigned() -> bool:
            return place in consumer.assignment()

        await until(assigned, "its partition")
        await consumer.commit({place: 40})
    finally:
        await stop_consumer(consumer)


def test_a_takeover_names_it_in_the_log_in_readiness_and_in_a_metric(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=1, session_timeout=10_000_000)
        worker = StartedWorker(settings, tmp_path)
        await put_customers(settings, "a", "b")
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        assert worker.ask("readyz")["remarks"] == []
        assert worker.total("etapa_damage_found_total") == 0
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        await publish_a_change(settings)
        await move_offset_ahead(settings)
        worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        [remark] = worker.ask("readyz")["remarks"]
        assert remark["name"] == "partition 0"
        for words in ("the group's committed offset is 40, but the mark says to go on at 2", "were published without their mark"):
            assert words in remark["detail"]
            assert words in worker.said()
        assert worker.metric('etapa_damage_found_total{kind="changes_without_mark"}') == 1
        assert worker.metric('etapa_damage_found_total{kind="group_offset_ahead"}') == 1
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
