"""People with several ids on real servers: their touchpoints and links, and what must have become of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.outgoing.dead_letter import DeadLetter, decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.identity.under import under
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.readers import NotKnownNow, StoredCustomer
from etapa.stream.redis.store import Store
from tests.integration.command_line import run_etapa
from tests.integration.outcome import expected_changes, journey_of, until
from tests.integration.places import read_all
from tests.simulation.checking.joined import LIMITS

JOURNEY = Path(__file__).parents[1] / "simulation" / "worlds" / "linked.yaml"
"""In it the stage follows from what is remembered, in whatever order it came; so in whatever order partitions are read."""
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
    """A touchpoint, made so many seconds after the beginning."""
    told = {"id": f"{who}-{number}", "customer_id": who, "type": "purchase", "occurred_at": format_time(EARLY + seconds * SECOND), **fields}
    return who.encode(), msgspec.json.encode(told)


def link(moved: str, kept: str, seconds: int) -> Sent:
    """A link, made so many seconds after the beginning."""
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
    """What of a customer does not depend on order."""
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
    return decode_state(found[-1].state, found[-1].customer_id, found[-1].common)


def see_one_story(customer: Customer, published: Sequence[bytes]) -> None:
    """Changes without gaps or repeats, that lead to where the customer is."""
    story = sorted((decode_stage_change(value) for value in published), key=lambda each: each.sequence)
    assert [each.sequence for each in story] == list(range(1, customer.sequence + 1))
    assert [each.source for each in story] == [None, *(each.to for each in story[:-1])]
    assert story[-1].to == customer.stage


def is_of(value: bytes, person: Somebody) -> bool:
    """Whether it is a touchpoint of this person."""
    return json.loads(value)["customer_id"] in person.ids


async def dead_letters(settings: Settings) -> list[DeadLetter]:
    """All of them."""
    return [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters)]


async def refused(settings: Settings) -> list[str]:
    """Why they are dead letters, in alphabetical order."""
    return sorted(letter.reason for letter in await dead_letters(settings))


def see_that_simulate_says_the_same(settings: Settings, values: Sequence[bytes], people: Sequence[Somebody]) -> None:
    """Everybody's last stage is that of `etapa simulate`, which reads one file with the links in it."""
    ends = {name.decode(): json.loads(changes[-1][1] or b"{}")["to"] for name, changes in expected_changes(settings, values, None).items()}
    found = wanted(compile_journey(journey_of(settings)), values, people)
    assert {person.kept: ends[person.kept] for person in people if person.kept in found} == {
        person.kept: found[person.kept].stage for person in people if person.kept in found
    }


def ask_about_them(settings: Settings, person: Somebody) -> None:
    """By any id: who it is. The log and the view agree."""
    anonymous = person.ids[-1]
    done = run_etapa(settings, "stage", anonymous)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{anonymous} is linked to {person.kept}\n{person.kept} is in ")
    done = run_etapa(settings, "why", anonymous)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{anonymous} is linked to {person.kept}\n")
    done = run_etapa(settings, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
