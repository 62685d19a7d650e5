"""Foreign members in the workers' consumer group, and brokers that refuse our time-outs: a real worker reports both."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from confluent_kafka import Consumer

from tests.integration.outcome import until
from tests.integration.places import new_place, stranger
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def not_ready(worker: StartedWorker, name: str) -> str:
    """What it says about something that is not ready; empty if that is ready."""
    found = [one["detail"] for one in worker.ask("readyz").get("not_ready", ()) if one["name"] == name]
    return str(found[0]) if found else ""


async def until_it_says(worker: StartedWorker, name: str, words: str) -> str:
    """Wait until what it says about something contains these words."""
    said = ""

    async def asked() -> bool:
        nonlocal said
        said = await asyncio.to_thread(not_ready, worker, name)
        return words in said

    await until(asked, f"the worker's saying {words!r} of {name}")
    return said


def test_a_stranger_that_was_given_a_partition_makes_workers_unready_is_named_and_counted(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=4, session_timeout=6_000_000)
        first = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(first.wait_ready, 4)
        second = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(second.wait_ready, 2)
        assert (first.metric("etapa_group_partitions_unowned"), second.metric("etapa_group_partitions_unowned")) == (0, 0)
        async with stranger(settings, RoundRobinPartitionAssignor):
            for worker in (first, second):
                said = await until_it_says(worker, "group", "has no worker")
                assert f"of {settings.topic_touchpoints} has no worker. Only Etapa workers may be in the group {settings.group}" in said
                assert "reports at /127.0.0.1 has" in said
                assert worker.metric("etapa_group_partitions_unowned") == 1
                assert said in worker.said()
        for worker in (first, second):
            await asyncio.to_thread(worker.wait_ready, 2)
            assert worker.metric("etapa_group_partitions_unowned") == 0
        for worker in (first, second):
            worker.ask_to_stop()
        assert (first.exit_code(), second.exit_code()) == (0, 0)

    asyncio.run(scenario())


def test_a_stranger_that_speaks_the_newer_protocol_of_groups_is_found_too(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=4, session_timeout=6_000_000)
        worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 4)
        newer = Consumer(
            {
                "bootstrap.servers": kafka_server.bootstrap_servers,
                "group.id": settings.group,
                "group.protocol": "consumer",
                "client.id": "reports",
                "auto.offset.reset": "earliest",
            }
        )
        try:
            newer.subscribe([settings.topic_touchpoints])

            async def was_given_something() -> bool:
                await asyncio.to_thread(newer.poll, 0.2)
                return bool(newer.assignment())

            await until(was_given_something, "the group's giving something to the stranger")
            said = await until_it_says(worker, "group", "no worker")
            assert "reports at " in said
            assert worker.metric("etapa_group_partitions_unowned") == len(newer.assignment())
        finally:
            newer.close()
        await asyncio.to_thread(worker.wait_ready, 4)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_others_that_divide_partitions_by_another_rule_are_named_and_once_they_are_gone_work_begins(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2, session_timeout=6_000_000)
        async with stranger(settings, RangePartitionAssignor) as consumer:
            await consumer.getmany(timeout_ms=100)
            worker = StartedWorker(settings, tmp_path)
            said = await until_it_says(worker, "kafka", "divides partitions by")
            assert f"the group {settings.group} divides partitions by range, Etapa does so by roundrobin" in said
            assert "reports at /127.0.0.1" in said
        await asyncio.to_thread(worker.wait_ready, 2)
        assert "Traceback" not in worker.said()
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("allowed", "name", "words"),
    [
        (
            {"group.max.session.timeout.ms": "20000"},
            "partitions",
            "brokers take group.min.session.timeout.ms=1000 to group.max.session.timeout.ms=20000",
        ),
        (
            {"transaction.max.timeout.ms": "20000"},
            "partition 0",
            "transactions of 30000 ms: brokers take transaction.max.timeout.ms=20000 at most",
        ),
    ],
    ids=["session", "transaction"],
)
def test_a_timeout_that_the_brokers_do_not_take_is_refused_in_words_that_name_both_settings(
    allowed: dict[str, str], name: str, words: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    kafka = KafkaServer(tmp_path / "kafka", settings=allowed)
    try:
        kafka.start()
        settings = asyncio.run(new_place(kafka.bootstrap_servers, redis_server.url, partitions=2, session_timeout=30_000_000))
        worker = StartedWorker(settings, tmp_path)
        said = asyncio.run(until_it_says(worker, name, words))
        assert said.startswith("refused: ")
        assert "Set ETAPA_SESSION_TIMEOUT, which is 30s, within that" in said
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert "Traceback" not in worker.said()
    finally:
        kafka.stop()
