"""A new version of the journey, rolled out under load on a real Kafka and a real Redis, and all customers reclassified by it."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import decode_standing
from etapa.journey.units import DAY
from etapa.settings import SHIPPED_JOURNEY, Settings
from tests.integration.outcome import (
    Message,
    followed,
    published_changes,
    put_touchpoints,
    records_of,
    until,
    view_from_the_log,
    view_in_redis,
)
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream
from tests.unit.cli.process import etapa_process, started

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def a_place(kafka: KafkaServer, redis_server: RedisServer, folder: Path) -> tuple[Settings, Settings]:
    """Settings of the same place for the shipped journey, and for a newer version that takes a customer for loyal sooner."""
    old = await new_place(
        kafka.bootstrap_servers, redis_server.url, partitions=4, batch_records=150, session_timeout=3_000_000, quiet_after=DAY
    )
    text = SHIPPED_JOURNEY.read_text()
    edits = [("version: 1", "version: 2"), ("{count: purchase, within: 180d, gte: 3}", "{count: purchase, within: 180d, gte: 2}")]
    # What the older version never looked at.
    edits.append(("{idle: 30d}", "{absent: [product_view, cart, add_to_cart], for: 20d}"))
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    path = folder / "newer.yaml"
    path.write_text(text.partition("\ntests:")[0])
    return old, msgspec.structs.replace(old, journey=str(path))


def decoded(changes: Mapping[bytes, Sequence[Message]]) -> dict[str, list[dict[str, Any]]]:
    return {customer.decode(): [json.loads(value or b"") for _, value, _ in messages] for customer, messages in changes.items()}


def assert_chained(changes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Check that no change is missing and none comes twice."""
    for customer, made in changes.items():
        assert [change["sequence"] for change in made] == list(range(1, len(made) + 1)), customer
        assert [change["from"] for change in made] == [None, *(change["to"] for change in made[:-1])], customer


async def view_is_whole(settings: Settings, client: "redis.Redis") -> None:
    rebuilt = await view_from_the_log(settings)

    async def redis_agrees() -> bool:
        return view_in_redis(settings, client) == rebuilt

    await until(redis_agrees, "Redis equals the view that is rebuilt from customer-state", 20)


def customers_whom_the_newer_version_moves(begin: int, later: int) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Customers who buy twice at the beginning, which the newer version takes for loyalty, and come back later."""

    def touchpoint(customer: str, number: int, kind: str, at: int) -> tuple[bytes, bytes]:
        fields = {"id": f"{customer}-{number}", "customer_id": customer, "type": kind, "occurred_at": format_time(at)}
        return customer.encode(), msgspec.json.encode(fields)

    regulars = [f"regular-{number}" for number in range(8)]
    bought = [
        touchpoint(customer, number, kind, begin + number)
        for customer in regulars
        for number, kind in enumerate(["purchase", "purchase", "delivery"])
    ]
    return bought, [touchpoint(customer, 3, "home", later) for customer in regulars]


def test_two_versions_at_once_lose_and_repeat_nothing_and_reclassify_brings_everybody_to_the_new_one(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        old, new = await a_place(kafka_server, redis_server, tmp_path)
        browsed = clickstream()[:9000]
        records = records_of(browsed)
        bought, came_back = customers_whom_the_newer_version_moves(browsed[0].at, browsed[5000].at)
        first = StartedWorker(old, tmp_path)
        async with followed(old) as progress:
            # All by the older version, as there is no other yet.
            await put_touchpoints(old, bought)
            await progress.wait_through()
            await put_touchpoints(old, records[:3000])
            await progress.wait_processed(1000)
            second = StartedWorker(new, tmp_path)
            second.wait_ready(2)
            first.wait_ready(2)
            await put_touchpoints(old, records[3000:5000])
            await progress.wait_processed(4000)
            # Partitions move again: to the newer version, and some of them back to the older one.
            first.kill()
            second.wait_ready(4)
            # All by the newer version, for the same reason.
            await put_touchpoints(old, came_back + records[5000:6000])
            await progress.wait_processed(len(bought) + 5500)
            first = StartedWorker(old, tmp_path)
            first.wait_ready(2)
            await put_touchpoints(old, records[6000:])
            await progress.wait_through()
        changes = decoded(await published_changes(old))
        assert_chained(changes)
        assert changes.keys() == {key.decode() for key, _ in records + bought}
        assert await read_all(old, old.topic_dead_letters) == []
        made = Counter((change["version"], change["cause"]) for each in changes.values() for change in each)
        assert {(1, "touchpoint"), (2, "touchpoint"), (2, "journey")} <= made.keys()
        assert made[1, "journey"] == 0
        first.ask_to_stop()
        assert first.exit_code() == 0
        second.wait_ready(4)

        with redis_server.client() as client:
            before = view_in_redis(old, client)
            versions = Counter(decode_standing(state).version for state in before.states.values())
            assert versions[1] > 50
            # Silently first: nothing is published, but the stages change.
            done = await asyncio.to_thread(etapa_process, "reclassify", "--json", env=environment_of(new))
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            assert (told["version"], told["publish"], told["partitions_done"], told["customers"]) == (2, False, 4, len(changes))
            assert (told["carried_over"], told["failed"]) == (versions[1], 0)
            await view_is_whole(old, client)
            after = view_in_redis(old, client)
        assert decoded(await published_changes(old)) == changes
        assert {decode_standing(state).version for state in after.states.values()} == {2}
        assert sum(stage != after.stages[customer] for customer, stage in before.stages.items()) == told["moved"] > 0

        # Afterwards the sequence numbers continue.
        await put_touchpoints(old, records_of(clickstream()[9000:11000]))
        async with followed(old) as progress:
            await progress.wait_through()
        for customer, all_made in decoded(await published_changes(old)).items():
            assert [change["sequence"] for change in all_made] == list(range(1, len(all_made) + 1)), customer
        second.ask_to_stop()
        assert second.exit_code() == 0

    asyncio.run(scenario())


def test_reclassify_publishes_when_asked_to_survives_a_killed_worker_and_can_be_left_and_watched_again(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        old, new = await a_place(kafka_server, redis_server, tmp_path)
        records = records_of(clickstream()[:6000])
        worker = StartedWorker(old, tmp_path)
        async with followed(old) as progress:
            await put_touchpoints(old, records)
            await progress.wait_through()
        customers = len({key for key, _ in records})
        worker.ask_to_stop()
        assert worker.exit_code() == 0

        environ = environment_of(new)
        worker = StartedWorker(new, tmp_path)
        worker.wait_ready(4)
        with redis_server.client() as client:

            async def carried_over() -> int:
                return sum(decode_standing(state).version == 2 for state in view_in_redis(old, client).states.values())

            async def some() -> bool:
                return 0 < await carried_over() < customers

            with started("reclassify", "--publish", "--rate", "60", env=environ) as command:
                await until(some, "some customers carried over")
                command.send_signal(signal.SIGINT)
                _, said = await asyncio.to_thread(command.communicate)
            assert command.returncode == 130
            assert b"The workers continue." in said
            worker.kill()
            worker = StartedWorker(new, tmp_path)
            other = await asyncio.to_thread(etapa_process, "reclassify", env=environ)
            assert other.returncode == 1
            assert b"another run is under way since" in other.stderr
            done = await asyncio.to_thread(etapa_process, "reclassify", "--publish", env=environ)
            assert done.returncode == 0, done.stderr
            assert b"Already under way since" in done.stderr
            assert await carried_over() == customers
            await view_is_whole(old, client)
        changes = decoded(await published_changes(old))
        assert_chained(changes)
        assert sum(change["cause"] == "journey" for made in changes.values() for change in made) > 0
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
