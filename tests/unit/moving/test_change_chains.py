"""The changes of customers who moved between partitions, put together from what each partition holds."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from etapa.contracts.outgoing.customer_moved import encode_customer_moved
from etapa.contracts.stored.forwarding import ForwardingAddress, encode_forwarding
from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.stream.protocol.damage import damage_of_changes
from etapa.stream.protocol.ports import RecentChanges
from etapa.stream.protocol.records import Record, StateRecord
from etapa.stream.upkeep.change_chains import ChangeFault, Stretches, chain_faults, stretches_among
from etapa.stream.upkeep.change_walk import ChangeWalk
from tests.unit.stream.test_change_walk import state_of


class Place:
    """A partition of `stage-changes` and of `customer-state`, in which one customer comes and goes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.published: list[Record] = []
        self.written = [
            StateRecord(0, MARK_KEY, encode_mark(Mark(group="g", partitions=2, through=1, stream_time=None, journey="j", version=1)))
        ]

    def change(self, *sequences: int) -> None:
        for sequence in sequences:
            self.published.append(Record(len(self.published), 0, b"ada", b"{}", [("ce_id", b"ada/%d" % sequence)]))
            self.hold(state_of(sequence))

    def hold(self, value: bytes) -> None:
        self.written.append(StateRecord(len(self.written), b"ada", value))

    def leave(self, sequence: int, to: int) -> None:
        key, value, headers = encode_customer_moved("ada", sequence, to, "ada", "j", 1, 1)
        self.published.append(Record(len(self.published), 0, key, value, headers))
        self.hold(encode_forwarding(ForwardingAddress(to, sequence)))

    async def changes_range(self) -> tuple[int, int]:
        return 0, len(self.published)

    async def changes(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        if start < end:
            yield self.published[start:end]

    async def state_range(self) -> tuple[int, int]:
        return 0, len(self.written)

    async def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        yield self.written[start:end]

    def walk(self) -> Stretches:
        found: list[ChangeFault] = []
        walked = asyncio.run(ChangeWalk(self.number, self, self, found.append, lambda share: None).run())
        assert (found, walked.complete) == ([], True)
        return walked.stretches


def moved() -> tuple[Place, Place]:
    """Three changes at the first place, two at the second, one more at the first, and back without a change."""
    first, second = Place(0), Place(1)
    first.change(1, 2, 3)
    first.leave(3, 1)
    second.change(4, 5)
    second.leave(5, 0)
    first.change(6)
    first.leave(6, 1)
    second.hold(state_of(6))
    return first, second


def kinds(*places: Place) -> list[tuple[str, int, int | None, int | None]]:
    return [(fault.kind, fault.partition, fault.found, fault.expected) for _, fault in chain_faults([place.walk() for place in places])]


def test_changes_go_on_where_a_customer_went_and_when_it_comes_back() -> None:
    assert kinds(*moved()) == []
    again = [asyncio.run(stretches_among(place, place.number, {b"ada"})) for place in moved()]
    assert [[(one.first, one.last) for one in each[b"ada"]] for each in again] == [[(1, 3), (6, 6)], [(4, 5)]]
    assert chain_faults(again) == []


@pytest.mark.parametrize(
    ("arrives_with", "says"),
    [((5,), ("changes_missing", 1, 5, 4)), ((3, 4), ("change_repeated", 1, 3, 4))],
)
def test_a_gap_and_a_repeat_over_two_places_are_found(arrives_with: Sequence[int], says: tuple[str, int, int, int]) -> None:
    first, second = Place(0), Place(1)
    first.change(1, 2, 3)
    first.leave(3, 1)
    second.change(*arrives_with)
    assert kinds(first, second) == [says]


def test_a_state_that_arrived_with_more_changes_than_were_published_is_found() -> None:
    first, second = Place(0), Place(1)
    first.change(1, 2)
    first.leave(2, 1)
    second.hold(state_of(3))
    assert kinds(first, second) == [("changes_lost", 1, 2, 3)]


def test_a_takeover_sees_no_damage_in_customers_who_left() -> None:
    first, _ = moved()
    mark = Mark(group="g", partitions=2, through=1, stream_time=None, journey="j", version=1, last_change="ada/6")
    assert damage_of_changes(mark, RecentChanges(first.published, all=True)) == []
    # Many have left since the last change.
    assert damage_of_changes(mark, RecentChanges(first.published[-1:], all=False)) == []
    lost = damage_of_changes(mark, RecentChanges(first.published[-1:], all=True))
    assert [one.kind for one in lost] == ["changes_missing"]
