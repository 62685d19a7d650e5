"""Links while the number of partitions changes, on real servers: everybody is who they would be if their ids had always been one, before and after."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.redis.store import Store
from etapa.stream.upkeep.repartition import MovesReader
from tests.integration.command_line import run_etapa
from tests.integration.linked_people import (
    JOURNEY,
    Somebody,
    ask_about_them,
    is_of,
    refused,
    see_everybody,
    see_that_simulate_says_the_same,
    shown,
    somebody,
    touchpoint,
    traffic,
)
from tests.integration.outcome import put_touchpoints, until
from tests.integration.places import new_place
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PEOPLE = 44
FORGOTTEN = 7
"""A person with four ids."""


def test_links_go_on_while_partitions_are_added_and_left_again_and_a_worker_is_killed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=3,
            journey=str(JOURNEY),
            session_timeout=3_000_000,
            quiet_after=DAY,
            forget_key=Secret("a long random text"),
        )
        done = await asyncio.to_thread(run_etapa, settings, "topics", "create", "--links")
        assert done.returncode == 0, done.stderr
        workers = [StartedWorker(settings, tmp_path), StartedWorker(settings, tmp_path)]
        await asyncio.to_thread(workers[0].wait_ready)
        grown = msgspec.structs.replace(settings, partitions=5)
        people = [somebody(number) for number in range(PEOPLE)]
        thirds = [people[:15], people[15:30], people[30:]]
        portions = [traffic(third, Random(number)) for number, third in enumerate(thirds)]
        await put_touchpoints(settings, portions[0])
        await wait_at_rest(settings)
        for to, known, portion in ((5, thirds[0], portions[1]), (2, [*thirds[0], *thirds[1]], portions[2])):
            moving = asyncio.create_task(asyncio.to_thread(run_etapa, settings, "repartition", "--to", str(to), "--rate", "10", "--json"))
            await until(lambda to=to: is_followed(grown, to), f"customers' moving to {to} partitions")  # type: ignore[misc]
            await put_touchpoints(settings if to == 5 else grown, portion[: len(portion) // 2])
            workers.pop(0).kill()
            workers.append(StartedWorker(settings, tmp_path))
            await see_who_they_are(settings if to == 5 else grown, known[::4])
            done = await moving
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["finished"]
            # The producers of five partitions know of no other number yet; those of two use all five, as Kafka has them.
            await put_touchpoints(grown, portion[len(portion) // 2 :])
            await wait_at_rest(grown)

        values = [value for portion in portions for _, value in portion]
        await see_everybody(grown, people, values)
        assert await refused(grown) == []
        see_that_simulate_says_the_same(grown, values, people)
        await asyncio.to_thread(ask_about_them, grown, people[FORGOTTEN])
        await asyncio.to_thread(forget, grown, people[FORGOTTEN], tmp_path / "certificate.json")
        await put_touchpoints(grown, [touchpoint(each, 2000, 9100) for each in people[FORGOTTEN].ids])
        await wait_at_rest(grown)
        others = [*people[:FORGOTTEN], *people[FORGOTTEN + 1 :]]
        remembered = [value for value in values if not is_of(value, people[FORGOTTEN])]
        await see_everybody(grown, others, remembered)
        async with Store(grown) as store:
            assert [await store.reader().customer(each) for each in people[FORGOTTEN].ids] == [None] * 4
        done = await asyncio.to_thread(run_etapa, grown, "rebuild", "--yes")
        assert done.returncode == 0, done.stderr
        await see_everybody(grown, others, remembered)
        done = await asyncio.to_thread(run_etapa, grown, "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]

    asyncio.run(scenario())


async def is_followed(settings: Settings, to: int) -> bool:
    """Whether every partition that there was follows a layout of so many, and somebody has left."""
    async with MovesReader(Cluster(settings)) as reader:
        now = await reader.now(3)
    return now.layout is not None and now.layout.partitions == to and now.adopted and any(place.left for place in now.places)


async def see_who_they_are(settings: Settings, people: Sequence[Somebody]) -> None:
    """While they move, each id leads to its person, or that one is on the way for a moment; and the log and the view agree."""
    async with Store(settings) as store:
        for person in people:
            for customer_id in person.ids:
                assert (await shown(store, customer_id)).id == person.kept
    done = await asyncio.to_thread(run_etapa, settings, "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def forget(settings: Settings, person: Somebody, path: Path) -> None:
    """Who is exported or forgotten by one id is so by all, wherever layouts have left addresses of them."""
    anonymous = person.ids[-1]
    done = run_etapa(settings, "export", anonymous)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["customer_ids"][0], set(document["customer_ids"])) == (person.kept, set(person.ids))
    done = run_etapa(settings, "forget", anonymous, "--yes", "--certificate", str(path))
    assert done.returncode == 0, done.stderr
    assert not any(each in path.read_text("utf-8") for each in person.ids)
    for customer_id in person.ids:
        assert run_etapa(settings, "stage", customer_id).returncode == 1
        document = json.loads(run_etapa(settings, "export", customer_id).stdout)
        assert (document["state"], document["forwarded_from"]) == (None, [])
