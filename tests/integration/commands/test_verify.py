"""`etapa verify`: Redis against the log, with a real worker on real servers, at rest, under load, and with every kind of damage."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.stream.redis.view import COMMON_FIELDS, PartitionKeys, read_common
from tests.integration.outcome import followed, put_touchpoints, records_of, until, view_from_the_log, view_in_redis
from tests.integration.places import new_place, new_settings, read_all, recreate, started_producer
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def verify(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return etapa("verify", *arguments, env=environment_of(settings))


def differences(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    done = verify(settings, "--json", *arguments)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def shows_all(settings: Settings, server: RedisServer) -> None:
    """Wait until Redis shows what was committed last."""
    rebuilt = await view_from_the_log(settings)

    async def agrees() -> bool:
        with server.client() as client:
            return view_in_redis(settings, client) == rebuilt

    await until(agrees, "Redis' showing every committed batch")


@pytest.fixture(scope="module")
def settled(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two partitions with some hundred customers each; the worker has stopped."""

    async def scenario() -> Settings:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=3_000_000, quiet_after=DAY)
        worker = StartedWorker(settings, tmp_path_factory.mktemp("worker"))
        async with followed(settings) as progress:
            await put_touchpoints(settings, records_of(clickstream()[:6000]))
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        return settings

    return asyncio.run(scenario())


@pytest.fixture
def damaged(settled: Settings, redis_server: RedisServer) -> Iterator[tuple[Settings, PartitionKeys, "redis.Redis"]]:
    """The keys of partition 1, to be damaged; they are restored afterwards."""
    keys = PartitionKeys(settled.redis_prefix, 1)
    names = (keys.stage, keys.state, keys.counts, keys.timers, keys.mark, keys.ledger, keys.linked)
    with redis_server.client() as client:
        kept: dict[bytes, Any] = {name: client.dump(name) for name in names}
        yield settled, keys, client
        for name in names:
            client.delete(name)
            if kept[name]:
                client.restore(name, 0, kept[name])


def a_customer(keys: PartitionKeys, client: "redis.Redis", fits: Callable[[Any], bool] = lambda customer: True) -> Any:
    return next(customer for customer in all_customers(keys, client) if fits(customer))


def all_customers(keys: PartitionKeys, client: "redis.Redis") -> list[Customer]:
    states: Any = client.hgetall(keys.state)
    fields: Any = client.hmget(cast("str", keys.mark), COMMON_FIELDS)
    common = read_common(fields)
    return [decode_state(state, one.decode(), common) for one, state in states.items()]


def test_a_settled_view_equals_the_log(settled: Settings) -> None:
    done = verify(settled)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    told = done.stderr.decode().splitlines()
    views, changes = told[:4:2], told[1:4:2]
    for lines in (views, changes):
        assert [line.split(":")[0] for line in lines] == ["partition 0", "partition 1"]
    assert all(", equal, up to offset" in line and "behind" not in line for line in views)
    assert all(line.endswith(" stage changes, whole") for line in changes)
    assert told[4].startswith(f"Redis agrees with {settled.topic_customer_state}: ")
    assert told[5].startswith(f"{settled.topic_stage_changes} is complete: ")
    assert verify(settled, "--partition", "1").stderr.decode().splitlines()[:2] == [views[1], changes[1]]
    assert verify(settled, "--without-changes").stderr.decode().splitlines() == [*views, told[4]]
    assert differences(settled) == []


def test_a_missing_customer_and_one_too_many_are_told(damaged: tuple[Settings, PartitionKeys, "redis.Redis"]) -> None:
    settings, keys, client = damaged
    gone = a_customer(keys, client)
    client.hdel(keys.state, gone.id)
    client.hset(keys.stage, "nobody", "loyalty")
    client.zadd(keys.timers, {"no-timer": 5})
    assert differences(settings) == [
        {"partition": 1, "kind": "missing", "customer_id": gone.id, "stage": None, "log": gone.stage, "view": gone.stage},
        {"partition": 1, "kind": "extra", "customer_id": "nobody", "stage": None, "log": None, "view": "loyalty"},
        {"partition": 1, "kind": "extra", "customer_id": "no-timer", "stage": None, "log": None, "view": None},
    ]
    done = verify(settings)
    assert done.returncode == 1
    assert f"partition 1: {gone.id} is missing in Redis; the log has it in {gone.stage}" in done.stdout.decode()
    assert "partition 1: nobody is in Redis (loyalty), but not in the log" in done.stdout.decode()
    assert b"Error: 3 differences; compared" in done.stderr


def test_another_state_stage_timer_or_count_is_told(damaged: tuple[Settings, PartitionKeys, "redis.Redis"]) -> None:
    settings, keys, client = damaged
    timed = a_customer(keys, client, lambda customer: customer.due is not None)
    first, second, third = [one for one in all_customers(keys, client) if one.id != timed.id][:3]
    first.clock += 1
    client.hset(keys.state, first.id, encode_state(first))
    client.hset(keys.stage, second.id, "elsewhere")
    client.zadd(keys.timers, {timed.id: timed.due + 1})
    client.zadd(keys.timers, {third.id: 7} if third.due is None else {third.id: third.due})
    client.hincrby(keys.counts, "discovery", 2)
    found = {(one["kind"], one["customer_id"] or one["stage"]): (one["log"], one["view"]) for one in differences(settings)}
    discovered = found[("count", "discovery")]
    assert discovered[1] == discovered[0] + 2
    assert found[("state", first.id)] == (first.stage, first.stage)
    assert found[("stage", second.id)] == (second.stage, "elsewhere")
    assert found[("timer", timed.id)] == (timed.due, float(timed.due + 1))
    assert len(found) == (5 if third.due is None else 4)
    assert b"by its state" in verify(settings).stdout


def test_people_with_several_ids_whom_only_redis_has_are_told(damaged: tuple[Settings, PartitionKeys, "redis.Redis"]) -> None:
    """More of them than Redis answers at once."""
    settings, keys, client = damaged
    unknown: dict[Any, Any] = {f"nobody-{number}": "no ids" for number in range(2_500)}
    client.hset(keys.linked, mapping=unknown)
    found = {(one["kind"], one["page"], one["log"], one["view"]) for one in differences(settings)}
    assert found == {("ledger", f"linked {name}", None, "has") for name in unknown}
    assert b"partition 1: the page linked nobody-7 of the ledger is missing in the log" in verify(settings).stdout


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda keys, client: client.delete(keys.mark), "has no mark"),
        (lambda keys, client: client.hset(keys.mark, "complete", "0"), "is being rebuilt"),
        (lambda keys, client: client.hset(keys.mark, "group", "another"), "belongs to group another"),
        (lambda keys, client: client.hincrby(keys.mark, "state_offset", 10**6), "it is another one"),
        (lambda keys, client: client.hincrby(keys.mark, "through", 1), "the log's mark says through"),
    ],
    ids=["no-mark", "incomplete", "group", "ahead", "through"],
)
def test_a_view_that_is_not_the_logs_is_told(damaged: tuple[Settings, PartitionKeys, "redis.Redis"], damage: Any, says: str) -> None:
    settings, keys, client = damaged
    damage(keys, client)
    done = verify(settings)
    assert done.returncode == 1
    assert says in done.stdout.decode()
    assert done.stdout.startswith(b"partition 1: ")


def test_a_view_that_is_behind_is_equal_as_far_as_it_goes(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=3_000_000, quiet_after=DAY)
        records = records_of(clickstream()[:2000])
        keys = [PartitionKeys(settings.redis_prefix, number) for number in range(2)]
        names = [name for one in keys for name in (one.stage, one.state, one.counts, one.timers, one.mark, one.ledger, one.linked)]
        async with followed(settings) as progress:
            worker = StartedWorker(settings, tmp_path)
            await put_touchpoints(settings, records[:1000])
            await progress.wait_through()
            await shows_all(settings, redis_server)
            with redis_server.client() as client:
                earlier: dict[bytes, Any] = {name: client.dump(name) for name in names}
            await put_touchpoints(settings, records[1000:])
            await progress.wait_through()
            worker.ask_to_stop()
            assert worker.exit_code() == 0
        with redis_server.client() as client:
            for name in names:
                client.delete(name)
                # Nobody has several ids here, so one of them is not there.
                if earlier[name] is not None:
                    client.restore(name, 0, earlier[name])
        done = await asyncio.to_thread(verify, settings)
        assert done.returncode == 0, done.stdout
        assert b"behind, which a running worker catches up with" in done.stderr

    asyncio.run(scenario())


def test_a_view_is_verified_again_and_again_while_a_worker_moves_it_on(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, session_timeout=3_000_000, quiet_after=DAY, batch_records=20
        )
        stream = clickstream()[:15_000]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records_of(stream))
            await progress.wait_processed(500)
            offsets = []
            while not await progress.is_through():
                done = await asyncio.to_thread(verify, settings)
                assert (done.returncode, done.stdout) == (0, b""), done.stderr
                said = done.stderr.decode().splitlines()
                offsets.append([int(line.split("up to offset ")[1].split(";")[0]) for line in said if "up to offset" in line])
            assert len(offsets) > 1, "it was through before it was compared twice"
            assert offsets == sorted(offsets)
            # Keys that no worker wrote are found under load as well.
            customer = next(f"c-{number}" for number in range(99) if partition_of(f"c-{number}", 2) == 0)
            with redis_server.client() as client:
                client.hset(PartitionKeys(settings.redis_prefix, 0).stage, customer, "loyalty")
            found = await asyncio.to_thread(differences, settings)
            assert [(one["kind"], one["customer_id"]) for one in found] == [("extra", customer)]
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_changes_that_do_not_follow_each_other_or_their_states_are_told(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, partitions=1, session_timeout=3_000_000, quiet_after=DAY
        )
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records_of(clickstream()[:500]))
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        published = await read_all(settings, settings.topic_stage_changes)
        last = {one.key.decode(): int(dict(one.headers)["ce_id"].rpartition(b"/")[2]) for one in published}
        (first, up_to), (second, reached) = list(last.items())[:2]
        begin = published[-1].offset + 2
        async with started_producer(settings) as producer:
            for who, number in ((first, up_to), (second, reached + 3), ("nobody", 1)):
                headers = [("ce_id", f"{who}/{number}".encode())]
                await producer.send_and_wait(settings.topic_stage_changes, b"{}", who.encode(), headers=headers)
            await producer.send_and_wait(settings.topic_stage_changes, b"not ours", b"orders")
        found = await asyncio.to_thread(differences, settings)
        expected = [
            ("change_repeated", first, begin, up_to, up_to + 1),
            ("changes_missing", second, begin + 1, reached + 3, reached + 1),
            ("foreign_record", "orders", begin + 3, None, None),
            ("change_without_state", "nobody", None, 1, 0),
            ("change_without_state", second, None, reached + 3, reached),
        ]
        told = [(one["kind"], one["customer_id"], one["offset"], one["found"], one["expected"]) for one in found]
        assert sorted(told, key=str) == sorted(expected, key=str)
        done = await asyncio.to_thread(verify, settings)
        assert f"Error: 5 faults in {settings.topic_stage_changes}; compared" in done.stderr.decode()
        assert b"partition 0: nobody has changes up to sequence 1 in stage-changes, but there is no state" in done.stdout
        await recreate(settings, settings.topic_stage_changes)
        lost = await asyncio.to_thread(differences, settings)
        assert {one["kind"] for one in lost} == {"topic", "changes_lost"}
        assert {one["customer_id"]: one["expected"] for one in lost if one["kind"] == "changes_lost"} == last
        accepted = await asyncio.to_thread(etapa, "topics", "accept", settings.topic_stage_changes, "--yes", env=environment_of(settings))
        assert accepted.returncode == 0
        worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 1)
        await shows_all(settings, redis_server)
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert await asyncio.to_thread(differences, settings) == []

    asyncio.run(scenario())


def test_partitions_that_were_never_processed_are_equal(kafka_server: KafkaServer, redis_server: RedisServer) -> None:
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url))
    done = verify(settings)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"partition 0: nothing was ever processed\npartition 0: 0 stage changes, whole\n")
    assert verify(settings, "--partition", "2").returncode == 2


def test_servers_that_are_not_there_are_told(kafka_server: KafkaServer) -> None:
    no_redis = verify(asyncio.run(new_place(kafka_server.bootstrap_servers)))
    assert (no_redis.returncode, no_redis.stdout) == (1, b"")
    assert b"Redis at 127.0.0.1:1: nobody listens there" in no_redis.stderr
    no_kafka = verify(new_settings("127.0.0.1:1"))
    assert (no_kafka.returncode, no_kafka.stdout) == (1, b"")
    assert b"Kafka at 127.0.0.1:1: nobody listens there" in no_kafka.stderr
