"""Linked ids on real servers: wherever their people live, and whatever is killed, everybody is who they would be if their ids had always been one."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.identity.under import under
from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.protocol.readers import NotKnownNow, StoredCustomer
from etapa.stream.redis.store import Store
from tests.integration.command_line import run_etapa
from tests.integration.outcome import expected_changes, journey_of, put_touchpoints, until
from tests.integration.places import new_place, read_all
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.simulation.checking.joined import LIMITS

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

JOURNEY = Path(__file__).parents[2] / "simulation" / "worlds" / "linked.yaml"
"""In it the stage follows from what is remembered, in whatever order it came; so in whatever order partitions are read."""
PEOPLE = 40
EARLY = 1_704_067_200 * SECOND

Sent = tuple[bytes, bytes]
"""Key and value of a record."""


class Somebody(NamedTuple):
    """A person: the ids, of which the first is kept."""

    ids: Sequence[str]

    @property
    def kept(self) -> str:
        return self.ids[0]


def somebody(number: int) -> Somebody:
    """Every fourth person has one id, the others up to four."""
    return Somebody([f"ada-{number}", *(f"anon-{number}-{each}" for each in range(number % 4))])


def touchpoint(who: str, number: int, seconds: int, **fields: object) -> Sent:
    told = {"id": f"{who}-{number}", "customer_id": who, "type": "purchase", "occurred_at": format_time(EARLY + seconds * SECOND), **fields}
    return who.encode(), msgspec.json.encode(told)


def link(moved: str, kept: str, seconds: int) -> Sent:
    return touchpoint(moved, 1000 + seconds, seconds, type="$link", same_as=kept)


def links_of(person: Somebody) -> Iterator[Sent]:
    """A chain: each id leads to the one before."""
    for place, (kept, moved) in enumerate(zip(person.ids, person.ids[1:], strict=False)):
        yield link(moved, kept, 500 + place)


def traffic(people: Sequence[Somebody], random: Random) -> list[Sent]:
    """Touchpoints of all ids; links before them, in the midst of them and after them, some of them twice."""
    records: list[Sent] = []
    for number, person in enumerate(people):
        own = [touchpoint(random.choice(person.ids), each, 600 + 10 * each + number) for each in range(random.randrange(2, 12))]
        for one in links_of(person):
            own.insert(random.choice((0, len(own) // 2, len(own))), one)
            if number % 5 == 0:
                own.append(one)
        records += own
    # Each person's own order stays; people come in between each other.
    order = sorted(range(len(records)), key=lambda each: each % 97)
    return [records[each] for each in order]


def wanted(program: Program, values: Sequence[bytes], people: Sequence[Somebody]) -> Mapping[str, Customer]:
    """Who everybody would be if all touchpoints had the id that is kept."""
    kept = {customer_id: person.kept for person in people for customer_id in person.ids}
    items = (decode_touchpoint(json.loads(value)["customer_id"].encode(), value, LIMITS, None) for value in values)
    found: dict[str, Customer] = {}
    for item in sorted((each for each in items if isinstance(each, Touchpoint) and each.type != "$link"), key=lambda each: each.at):
        name = kept[item.customer_id]
        touched = touch(program, found.get(name), under(item, name)).customer
        if touched is not None:
            found[name] = touched
    return found


def what_counts(customer: Customer) -> tuple[object, ...]:
    return customer.stage, customer.first_at, customer.clock, customer.traits, customer.remembered()


async def see_everybody(settings: Settings, people: Sequence[Somebody], values: Sequence[bytes]) -> None:
    """Every id leads to its person, who is as if there had been one id; and what was published under the id that is kept is one story."""
    program = compile_journey(journey_of(settings))
    expected = wanted(program, values, people)
    stories: dict[bytes, list[bytes]] = {}
    for record in await read_all(settings, settings.topic_stage_changes):
        if not is_customer_moved(tuple(record.headers)):
            stories.setdefault(record.key, []).append(record.value)

    async with Store(settings) as store:
        for person in people:
            if person.kept in expected:
                for customer_id in person.ids:
                    customer = await shown(store, customer_id)
                    assert customer.id == person.kept
                    customer.lay_out(program.keys, program)
                    assert what_counts(customer) == what_counts(expected[person.kept]), customer_id
                    see_one_story(customer, stories[person.kept.encode()])


async def shown(store: Store, customer_id: str) -> Customer:
    """Who has this id, once Redis shows it: a moment after the last batch is committed."""
    found: list[StoredCustomer] = []

    async def is_shown() -> bool:
        try:
            stored = await store.reader().customer(customer_id)
        except NotKnownNow:
            return False
        found.extend(() if stored is None else (stored,))
        return stored is not None

    await until(is_shown, f"{customer_id}'s being shown", 20)
    return decode_state(found[-1].state, found[-1].customer_id, found[-1].memories)


def see_one_story(customer: Customer, published: Sequence[bytes]) -> None:
    story = sorted((decode_stage_change(value) for value in published), key=lambda each: each.sequence)
    assert [each.sequence for each in story] == list(range(1, customer.sequence + 1))
    assert [each.source for each in story] == [None, *(each.to for each in story[:-1])]
    assert story[-1].to == customer.stage


def is_of(value: bytes, person: Somebody) -> bool:
    return json.loads(value)["customer_id"] in person.ids


async def refused(settings: Settings) -> list[str]:
    letters = await read_all(settings, settings.topic_dead_letters)
    return sorted(decode_dead_letter(one.key, one.value, one.headers).reason for one in letters)


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


def see_that_simulate_says_the_same(settings: Settings, values: Sequence[bytes], people: Sequence[Somebody]) -> None:
    """Everybody's last stage is that of `etapa simulate`, which reads one file with the links in it."""
    ends = {name.decode(): json.loads(changes[-1][1] or b"{}")["to"] for name, changes in expected_changes(settings, values, None).items()}
    found = wanted(compile_journey(journey_of(settings)), values, people)
    assert {person.kept: ends[person.kept] for person in people if person.kept in found} == {
        person.kept: found[person.kept].stage for person in people if person.kept in found
    }


def ask_about_them(settings: Settings, person: Somebody) -> None:
    """By any id: who it is. The log and the view agree, and the number of partitions stays."""
    anonymous = person.ids[-1]
    done = run_etapa(settings, "stage", anonymous)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{anonymous} is linked to {person.kept}\n{person.kept} is in ")
    done = run_etapa(settings, "why", anonymous)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{anonymous} is linked to {person.kept}\n")
    done = run_etapa(settings, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_etapa(settings, "repartition", "--to", "5")
    assert done.returncode == 1
    assert "does not go together with another number of partitions yet" in done.stderr


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
