"""The latest moves, read from the end of `stage-changes` on a real Kafka: only what is committed, a bounded number, of nobody who was forgotten."""

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etapa.contracts.outgoing.customer_moved import encode_customer_moved
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.journey.units import SECOND
from etapa.settings.values import Secret
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.latest_changes import FEWEST_OF_A_PARTITION, MOST_RECORDS, LatestChanges
from etapa.stream.protocol.ports import LogError
from tests.integration.command_line import run_etapa
from tests.integration.outcome import put_touchpoints, until
from tests.integration.places import delete_topic, new_place, put, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.stage_changes import stage_change

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

TOKEN = "the-token-of-these-tests"
KEY = "a long random text"
NAMES = ("anna", "bert", "carla", "dora", "emil", "fred")


def change(number: int) -> tuple[bytes, bytes]:
    key, value, _ = encode_stage_change(stage_change("new", "buyer", customer_id="c", sequence=number, at=number * SECOND), "shop", 1)
    return key, value


def moves(worker: StartedWorker, query: str = "") -> dict[str, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{worker.port}/v1/moves{query}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def purchase(name: str) -> tuple[bytes, bytes]:
    told = {"id": f"t-{name}", "customer_id": name, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
    return name.encode(), msgspec.json.encode(told)


def test_a_worker_tells_of_all_partitions_and_no_longer_of_who_was_forgotten(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2, forget_key=Secret(KEY))
        worker = StartedWorker(settings, tmp_path, others={"ETAPA_API_TOKEN": TOKEN})
        try:
            await asyncio.to_thread(worker.wait_ready, 2)
            await put_touchpoints(settings, [purchase(name) for name in NAMES])

            async def told_of(*names: str) -> bool:
                told = await asyncio.to_thread(moves, worker, "?from=discovery")
                assert told["missing_partitions"] == []
                return {each["customer_id"] for each in told["moves"]} == set(names)

            await until(lambda: told_of(*NAMES), "the moves of all")
            done = await asyncio.to_thread(run_etapa, settings, "forget", NAMES[0], "--yes")
            assert done.returncode == 0, done.stderr
            await until(lambda: told_of(*NAMES[1:]), "the moves without those of the forgotten")
        finally:
            worker.kill()

    asyncio.run(scenario())


def test_only_the_committed_end_of_each_partition_is_read_whatever_else_is_in_the_topic(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=2)
        topic, reader = settings.topic_stage_changes, LatestChanges(Cluster(settings))
        nothing = await reader.latest()
        assert (nothing.changes, nothing.missing) == ([], [])
        await put(settings, topic, [change(number) for number in range(1, MOST_RECORDS + 1)])
        key, value, headers = encode_customer_moved("c", 5, 1, "c", "shop", 1, 2)
        async with started_producer(settings) as producer:
            await producer.send_and_wait(topic, value, key, partition=0, headers=headers)
            await producer.send_and_wait(topic, b"not a stage change", b"c", partition=0)
            await producer.send_and_wait(topic, None, b"c", partition=0)
        async with started_producer(settings, transactional_id=f"{settings.group}.stranger") as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, change(MOST_RECORDS + 1)[1], b"c", partition=0)
            await producer.abort_transaction()
        await put(settings, topic, [change(MOST_RECORDS + 2)], partition=1)
        seen = await reader.latest()
        numbers = [each.sequence for each in seen.changes]
        # Of the first partition half as many offsets as of a single one, less the four and the marker that are no changes.
        assert numbers == [*range(MOST_RECORDS // 2 + 6, MOST_RECORDS + 1), MOST_RECORDS + 2]
        assert seen.missing == []
        assert FEWEST_OF_A_PARTITION < MOST_RECORDS // 2
        await delete_topic(settings, topic)

        async def fails() -> bool:
            try:
                await reader.latest()
            except LogError as error:
                return "there is no such topic" in str(error)
            return False

        await until(fails, "the topic's being gone")

    asyncio.run(scenario())
