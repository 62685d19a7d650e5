"""The comparison of view and log, while records are added, compacted and rolled back between any two looks."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from etapa.contracts.stored.forwarding import ForwardingAddress, encode_forwarding, is_forwarding, standing_of
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, LINKED_PREFIX
from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.stream.protocol.ports import LogError, Topics, ViewMark
from etapa.stream.protocol.readers import Inspected, Shown
from etapa.stream.protocol.records import StateRecord
from etapa.stream.upkeep import state_fold
from etapa.stream.upkeep.linked_part import MOST_AT_ONCE, LinkedPart
from etapa.stream.upkeep.state_fold import StateFold
from etapa.stream.upkeep.verification import NO_TOPICS, Difference, NotShown, Verification, Verified, WentBack

STAGES = ("new", "buyer", "loyal")
NEWEST_SEGMENT = 60
PAGES = [LEDGER_PREFIX + b"moves 2026-11-21T%02d" % hour for hour in range(5)]
PEOPLE = [LEDGER_PREFIX + LINKED_PREFIX + b"p-%d" % number for number in range(60)]
CHUNK = 10


class World:
    """A partition of the log and its view; `step`, if set, is called before every look at either."""

    def __init__(self, seed: int, customers: int = 30) -> None:
        self.chance = random.Random(seed)
        self.ids = [b"c-%d" % number for number in range(customers)]
        self.records: dict[int, StateRecord] = {}
        self.end = 0
        self.view: dict[bytes, bytes] = {}
        self.pages: dict[bytes, bytes] = {}
        self.mark: ViewMark | None = None
        self.waiting: list[tuple[ViewMark, dict[bytes, bytes | None]]] = []
        self.restless = False

    def append(self, key: bytes, value: bytes | None) -> None:
        self.records[self.end] = StateRecord(self.end, key, value)
        self.end += 1

    def batch(self) -> None:
        """A committed batch, with the marker of its transaction."""
        changed: dict[bytes, bytes | None] = {}
        for customer_id in self.chance.sample(self.ids, 4):
            at = self.end
            customer = Customer(
                version=1,
                stage=self.chance.choice(STAGES),
                due=self.chance.choice((None, at)),
                entered_at=at,
                clock=at,
                first_at=0,
                sequence=1,
            )
            left = self.chance.random()
            if left < 0.1:
                changed[customer_id] = None
            elif left < 0.2:
                changed[customer_id] = encode_forwarding(ForwardingAddress(1, 1))
            else:
                changed[customer_id] = encode_state(customer)
            self.append(customer_id, changed[customer_id])
        page = self.chance.choice(self.chance.choice((PAGES, PEOPLE)))
        changed[page] = None if self.chance.random() < 0.1 else b"%d" % self.end
        self.append(page, changed[page])
        self.append(
            MARK_KEY,
            encode_mark(
                Mark(group="g", partitions=1, through=self.end, stream_time=None, journey="j", version=1, topics={"touchpoints": "one"})
            ),
        )
        self.waiting.append((ViewMark(self.end - 1, self.end - 1, None, "g", 1, 1), changed))
        self.end += 1

    def apply(self) -> None:
        while self.waiting:
            self.mark, changed = self.waiting.pop(0)
            for key, value in changed.items():
                shown, name = (self.view, key) if not key.startswith(LEDGER_PREFIX) else (self.pages, key[len(LEDGER_PREFIX) :])
                if value is None:
                    shown.pop(name, None)
                else:
                    shown[name] = value

    def compact(self) -> None:
        """Compact as Kafka does: records in the newest segment are ignored; they are neither removed nor replace others."""
        cleaned = self.end - NEWEST_SEGMENT
        latest = {record.key: offset for offset, record in self.records.items() if offset < cleaned}
        self.records = {offset: one for offset, one in self.records.items() if offset >= cleaned or latest[one.key] == offset}

    def move(self) -> None:
        if self.restless:
            # Slower than it is read; otherwise it could never be read to its end.
            if self.chance.random() < 0.4:
                self.batch()
            if self.chance.random() < 0.8:
                self.apply()
            if self.chance.random() < 0.3:
                self.compact()

    async def state_range(self) -> tuple[int, int]:
        self.move()
        return 0, self.end

    async def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        if end > self.end:
            raise LogError("nothing came")
        for first in range(start, end, CHUNK):
            # What compaction has emptied takes no time to read.
            if found := [self.records[offset] for offset in range(first, min(first + CHUNK, end)) if offset in self.records]:
                self.move()
                yield found

    def shown(self, customer_id: bytes) -> Shown:
        state = self.view.get(customer_id)
        if state is None:
            return Shown(customer_id, None, None, None)
        customer = standing_of(state)
        return Shown(customer_id, customer.stage.encode(), state, customer.due)

    async def inspect(self, customer_ids: Sequence[bytes]) -> Inspected:
        self.move()
        counts = Counter(standing_of(state).stage for state in self.view.values())
        return Inspected(self.mark, [self.shown(one) for one in customer_ids], counts)

    async def ledger(self) -> tuple[ViewMark | None, dict[bytes, bytes]]:
        self.move()
        return self.mark, {name: page for name, page in self.pages.items() if not name.startswith(LINKED_PREFIX)}

    async def linked(self) -> AsyncIterator[dict[bytes, bytes]]:
        """In portions, one of which comes twice; whoever comes and goes meanwhile may be missed."""
        names = [name for name in self.pages if name.startswith(LINKED_PREFIX)]
        portions = [names[first : first + CHUNK] for first in range(0, len(names), CHUNK)]
        for portion in [*portions, *portions[:1]]:
            self.move()
            yield {name: self.pages[name] for name in portion if name in self.pages}

    async def customer_ids(self) -> AsyncIterator[Sequence[bytes]]:
        self.move()
        yield list(self.view)

    def verify(self, topics: Topics = NO_TOPICS) -> tuple[Verified, list[Difference]]:
        found: list[Difference] = []
        return asyncio.run(Verification(0, "g", self, self, found.append, lambda compared: None, topics).run()), found


@pytest.fixture(params=[MOST_AT_ONCE, 12])
def _most_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With so many people with several ids in memory at once: all of them, or a few."""
    monkeypatch.setattr(state_fold, "MOST_AT_ONCE", request.param)


def settled(seed: int) -> World:
    world = World(seed)
    for _ in range(100):
        world.batch()
        world.apply()
    return world


@pytest.mark.usefixtures("_most_at_once")
@pytest.mark.parametrize("seed", range(100))
def test_a_view_that_follows_the_log_is_equal_however_the_world_moves_and_compacts_meanwhile(seed: int) -> None:
    world = settled(seed)
    world.compact()
    world.restless = True
    verified, differences = world.verify()
    assert differences == []
    assert verified.undecided == 0 or world.waiting
    assert verified.customers


@pytest.mark.parametrize("seed", range(100))
def test_damage_to_a_customer_that_nothing_happens_to_is_found_however_the_world_moves(seed: int) -> None:
    world = settled(seed)
    damaged = next(one for one in world.ids if one in world.view and not is_forwarding(world.view[one]))
    # Nothing happens to it from here on, or the next state would repair it.
    world.ids = [one for one in world.ids if one != damaged]
    customer = decode_state(world.view[damaged], damaged.decode())
    if seed % 2:
        customer.sequence += 1
        world.view[damaged] = encode_state(customer)
    else:
        del world.view[damaged]
    world.restless = True
    verified, differences = world.verify()
    assert [one.kind for one in differences if one.customer_id] == ["state" if seed % 2 else "missing"]
    assert differences[0].customer_id == damaged.decode()
    assert verified.differences == len(differences)


@pytest.mark.parametrize("seed", range(20))
def test_damage_to_a_page_of_the_ledger_is_found(seed: int) -> None:
    world = settled(seed)
    damaged = next(name for name in world.pages if not name.startswith(LINKED_PREFIX))
    if seed % 2:
        world.pages[damaged] += b"0"
    else:
        del world.pages[damaged]
    _, [difference] = world.verify()
    assert (difference.kind, difference.page, difference.view) == ("ledger", damaged.decode(), "has" if seed % 2 else None)


@pytest.mark.usefixtures("_most_at_once")
@pytest.mark.parametrize("seed", range(40))
def test_damage_to_who_has_which_ids_is_found_however_the_world_moves(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = settled(seed)
    names = sorted(name for name in world.pages if name.startswith(LINKED_PREFIX))
    changed, lost, unknown = world.chance.choice(names[::2]), world.chance.choice(names[1::2]), LINKED_PREFIX + b"nobody"
    # Nothing happens to them from here on.
    monkeypatch.setattr(f"{__name__}.PEOPLE", [one for one in PEOPLE if one[len(LEDGER_PREFIX) :] not in (changed, lost)])
    world.pages[changed] += b"0"
    world.pages[unknown] = b"0"
    del world.pages[lost]
    world.restless = True
    found = {one.page: (one.log, one.view) for one in world.verify()[1]}
    assert found == {changed.decode(): ("has", "has"), lost.decode(): ("has", None), unknown.decode(): (None, "has")}


def test_a_bounded_number_of_people_with_several_ids_is_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    world, most, held = World(1), 50, []
    for number in range(4_000):
        world.append(LEDGER_PREFIX + LINKED_PREFIX + b"p-%d" % number, b"ids")
        world.pages[LINKED_PREFIX + b"p-%d" % number] = b"ids"
    world.batch()
    world.apply()
    took = LinkedPart.take

    def take(part: LinkedPart, name: bytes, value: bytes | None) -> None:
        took(part, name, value)
        held.append(len(part.digests))

    monkeypatch.setattr(LinkedPart, "take", take)
    monkeypatch.setattr(state_fold, "MOST_AT_ONCE", most)
    del world.pages[LINKED_PREFIX + b"p-1234"]
    [difference] = world.verify()[1]
    assert (difference.page, difference.view) == ("linked p-1234", None)
    assert most <= max(held) <= 2 * most


def test_a_topic_that_was_recreated_is_a_difference() -> None:
    assert settled(1).verify(Topics(1, {"touchpoints": "one"}))[1] == []
    [difference] = settled(1).verify(Topics(1, {"touchpoints": "two"}, {"touchpoints": "the-touchpoints"}))[1]
    assert difference.kind == "topic"
    assert "the topic the-touchpoints was deleted and recreated" in str(difference.log)


def test_without_the_second_look_compaction_would_be_taken_for_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_later(fold: StateFold, offset: int, customer_ids: Collection[bytes]) -> set[bytes]:
        return set()

    def finds_differences(seed: int) -> bool:
        world = settled(seed)
        world.compact()
        world.restless = True
        return bool(world.verify()[1])

    monkeypatch.setattr(StateFold, "changed_after", nothing_later)
    assert any(finds_differences(seed) for seed in range(1_000))


def test_what_compaction_took_away_is_no_difference() -> None:
    world = settled(1)
    # The log has later states of all customers, the view shows none of them, and nothing updates it.
    for _ in range(60):
        world.batch()
    world.compact()
    verified, differences = world.verify()
    assert differences == []
    assert verified.undecided > len(world.view) / 2
    assert verified.behind


def test_a_view_that_goes_back_is_to_be_compared_again() -> None:
    world = settled(1)
    earlier = world.mark
    looks = 0

    async def going_back(customer_ids: Sequence[bytes]) -> Inspected:
        nonlocal looks
        looks += 1
        if looks == 1:
            world.batch()
            world.apply()
        else:
            world.mark = earlier
        return await World.inspect(world, customer_ids)

    world.inspect = going_back  # type: ignore[method-assign]
    with pytest.raises(WentBack):
        world.verify()


def test_a_view_that_is_rebuilt_meanwhile_is_not_comparable() -> None:
    world = settled(1)
    mark = world.mark
    assert mark is not None
    world.mark = ViewMark(3, -1, None, "g", 1, 1, complete=False)
    with pytest.raises(NotShown) as raised:
        world.verify()
    assert raised.value.difference.view == f"is being rebuilt: at offset 3 of {world.end - 1}"


def test_a_count_that_does_not_follow_is_told_with_its_stage() -> None:
    world = settled(1)

    async def miscounted(customer_ids: Sequence[bytes]) -> Inspected:
        found = await World.inspect(world, customer_ids)
        return Inspected(found.mark, found.customers, {**found.counts, "buyer": found.counts["buyer"] + 1, "gone": 3})

    world.inspect = miscounted  # type: ignore[method-assign]
    buyers = sum(standing_of(state).stage == "buyer" for state in world.view.values())
    assert world.verify()[1] == [
        Difference(0, "count", stage="buyer", log=buyers, view=buyers + 1),
        Difference(0, "count", stage="gone", log=0, view=3),
    ]
