"""What is kept of a customer who lived in several partitions is found in all of them, and nothing about anybody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from etapa.contracts.outgoing.personal_data import kept_transfer
from etapa.contracts.stored.forwarding import ForwardingAddress, encode_forwarding
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, LINKED_PREFIX, ROUND_PREFIX
from etapa.contracts.stored.linked_ids import encode_linked_ids
from etapa.contracts.stored.mark import MARK_KEY, Mark, MarkError, encode_mark
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomerUnknown,
    LayoutAnnounced,
    LinkAsked,
    PersonForgotten,
    PersonMoved,
    PlaceFinished,
    Sent,
    SettlingAsked,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    TransferError,
    WayProbed,
    WaysTold,
    encode_transfer,
)
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.identity.people import LinkedIds
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import TopicsError
from etapa.stream.protocol.records import Record
from etapa.stream.upkeep.forgetting import NotForgotten, remaining, see_that_it_is_done
from etapa.stream.upkeep.person_ids import PersonIds
from etapa.stream.upkeep.personal_places import PersonalPlaces
from etapa.stream.upkeep.personal_records import PersonalRecord, PersonalRecords, PersonalState, committed_records, is_about

SETTINGS = Settings()
LAYOUT = TopicLayout(generation=2, partitions=2, before=3)
MARK = encode_mark(Mark(group="etapa", partitions=3, through=9, stream_time=None, journey="shop", version=1))
STATE = encode_state(Customer(version=1, stage="buyer", due=None, entered_at=2, clock=3, first_at=1, sequence=2))
ADDRESS = encode_forwarding(ForwardingAddress(1, 2))

Topics = dict[tuple[str, int], Sequence[tuple[bytes | None, bytes | None]]]


def records_of(topics: Topics, *, moved: bool = True, first_look: Topics | None = None) -> PersonalRecords:
    """Of ada in these topics; the first read of one finds what `first_look` has of it."""
    earlier = dict(first_look or {})

    async def read(topic: str, partitions: Sequence[int]) -> AsyncIterator[tuple[int, Record]]:
        for partition in partitions:
            place = topic, partition
            for offset, (key, value) in enumerate(earlier.pop(place, topics.get(place, ()))):
                yield partition, Record(offset, 1_000_000 * offset, key, value)

    places = PersonalPlaces(1, range(3), 3, 3) if moved else PersonalPlaces(1, [1], 3)
    return PersonalRecords(read, SETTINGS, PersonIds("ada"), places)


def state_in(topics: Topics, **options: Any) -> PersonalState:
    return asyncio.run(records_of(topics, **options).state())


def states(partition: int, *values: bytes | None, mark: bool = True) -> Topics:
    rows: list[tuple[bytes | None, bytes | None]] = [(b"ada", value) for value in values]
    return {(SETTINGS.topic_customer_state, partition): [*rows, (MARK_KEY, MARK)] if mark else rows}


def test_the_state_is_found_wherever_the_customer_lives() -> None:
    found = state_in({**states(0, STATE, ADDRESS), **states(1, STATE, STATE), **states(2, None, STATE, ADDRESS)})
    assert found.latest is not None
    assert (found.latest.partition, found.latest.record.offset) == (1, 1)
    assert decode_state(found.latest.record.value or b"", "ada").stage == "buyer"
    assert (found.earlier, found.left) == (4, [0, 2])


def test_only_the_home_is_read_if_nobody_ever_moved() -> None:
    found = state_in({**states(0, STATE), **states(1, None)}, moved=False)
    assert (found.latest, found.earlier, found.left) == (None, 1, [])


def test_who_moves_while_the_partitions_are_read_is_looked_for_again() -> None:
    # Partition 0 was read before the customer arrived there, and partition 2 after it had left.
    found = state_in({**states(0, STATE), **states(2, STATE, ADDRESS)}, first_look={(SETTINGS.topic_customer_state, 0): ()})
    assert found.latest is not None
    assert found.latest.partition == 0


def test_states_without_a_mark_are_refused() -> None:
    with pytest.raises(MarkError, match="customer-state 2 holds states but no mark"):
        state_in({**states(1, STATE), **states(2, STATE, mark=False)})


def test_records_are_found_in_every_partition_that_may_hold_some() -> None:
    topic = SETTINGS.topic_stage_changes
    topics: Topics = {(topic, 0): [(b"ada", b"{}"), (b"bob", b"{}")], (topic, 1): [(b"ada", b"{}")]}
    assert [one.partition for one in asyncio.run(records_of(topics).keyed(topic))] == [0, 1]
    assert [one.partition for one in asyncio.run(records_of(topics, moved=False).keyed(topic))] == [1]


def forwarded(key: bytes | None, value: bytes | None) -> TouchpointForwarded:
    return TouchpointForwarded(key=key, value=value, headers=(), timestamp=1, partition=0, offset=7)


def asked(kept: str = "eve", other: str = "") -> LinkAsked:
    return LinkAsked(target="bob", at=1, moved="bob", kept=kept, identity="link-1", other=other, record=forwarded(b"bob", b"{}"))


def person(*ids: str) -> PersonMoved:
    linked = encode_linked_ids(LinkedIds(ids, (), ids[0]))
    return PersonMoved(target="bob", linked_ids=linked, state=None, stream_time=None, link=asked())


@pytest.mark.parametrize(
    ("sent", "is_adas"),
    [
        (StateMoved("ada", STATE, 1), True),
        (StateMoved("adam", STATE, 1), False),
        (CustomerClaimed("ada", LAYOUT), True),
        (CustomerUnknown("ada", LAYOUT), True),
        (WaysTold(["bob", "ada"], LAYOUT), True),
        (WaysTold(["bob"], LAYOUT), False),
        (forwarded(b"ada", b"{}"), True),
        (forwarded(b"bob", b'{"customer_id": "ada"}'), True),
        (forwarded(b"bob", None), False),
        (LayoutAnnounced(LAYOUT), False),
        (PlaceFinished(LAYOUT), False),
        (SettlingAsked(LAYOUT, 1), False),
        (asked(kept="ada"), True),
        (asked(other="ada"), True),
        (asked(), False),
        (person("anon", "ada"), True),
        (person("anon", "bob"), False),
        (PersonForgotten(digests={"anon": b"1", "ada": b"2"}, at=1, until=2), True),
        (PersonForgotten(digests={"anon": b"1"}, at=1, until=2), False),
        (WayProbed(customer_id="ada", origin=0, number=1), True),
        (WayProbed(customer_id="bob", origin=0, number=1), False),
    ],
)
def test_what_was_sent_between_partitions_is_told_apart_by_whom_it_is_about(sent: Sent, is_adas: bool) -> None:
    assert is_about(sent, PersonIds("ada")) == is_adas


def transfer(sent: Sent) -> tuple[None, bytes]:
    return None, encode_transfer(Transfer(sender=0, number=1, sent=sent))


def test_transfers_about_the_customer_are_found_and_can_be_read() -> None:
    topic = SETTINGS.topic_transfers
    rows = [
        transfer(StateMoved("bob", STATE, 1)),
        transfer(StateMoved("ada", STATE, 1)),
        transfer(forwarded(b"ada", b'{"type": "purchase"}')),
    ]
    found = asyncio.run(records_of({(topic, 2): rows}).transferred())
    assert [(one.partition, one.record.offset) for one in found] == [(2, 1), (2, 2)]
    moved, touchpoint = (
        kept_transfer(one.topic, one.partition, one.record.offset, one.record.timestamp, one.record.value).content["sent"] for one in found
    )
    assert (moved["type"], moved["customer_id"]) == ("state", "ada")
    assert (touchpoint["type"], touchpoint["value"]) == ("touchpoint", {"type": "purchase"})


def test_a_transfer_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(TransferError, match="cannot be read"):
        asyncio.run(records_of({(SETTINGS.topic_transfers, 0): [(None, b"\xc1")]}).transferred())


def test_a_customer_is_forgotten_when_no_partition_has_a_state_any_more() -> None:
    def last(partition: int, value: bytes | None) -> PersonalRecord:
        return PersonalRecord(SETTINGS.topic_customer_state, partition, Record(partition, 1, b"ada", value))

    see_that_it_is_done([last(0, STATE), last(0, ADDRESS), last(1, STATE), last(1, None)], SETTINGS.topic_customer_state)
    with pytest.raises(NotForgotten, match="still has a state"):
        see_that_it_is_done([last(0, STATE), last(1, None)], SETTINGS.topic_customer_state)


LINKED = LEDGER_PREFIX + LINKED_PREFIX + b"ada"
PAGE = encode_linked_ids(LinkedIds(("ada", "anon"), (), "anon"))


def test_links_tell_all_ids_of_a_person_wherever_it_lives_now() -> None:
    topic = SETTINGS.topic_customer_state
    others = LEDGER_PREFIX + LINKED_PREFIX + b"bob", encode_linked_ids(LinkedIds(("bob", "eve"), (), "bob"))
    moved: Topics = {(topic, 0): [(LINKED, PAGE), others, (LINKED, None)], (topic, 2): [(LINKED, PAGE)]}
    assert asyncio.run(records_of(moved).all_ids()).ids == ("anon", "ada")
    arriving: Topics = {(topic, 0): [(LINKED, PAGE), (LINKED, None)]}
    assert asyncio.run(records_of(moved, first_look=arriving | {(topic, 2): ()}).all_ids()).ids == ("anon", "ada")
    assert asyncio.run(records_of({(topic, 0): [others]}).all_ids()).ids == ("ada",)
    assert asyncio.run(records_of(moved, moved=False).all_ids()).ids == ("ada",)


def test_lists_of_ids_are_among_what_is_stored_of_a_person_and_so_is_their_removal() -> None:
    topic = SETTINGS.topic_customer_state
    rows = [(b"ada", STATE), (LINKED, PAGE), (b"anon", ADDRESS), (LINKED, None), (b"adam", STATE)]
    assert [one.record.offset for one in asyncio.run(records_of({(topic, 1): rows}).stored())] == [0, 1, 3]


def test_ways_round_are_among_what_is_stored_of_a_person_and_so_is_their_end() -> None:
    topic = SETTINGS.topic_customer_state
    adas, adams = (LEDGER_PREFIX + ROUND_PREFIX + name for name in (b"ada", b"adam"))
    rows = [(adas, b"way"), (adams, b"way"), (adas, None)]
    assert [one.record.offset for one in asyncio.run(records_of({(topic, 1): rows}).stored())] == [0, 2]


def test_a_person_is_not_forgotten_while_a_list_of_its_ids_is_left() -> None:
    def last(key: bytes, value: bytes | None, offset: int) -> PersonalRecord:
        return PersonalRecord(SETTINGS.topic_customer_state, 1, Record(offset, 1, key, value))

    done = [last(b"ada", STATE, 1), last(LINKED, PAGE, 2), last(LINKED, None, 3), last(b"ada", None, 4)]
    see_that_it_is_done(done, SETTINGS.topic_customer_state)
    with pytest.raises(NotForgotten):
        see_that_it_is_done([*done, last(LINKED, PAGE, 5)], SETTINGS.topic_customer_state)
    with pytest.raises(NotForgotten):
        see_that_it_is_done([last(b"anon", STATE, 1), last(b"ada", None, 2)], SETTINGS.topic_customer_state)


def test_a_person_is_recognised_by_digests_alone() -> None:
    key = DenyKey(b"secret")
    who = PersonIds("ada", digests=[key.digest("anon").hex()], key=key)
    assert [who.names(each) for each in ("ada", "anon", "bob")] == [True, True, False]
    assert who.is_key(b"anon")
    assert not who.is_key(b"\xff")
    assert who.are_mentioned(b'{"who": ["anon"]}')
    assert not who.are_mentioned(b'{"who": ["anonymous"]}')


def test_nothing_is_certified_if_transfers_cannot_be_seen_though_customers_have_moved() -> None:
    places = PersonalPlaces(1, range(3), 3, is_transfers_hidden=True)
    cluster = Cluster(SETTINGS)
    with pytest.raises(TopicsError, match="Nothing can be certified without reading it"):
        asyncio.run(remaining(cluster, committed_records(cluster, lambda *_: None), PersonIds("ada"), places))
