"""Topics that are deleted and recreated, or get more partitions, while a worker is stopped or running."""

import asyncio
import subprocess
from pathlib import Path

import msgspec
import pytest

from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from tests.integration.outcome import followed, until_not_ready_for
from tests.integration.places import delete_topic, grow, new_place, put, read_all, recreate
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def a_place(kafka: KafkaServer, redis: RedisServer) -> Settings:
    return await new_place(kafka.bootstrap_servers, redis.url, partitions=1, session_timeout=10_000_000, quiet_after=DAY)


async def processed(kafka: KafkaServer, redis: RedisServer, folder: Path, *names: str) -> tuple[Settings, StartedWorker]:
    """A place and a worker that has processed a touchpoint of each of these customers."""
    settings = await new_place(kafka.bootstrap_servers, redis.url, partitions=1, session_timeout=10_000_000, quiet_after=DAY)
    worker = StartedWorker(settings, folder)
    await put_customers(settings, *names)
    async with followed(settings) as progress:
        await progress.wait_through()
    return settings, worker


async def put_customers(settings: Settings, *names: str) -> None:
    """A touchpoint of each."""
    fields = [{"id": f"t-{name}", "customer_id": name, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"} for name in names]
    await put(settings, settings.topic_touchpoints, [(one["customer_id"].encode(), msgspec.json.encode(one)) for one in fields])


async def customers_with_changes(settings: Settings) -> set[str]:
    return {one.key.decode() for one in await read_all(settings, settings.topic_stage_changes)}


def assert_refused(worker: StartedWorker, settings: Settings) -> None:
    words = f"the topic {settings.topic_touchpoints} was deleted and recreated"
    worker.wait_for_words(f"refusing to process: partition 0: {words}")
    [trouble] = [one["detail"] for one in worker.ask("readyz")["not_ready"] if one["name"] == "partition 0"]
    assert words in trouble
    assert "start from the beginning, with new output topics" in trouble
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    assert "Traceback" not in worker.said()


def test_touchpoints_that_were_recreated_and_filled_past_the_mark_are_refused(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings, worker = await processed(kafka_server, redis_server, tmp_path, "a", "b", "c")
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        await recreate(settings, settings.topic_touchpoints)
        await put_customers(settings, "d", "e", "f", "g", "h")
        assert_refused(StartedWorker(settings, tmp_path), settings)
        assert await customers_with_changes(settings) == {"a", "b", "c"}

    asyncio.run(scenario())


def test_touchpoints_that_are_recreated_under_a_worker_are_refused(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings, worker = await processed(kafka_server, redis_server, tmp_path, "a", "b", "c")
        await recreate(settings, settings.topic_touchpoints)
        await put_customers(settings, "d", "e", "f", "g", "h")
        assert_refused(worker, settings)

    asyncio.run(scenario())


@pytest.mark.parametrize("role", ["stage_changes", "touchpoints"])
def test_a_topic_that_was_deleted_is_named_and_work_goes_on_with_another_once_it_is_accepted(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path, role: str
) -> None:
    async def scenario() -> None:
        settings, worker = await processed(kafka_server, redis_server, tmp_path, "a")
        topic = getattr(settings, f"topic_{role}")
        await delete_topic(settings, topic)
        if role == "stage_changes":
            await put_customers(settings, "b")
        await asyncio.to_thread(worker.wait_for_words, f"Kafka has no topic {topic} any more, or access control hides it from Etapa")
        await until_not_ready_for(worker, topic)
        if role == "stage_changes":
            await create_topics(Cluster(settings))
            await asyncio.to_thread(worker.wait_for_words, f"`etapa topics accept {topic}` lets it go on")
            assert (await asyncio.to_thread(accept, settings, topic)).returncode == 0
            async with followed(settings) as progress:
                await progress.wait_through()
            assert await customers_with_changes(settings) == {"b"}
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert "Traceback" not in worker.said()

    asyncio.run(scenario())


def accept(settings: Settings, topic: str) -> subprocess.CompletedProcess[bytes]:
    return etapa("topics", "accept", topic, "--yes", env=environment_of(settings))


@pytest.mark.parametrize("role", ["stage_changes", "campaign_triggers", "campaign_outcomes", "dead_letters"])
def test_an_output_topic_that_was_recreated_is_refused_until_somebody_accepts_it(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path, role: str
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        topic = getattr(settings, f"topic_{role}")
        worker = StartedWorker(settings, tmp_path)
        await put_customers(settings, "a", "b", "c")
        async with followed(settings) as progress:
            await progress.wait_through()
        await recreate(settings, topic)
        await put_customers(settings, "d")
        await asyncio.to_thread(worker.wait_for_words, f"`etapa topics accept {topic}` lets it go on")
        done = await asyncio.to_thread(accept, settings, topic)
        assert (done.returncode, done.stdout) == (0, b""), done.stderr
        assert b"partition 0: workers continue with it" in done.stderr
        await asyncio.to_thread(worker.wait_ready, 1)
        await put_customers(settings, "e")
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        if role == "stage_changes":
            # What the worker wrote before it noticed may be in the new topic as well.
            assert await customers_with_changes(settings) >= {"e"}
        worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        assert worker.ask("readyz")["remarks"] == []
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        done = await asyncio.to_thread(accept, settings, topic)
        assert (done.returncode, done.stderr) == (0, f"{topic} is known already; nothing was changed\n".encode())

    asyncio.run(scenario())


def test_what_cannot_be_done_without_is_not_accepted(kafka_server: KafkaServer) -> None:
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, partitions=1))
    for topic, says in (
        (settings.topic_touchpoints, "cannot be accepted once it was recreated: the offset reached"),
        (settings.topic_customer_state, "cannot be accepted once it was recreated: the states of the old one"),
        ("orders", f"orders is not a topic that Etapa writes here; those are: {settings.topic_stage_changes}"),
    ):
        done = accept(settings, topic)
        assert (done.returncode, done.stdout) == (2, b"")
        assert says in done.stderr.decode()
    done = accept(settings, settings.topic_dead_letters)
    assert (done.returncode, done.stderr) == (0, f"{settings.topic_dead_letters} is known already; nothing was changed\n".encode())


def test_partitions_that_are_added_under_a_worker_are_found_within_seconds(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings, worker = await processed(kafka_server, redis_server, tmp_path, "a")
        await grow(settings, settings.topic_touchpoints, 2)
        # Within the time that this waits for the end. It once took five minutes.
        assert worker.exit_code() == 1
        last = worker.said().splitlines()[-1]
        # Whichever of the two checks comes first.
        assert "when there were 1 partitions, now touchpoints has 2" in last or "must have the same number of partitions, here 2" in last
        assert "Traceback" not in worker.said()

    asyncio.run(scenario())
