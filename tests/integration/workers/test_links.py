"""Linked ids on real servers: wherever their people live, and whatever is killed, everybody is who they would be if their ids had always been one."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.redis.store import Store
from tests.integration.command_line import run_etapa
from tests.integration.linked_people import (
    JOURNEY,
    Sent,
    Somebody,
    ask_about_them,
    dead_letters,
    is_of,
    link,
    refused,
    see_everybody,
    see_that_simulate_says_the_same,
    somebody,
    touchpoint,
    traffic,
)
from tests.integration.outcome import put_touchpoints
from tests.integration.places import new_place
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PEOPLE = 40
SOURCE = """
source: shop
skip: [{type: alias}]
touchpoint: {id: event, customer_id: who, type: type, occurred_at: at, traits: {"*": about}}
link: {when: {type: alias}, same_as: is, customer_id: who}
"""


def test_linked_ids_become_one_person_whatever_is_killed_and_are_forgotten_together(
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
        await asyncio.to_thread(see_what_a_worker_needs, settings, tmp_path)
        workers = [StartedWorker(settings, tmp_path), StartedWorker(settings, tmp_path)]
        await asyncio.to_thread(workers[0].wait_ready)

        people = [somebody(number) for number in range(PEOPLE)]
        known = [Somebody(["known-0"]), Somebody(["known-1"])]
        first = [touchpoint(person.kept, 0, 0, traits={"member": "yes"}) for person in known]
        await put_touchpoints(settings, first)
        await wait_at_rest(settings)
        records = traffic(people, Random(7))
        middle = len(records) // 2
        await put_touchpoints(settings, records[:middle])
        workers.pop(0).kill()
        workers.append(StartedWorker(settings, tmp_path))
        await put_touchpoints(settings, [*records[middle:], link("known-1", "known-0", 700)])
        await wait_at_rest(settings)
        await put_touchpoints(settings, [link("ada-3", "anon-3-0", 9000)])
        await wait_at_rest(settings)

        values = [value for _, value in (*first, *records)]
        await see_everybody(settings, [*people, *known], values)
        assert await refused(settings) == ["link_cycle", "two_known"]
        see_that_simulate_says_the_same(settings, values, [*people, *known])
        await asyncio.to_thread(ask_about_them, settings, people[3])
        await asyncio.to_thread(forget_one_of_them, settings, people[3], tmp_path / "certificate.json")
        await wait_at_rest(settings)
        await put_touchpoints(settings, [touchpoint(each, 2000, 9100) for each in people[3].ids])
        await wait_at_rest(settings)
        others = [*people[:3], *people[4:], *known]
        await see_everybody(settings, others, [value for value in values if not is_of(value, people[3])])
        async with Store(settings) as store:
            assert [await store.reader().customer(each) for each in people[3].ids] == [None] * 4
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]

    asyncio.run(scenario())


def as_sent_by_the_shop(records: Sequence[Sent]) -> list[Sent]:
    """The same as records of another system: a link has the key of the id that is kept."""
    told = []
    for key, value in records:
        one = json.loads(value)
        same_as = one.get("same_as")
        fields = {"event": one["id"], "who": one["customer_id"], "at": one["occurred_at"], "about": one.get("traits", {})}
        kind = {"type": one["type"]} if same_as is None else {"type": "alias", "is": same_as}
        told.append((key if same_as is None else same_as.encode(), json.dumps(fields | kind).encode()))
    return told


def test_links_of_a_source_are_followed_wherever_their_people_live(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        source = tmp_path / "shop.yaml"
        source.write_text(SOURCE)
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=3,
            journey=str(JOURNEY),
            session_timeout=3_000_000,
            quiet_after=DAY,
            source=(str(source),),
        )
        done = await asyncio.to_thread(run_etapa, settings, "topics", "create", "--links")
        assert done.returncode == 0, done.stderr
        workers = [StartedWorker(settings, tmp_path), StartedWorker(settings, tmp_path)]
        await asyncio.to_thread(workers[0].wait_ready)

        people = [somebody(number) for number in range(PEOPLE // 2)]
        records = traffic(people, Random(11))
        middle = len(records) // 2
        await put_touchpoints(settings, as_sent_by_the_shop(records[:middle]))
        workers.pop(0).kill()
        workers.append(StartedWorker(settings, tmp_path))
        await put_touchpoints(settings, as_sent_by_the_shop(records[middle:]))
        await wait_at_rest(settings)
        reverse = as_sent_by_the_shop([link("ada-3", "anon-3-0", 9000)])
        await put_touchpoints(settings, reverse)
        await wait_at_rest(settings)

        values = [value for _, value in records]
        await see_everybody(settings, people, values)
        see_that_simulate_says_the_same(settings, values, people)
        [letter] = await dead_letters(settings)
        assert (letter.reason, (letter.key, letter.value)) == ("link_cycle", reverse[0])
        done = await asyncio.to_thread(run_etapa, settings, "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]

    asyncio.run(scenario())


def see_what_a_worker_needs(settings: Settings, folder: Path) -> None:
    """Without `transfers` it does not start, and says what makes it; nor does doctor find that good."""
    worker = StartedWorker(settings, folder)
    assert worker.exit_code() == 1
    assert "`etapa topics create --links` makes it" in worker.said()
    done = run_etapa(settings, "doctor")
    assert f"the journey joins ids (`identity`), and there is no topic {settings.topic_transfers}" in done.stdout
    done = run_etapa(settings, "topics", "create", "--links")
    assert done.returncode == 0, done.stderr
    assert f"{settings.topic_transfers}: created, 3 partitions" in done.stdout


def forget_one_of_them(settings: Settings, person: Somebody, path: Path) -> None:
    """Who is exported or forgotten by one id is so by all, and the certificate is about all of them and names none."""
    anonymous = person.ids[-1]
    assert len({partition_of(each, settings.partitions) for each in person.ids}) > 1
    done = run_etapa(settings, "export", anonymous)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["customer_ids"][0], set(document["customer_ids"])) == (person.kept, set(person.ids))
    assert document["state"]["now_in"]["stage"] is not None
    assert {one["content"]["customer_id"] for one in document["touchpoints"]} >= {person.kept, anonymous}

    done = run_etapa(settings, "forget", anonymous, "--yes", "--certificate", str(path))
    assert done.returncode == 0, done.stderr
    assert f"{anonymous} is forgotten, and so are the other ids of the same person: {person.kept}, " in done.stderr
    certificate = json.loads(path.read_bytes())
    assert len(certificate["linked_digests"]) == len(person.ids) - 1
    assert not any(each in path.read_text("utf-8") for each in person.ids)
    by_topic = {one["topic"]: one["records"] for one in certificate["remaining"]}
    assert settings.topic_transfers in by_topic
    done = run_etapa(settings, "forget", person.kept, "--verify", str(path))
    assert done.returncode == 1
    assert "that came since" not in done.stdout
    assert "that the certificate does not name" not in done.stdout
    assert run_etapa(settings, "stage", person.kept).returncode == 1
    done = run_etapa(settings, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
