"""`etapa rebuild`, with real workers on real servers: what readers get meanwhile, and that everything is right afterwards."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.groups.workers import workers_of
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.protocol.readers import BeingRebuilt
from etapa.stream.redis.client import RedisClient, connect, disconnect
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.view import PartitionKeys, RedisView
from etapa.stream.upkeep import rebuild
from etapa.stream.upkeep.rebuild import NobodyAtWork, rebuilding
from tests.integration.outcome import followed, put_touchpoints, records_of, until, view_in_redis
from tests.integration.places import new_place, new_settings, put, read_all, recreate
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CUSTOMERS = 30_000


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return etapa(*arguments, env=environment_of(settings))


async def a_place(kafka: KafkaServer, redis: RedisServer) -> Settings:
    return await new_place(kafka.bootstrap_servers, redis.url, session_timeout=3_000_000, quiet_after=DAY)


def marked(settings: Settings, server: RedisServer) -> Callable[[], Awaitable[bool]]:
    """Whether Redis shows something from every partition."""

    async def asked() -> bool:
        with server.client() as client:
            return all(client.exists(PartitionKeys(settings.redis_prefix, number).mark) for number in range(settings.partitions))

    return asked


def one_purchase_each(customers: int) -> list[tuple[bytes, bytes]]:
    fields = {"type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
    ids = [f"c-{number}" for number in range(customers)]
    return [(one.encode(), msgspec.json.encode({"id": "t", "customer_id": one, **fields})) for one in ids]


def test_readers_are_told_that_a_partition_is_rebuilt_and_never_half_of_it(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def watch(settings: Settings, worker: StartedWorker, done: asyncio.Event) -> tuple[set[str], list[set[int]]]:
        """Keep asking for customers and counts; every answer must be consistent."""
        client = connect(settings)
        reader = ViewReader(settings, client)
        told, lacking = set(), []
        number = 0
        try:
            while not done.is_set():
                number = (number + 7_919) % CUSTOMERS
                try:
                    assert await reader.customer(f"c-{number}") is not None, "a customer was said to be unknown"
                    told.add("found")
                except BeingRebuilt:
                    told.add("being rebuilt")
                seen = await reader.stage_counts()
                if not seen.missing:
                    assert sum(seen.counts.values()) == CUSTOMERS
                elif set(seen.missing) not in lacking:
                    lacking.append(set(seen.missing))
                answer = await asyncio.to_thread(worker.ask, "readyz")
                told.update(one["detail"] for one in answer.get("not_ready", ()))
        finally:
            await disconnect(client)
        return told, lacking

    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, one_purchase_each(CUSTOMERS))
            await progress.wait_through()

        async def shown() -> bool:
            return (await asyncio.to_thread(run, settings, "verify")).returncode == 0

        await until(shown, "Redis' showing all of it")
        with redis_server.client() as client:
            before = view_in_redis(settings, client)
            # Damage that only a rebuild finds: it left no trace in the log.
            client.hset(PartitionKeys(settings.redis_prefix, 0).stage, "nobody", "loyalty")
            client.hincrby(PartitionKeys(settings.redis_prefix, 1).counts, "discovery", 5)
            client.hincrby(PartitionKeys(settings.redis_prefix, 1).counts, "discovery", -5)
        done = asyncio.Event()
        watching = asyncio.create_task(watch(settings, worker, done))
        rebuilt = await asyncio.to_thread(run, settings, "rebuild", "--yes")
        done.set()
        told, lacking = await watching
        assert rebuilt.returncode == 0, rebuilt.stderr
        lines = rebuilt.stderr.decode().splitlines()
        assert [line.split(",")[0] for line in lines] == ["partition 0: rebuilt", "partition 1: rebuilt"]
        again = {one for one in told if one.startswith("being taken over again (wrong_mark: the view has no mark")}
        assert {"found", "being rebuilt", "being taken over", *again} >= told >= {"found", "being rebuilt"}
        assert lacking == [{0}, {1}]
        with redis_server.client() as client:
            assert view_in_redis(settings, client) == before
        assert (await asyncio.to_thread(run, settings, "verify")).returncode == 0
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert worker.said().count("wrong_mark") >= 2

    asyncio.run(scenario())


def test_a_rebuild_under_load_ends_and_changes_nothing_that_is_published(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        worker = StartedWorker(settings, tmp_path)
        stream = clickstream()[:8_000]
        async with followed(settings) as progress:
            await put_touchpoints(settings, records_of(stream))
            await until(marked(settings, redis_server), "a batch of each partition in Redis")
            one = await asyncio.to_thread(run, settings, "rebuild", "--yes", "--partition", "1")
            assert one.stderr.startswith(b"partition 1: rebuilt, ")
            both = await asyncio.to_thread(run, settings, "rebuild", "--yes", "--no-wait")
            assert b"1 worker rebuilds 2 partitions" in both.stderr
            await progress.wait_through()

        async def equal() -> bool:
            return (await asyncio.to_thread(run, settings, "verify")).returncode == 0

        await until(equal, "Redis' being equal to the log")
        with redis_server.client() as client:
            counts = view_in_redis(settings, client).counts
        assert sum(counts.values()) == len({one.key for one in stream})
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_without_a_worker_the_next_one_that_starts_rebuilds(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        first = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, one_purchase_each(50))
            await progress.wait_through()
        first.ask_to_stop()
        assert first.exit_code() == 0
        assert await workers_of(Cluster(settings)) == 0
        done = await asyncio.to_thread(run, settings, "rebuild", "--partition", "1", "--yes")
        assert done.returncode == 0
        assert done.stderr.decode() == f"no worker is in group {settings.group}: the next one that starts rebuilds partition 1\n"
        verified = await asyncio.to_thread(run, settings, "verify")
        assert (verified.returncode, verified.stdout[:40]) == (1, b"partition 1: not comparable, Redis has n")
        second = StartedWorker(settings, tmp_path)
        second.wait_ready(2)
        assert (await asyncio.to_thread(run, settings, "verify")).returncode == 0
        second.ask_to_stop()
        assert second.exit_code() == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("copied", [False, True], ids=["empty", "copied"])
def test_a_view_is_not_thrown_away_when_its_log_was_recreated(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path, copied: bool
) -> None:
    """Only its mark tells what was there. So too if the old topic's records were copied to the new one, including marks, past the mark."""

    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, one_purchase_each(50))
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        kept = await read_all(settings, settings.topic_customer_state, 0)
        await recreate(settings, settings.topic_customer_state)
        if copied:
            await put(settings, settings.topic_customer_state, 2 * [(one.key, one.value) for one in kept])
        for arguments in (["--partition", "0"], ["--no-wait"]):
            done = await asyncio.to_thread(run, settings, "rebuild", "--yes", *arguments)
            assert done.returncode == 1
            said = done.stderr.decode()
            assert said.startswith("Error: nothing was changed: partition 0: ")
            if copied:
                assert f"the topic {settings.topic_customer_state} was deleted and recreated, or is another one (its id was " in said
            else:
                assert f"Redis shows {settings.topic_customer_state} up to offset " in said
                assert "but the topic holds no mark: it was recreated, or is another one" in said
        with redis_server.client() as client:
            assert client.exists(PartitionKeys(settings.redis_prefix, 0).mark)

    asyncio.run(scenario())


def test_a_mark_that_nobody_can_read_is_no_hindrance(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, one_purchase_each(50))
            await progress.wait_through()
        with redis_server.client() as client:
            client.hset(PartitionKeys(settings.redis_prefix, 0).mark, "through", "nonsense")
        done = await asyncio.to_thread(run, settings, "rebuild", "--partition", "0", "--yes")
        assert done.returncode == 0, done.stderr
        assert (await asyncio.to_thread(run, settings, "verify")).returncode == 0
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_waiting_ends_when_the_last_worker_leaves(
    kafka_server: KafkaServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LOOKS_BETWEEN_COUNTS", 2)

    async def wait_for_rebuild(settings: Settings, client: RedisClient) -> None:
        inspection, view = RedisInspection(settings, client, 0), RedisView(settings, client, 0)
        async with StateTopic(Cluster(settings), 0) as states:
            async for step in rebuilding(states, view, inspection, lambda: workers_of(Cluster(settings))):
                assert step.share == 0

    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        client = connect(settings)
        try:
            with pytest.raises(NobodyAtWork):
                await wait_for_rebuild(settings, client)
        finally:
            await disconnect(client)

    asyncio.run(scenario())


def test_what_was_never_processed_needs_no_rebuild_and_what_is_not_there_is_told(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = asyncio.run(a_place(kafka_server, redis_server))
    worker = StartedWorker(settings, tmp_path)
    worker.wait_ready(2)
    done = run(settings, "rebuild", "--yes")
    assert (done.returncode, done.stderr) == (0, b"partition 0: nothing was ever processed\npartition 1: nothing was ever processed\n")
    assert run(settings, "rebuild", "--partition", "2", "--yes").returncode == 2
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    nobody_asked = run(settings, "rebuild")
    assert nobody_asked.returncode == 2
    assert b"add --yes" in nobody_asked.stderr
    no_redis = etapa("rebuild", "--yes", env=environment_of(asyncio.run(new_place(kafka_server.bootstrap_servers))))
    assert no_redis.returncode == 1
    assert b"Redis at 127.0.0.1:1: nobody listens there" in no_redis.stderr
    no_kafka = etapa("rebuild", "--yes", env=environment_of(new_settings("127.0.0.1:1")))
    assert no_kafka.returncode == 1
    assert b"Kafka at 127.0.0.1:1: nobody listens there" in no_kafka.stderr
