"""The walk through `stage-changes`, with changes between any two looks and every kind of damage."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from etapa.contracts.stored.mark import MARK_KEY, Mark, TopicRole, encode_mark
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.stream.protocol.records import Record, StateRecord
from etapa.stream.upkeep import change_walk
from etapa.stream.upkeep.change_chains import ChangeFault, chain_faults
from etapa.stream.upkeep.change_walk import ChangeWalk, Walked, fault_in_words

CHUNK = 7


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_walk, "PAUSE_SECONDS", 0)


def state_of(sequence: int) -> bytes:
    return encode_state(Customer(version=1, stage="new", due=None, entered_at=5, clock=5, first_at=0, sequence=sequence))


class World:
    """A partition of both topics. Readers learn of the end of a transaction in one topic before the other."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.sequences = {b"c-%d" % number: 0 for number in range(20)}
        self.published: list[Record] = []
        self.states_written: list[StateRecord] = []
        self.visible = [0, 0]
        self.first = 0
        self.restless = False
        self.replaced: tuple[TopicRole, ...] = ()

    def publish(self, key: bytes, sequence: int, identity: bytes | None = None) -> None:
        identity = key + b"/%d" % sequence if identity is None else identity
        self.published.append(Record(len(self.published), 0, key, b"{}", [("ce_id", identity)]))

    def write(self, key: bytes, value: bytes | None) -> None:
        self.states_written.append(StateRecord(len(self.states_written), key, value))

    def batch(self, *, without_changes: bool = False, without_states: bool = False) -> None:
        for key in self.chance.sample(sorted(self.sequences), 3):
            for _ in range(self.chance.randint(1, 2)):
                self.sequences[key] += 1
                if not without_changes:
                    self.publish(key, self.sequences[key])
            if not without_states:
                self.write(key, state_of(self.sequences[key]))
        mark = Mark(group="g", partitions=1, through=1, stream_time=None, journey="j", version=1, replaced=self.replaced)
        self.write(MARK_KEY, encode_mark(mark))

    def show(self) -> None:
        self.visible = [len(self.published), len(self.states_written)]

    def move(self) -> None:
        if self.restless:
            if self.chance.random() < 0.4:
                self.batch()
            ends = len(self.published), len(self.states_written)
            for place in (0, 1):
                if self.chance.random() < 0.7:
                    self.visible[place] = ends[place]

    async def changes_range(self) -> tuple[int, int]:
        self.move()
        return self.first, self.visible[0]

    async def changes(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        assert start <= end <= self.visible[0]
        for first in range(start, end, CHUNK):
            self.move()
            yield self.published[first : min(first + CHUNK, end)]

    async def state_range(self) -> tuple[int, int]:
        self.move()
        return 0, self.visible[1]

    async def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        assert start <= end <= self.visible[1]
        for first in range(start, end, CHUNK):
            self.move()
            yield self.states_written[first : min(first + CHUNK, end)]

    def walk(self, *, compacted: bool = False) -> tuple[Walked, list[ChangeFault]]:
        found: list[ChangeFault] = []
        shares: list[float] = []
        walked = asyncio.run(ChangeWalk(3, self, self, found.append, shares.append, compacted=compacted).run())
        assert shares == sorted(shares)
        assert all(0 < share <= 1 for share in shares)
        assert walked.faults == len(found)
        if walked.complete:
            found += [fault for _, fault in chain_faults([walked.stretches])]
        return walked, found


def settled(seed: int = 0) -> World:
    world = World(seed)
    for _ in range(50):
        world.batch()
    world.show()
    return world


def kinds(found: Sequence[ChangeFault]) -> list[tuple[str, str, int | None, int | None]]:
    return [(one.kind, one.customer_id, one.found, one.expected) for one in found]


@pytest.mark.parametrize("seed", range(100))
def test_nothing_is_found_where_every_batch_is_whole_however_the_world_moves(seed: int) -> None:
    world = settled(seed)
    world.restless = True
    walked, found = world.walk()
    assert found == []
    assert walked.complete
    assert walked.customers == 20


@pytest.mark.parametrize("seed", range(30))
def test_changes_that_were_lost_with_a_batch_are_found(seed: int) -> None:
    world = settled(seed)
    world.batch(without_changes=True)
    world.show()
    lost = {key.decode(): sequence for key, sequence in world.sequences.items()}
    _, found = world.walk()
    assert len(found) == 3
    assert all(one.kind == "changes_lost" and one.expected == lost[one.customer_id] and one.offset is None for one in found)
    for _ in range(60):
        world.batch()
    world.show()
    _, later = world.walk()
    assert {one.customer_id for one in later} == {one.customer_id for one in found}
    assert {one.kind for one in later} == {"changes_missing"}, "once there are later changes it is a gap between them"


@pytest.mark.parametrize("seed", range(30))
def test_changes_that_were_published_without_their_states_are_found(seed: int) -> None:
    world = settled(seed)
    world.batch(without_states=True)
    world.show()
    _, found = world.walk()
    assert [one.kind for one in found] == ["change_without_state"] * 3
    assert all(one.found == world.sequences[one.customer_id.encode()] for one in found)


def test_a_repeat_a_gap_and_what_others_wrote_are_found_where_they_are() -> None:
    world = World()
    for sequence in (1, 2, 2, 3, 6):
        world.publish(b"a", sequence)
    world.publish(b"b", 1, b"")
    world.publish(b"b", 1, b"a/7")
    world.publish(b"b", 2)
    world.write(b"a", state_of(6))
    world.write(b"b", state_of(2))
    world.write(MARK_KEY, encode_mark(Mark(group="g", partitions=1, through=1, stream_time=None, journey="j", version=1)))
    world.show()
    _, found = world.walk()
    assert [one.offset for one in found] == [2, 4, 5, 6, 7]
    assert [fault_in_words(one) for one in found] == [
        "a has sequence 2 at offset 2 of stage-changes, which was published before",
        "a has sequence 6 at offset 4 of stage-changes after 3: 2 changes are missing",
        "the record at offset 5 of stage-changes (key 'b') is not a stage change for its key: something else writes there",
        "the record at offset 6 of stage-changes (key 'b') is not a stage change for its key: something else writes there",
        "b has sequence 2 at offset 7 of stage-changes after 0: a change is missing",
    ]


def test_what_retention_took_is_not_missed_and_what_it_did_not_is() -> None:
    world = settled()
    world.first = 40
    walked, found = world.walk()
    assert (walked.complete, found) == (False, [])
    gone = world.published[-1]
    world.published[-1] = Record(gone.offset, 0, b"x", b"{}", [("ce_id", b"x/1")])
    world.write(b"x", state_of(1))
    world.show()
    _, found = world.walk()
    assert [one.kind for one in found] == ["changes_lost"]


def test_a_topic_that_took_the_place_of_another_need_not_have_the_beginning() -> None:
    world = settled()
    world.replaced = ("stage-changes",)
    world.published.clear()
    for _ in range(50):
        world.batch()
    world.show()
    assert world.walk()[1] == []


def test_of_a_compacted_topic_only_the_last_change_of_each_customer_is_asked_for() -> None:
    world = settled()
    last = {record.key: record for record in world.published}
    world.published = [Record(offset, 0, one.key, one.value, one.headers) for offset, one in enumerate(last.values())]
    world.show()
    walked, found = world.walk(compacted=True)
    assert (walked.complete, found) == (False, [])
    world.publish(b"c-1", 1)
    world.show()
    assert kinds(world.walk(compacted=True)[1]) == [("change_repeated", "c-1", 1, world.sequences[b"c-1"] + 1)]


def test_a_customer_who_was_taken_out_is_not_asked_for() -> None:
    world = settled()
    world.write(b"c-1", None)
    world.show()
    assert world.walk()[1] == []


def test_a_log_that_lost_its_marks_is_walked_all_the_same() -> None:
    world = settled()
    world.states_written = [one for one in world.states_written if one.key != MARK_KEY]
    world.show()
    assert world.walk()[1] == []


def test_where_nothing_was_ever_processed_there_is_nothing_to_find() -> None:
    walked, found = World().walk()
    assert (walked.changes, walked.customers, found) == (0, 0, [])
