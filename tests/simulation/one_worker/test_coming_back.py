"""Somebody comes back to a partition that has sent touchpoints of theirs on: what comes next follows these, whatever happens meanwhile."""

import json
from typing import Final

import msgspec
import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.linked_ids import encode_linked_ids
from etapa.contracts.stored.made_touchpoint import decode_made
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    LayoutAnnounced,
    LinkAsked,
    PersonMoved,
    Sent,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    WayProbed,
    decode_transfer,
    encode_transfer,
)
from etapa.contracts.stored.way_round import WayRound, read_rounds
from etapa.journey.identity.links import IdLink
from etapa.journey.identity.people import LinkedIds, alone
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.joined import KEY
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.forgetting import FOR_EVER, request_for
from tests.simulation.worlds.linked import LINKED
from tests.simulation.worlds.sourced_links import linking_source

DECODER: Final = decoder_within(TouchpointLimits(takes_links=True))
LINKING: Final = msgspec.structs.replace(OPTIONS, follows_links=True, forget_key=KEY, decoder=DECODER)
PLACES: Final = 3
"""`amy` and `lea` are at home at 0, the worker's own partition; `abe` and `bea` at 1."""


class ComingBack:
    """Partition 0, where `lea` lived. She moved to `bea` at 1; both went on to 2, and come back from there to `amy`."""

    def __init__(self, options: TaskOptions = LINKING) -> None:
        self.alone = Alone(options)
        self.alone.broker.partitions = PLACES
        self.alone.broker.transfers = [MemoryTransfers() for _ in range(PLACES)]
        self._numbers = dict.fromkeys(range(PLACES), 0)

    def come_back(self) -> "ComingBack":
        """All of it."""
        first = self.alone.touch("lea")
        self.work()
        self.receive(1, asked("lea", moved="lea", kept="bea", other="bea"))
        self.work()
        self.last_sent_on = self.alone.touch("lea")
        self.work()
        moved = self.sent(1)[0]
        assert isinstance(moved, PersonMoved)
        assert (first, self.offsets(1)) == (0, [self.last_sent_on])
        both = LinkedIds(("bea", "lea"), (IdLink(START - 9, "lea", "bea"),), "bea")
        link = asked("bea", moved="bea", kept="amy", other="amy")
        self.receive(2, PersonMoved(target="amy", linked_ids=encode_linked_ids(both), state=moved.state, stream_time=START, link=link))
        self.work()
        return self

    def work(self) -> None:
        """A worker takes the partition over, and does what there is to do."""
        self.alone.worker(program=LINKED)
        self.alone.run(self.alone.work_until(lambda: self.alone.task.ready and self.alone.drained() and self._has_read_all()))

    def _has_read_all(self) -> bool:
        mark = self.alone.last_mark()
        return mark is not None and mark.moving is not None and mark.moving.next_transfer == self.alone.broker.transfers[0].end()

    def receive(self, sender: int, sent: Sent) -> None:
        """Another place has sent something."""
        self._numbers[sender] = self._numbers.get(sender, 0) + 1
        value = encode_transfer(Transfer(sender=sender, number=self._numbers[sender], sent=sent))
        self.alone.broker.transfers[0].append(Outgoing(None, value), "committed")

    def comes_round(self, offset: int) -> None:
        """A touchpoint that was read here comes back from 2."""
        record = self.alone.broker.touchpoints[offset]
        self.receive(2, TouchpointForwarded(record.key, record.value, record.headers, record.timestamp, 0, offset))

    def sent(self, to: int) -> list[Sent]:
        """What was sent to a place."""
        return [decode_transfer(record.value).sent for record in self.alone.broker.transfers[to].committed(0)]

    def offsets(self, to: int) -> list[int]:
        """The touchpoints among it."""
        return [sent.offset for sent in self.sent(to) if isinstance(sent, TouchpointForwarded)]

    def last_probe(self) -> WayProbed:
        """The last of those sent to 1, where touchpoints of `lea` go."""
        return [sent for sent in self.sent(1) if isinstance(sent, WayProbed)][-1]

    def ways(self) -> dict[str, WayRound]:
        """The ways round that the view holds."""
        return read_rounds(self.alone.redis.ledger)

    def judged(self) -> int:
        """How many touchpoints were judged here."""
        return sum(batch.applied for batch in self.alone.told.batches)

    def batch(self, customer_id: str, **fields: str) -> None:
        """A record that a source reads."""
        offset = self.alone.broker.end_offset
        told = {"id": f"e{offset}", "customer_id": customer_id, "type": "purchase", "occurred_at": format_time(START), **fields}
        self.alone.broker.append(customer_id.encode(), json.dumps({"batch": [told]}).encode(), (), self.alone.now())


def asked(target: str, *, moved: str, kept: str, other: str) -> LinkAsked:
    record = TouchpointForwarded(b"l", b"{}", (), START, 1, 1)
    return LinkAsked(target=target, at=START - 5, moved=moved, kept=kept, identity=f"{moved}-{kept}", other=other, record=record)


def test_what_comes_next_is_sent_the_same_way_until_a_probe_is_back_with_nothing_behind_it() -> None:
    run = ComingBack().come_back()
    first = run.last_probe()
    assert run.ways() == {"lea": WayRound(1, 2, first.number)}
    assert (first.customer_id, first.origin) == ("lea", 0)
    behind = run.alone.touch("lea")
    run.work()
    assert run.offsets(1) == [run.last_sent_on, behind]
    assert run.ways() == {"lea": WayRound(1, 2, first.number, is_used=True)}
    judged = run.judged()
    run.comes_round(run.last_sent_on)
    run.receive(2, first)
    run.work()
    assert run.judged() == judged + 1
    second = run.last_probe()
    assert run.ways() == {"lea": WayRound(1, 2, second.number)}
    assert second.number > first.number
    run.comes_round(behind)
    run.receive(2, second)
    run.work()
    assert run.ways() == {}
    assert run.last_probe() == second
    run.alone.touch("lea")
    run.work()
    assert run.judged() == judged + 3
    assert run.offsets(1) == [run.last_sent_on, behind]


def test_touchpoints_of_ids_that_were_never_sent_on_are_judged_meanwhile() -> None:
    run = ComingBack().come_back()
    judged = run.judged()
    run.alone.touch("amy")
    run.work()
    assert (run.judged(), run.offsets(1)) == (judged + 1, [run.last_sent_on])


@pytest.mark.parametrize(
    ("before", "home", "to"), [(0, 1, 1), (1, 1, 1), (1, 2, 1)], ids=["old home", "neither", "neither, and the home changes"]
)
def test_what_was_sent_on_without_an_address_in_a_layout_is_followed_as_well(before: int, home: int, to: int) -> None:
    homes = [((partition_of(name, 2), partition_of(name, PLACES)), name) for name in map(str, range(1000))]
    comes, stays = dict(reversed(homes))[before, home], dict(reversed(homes))[0, 0]
    run = ComingBack()
    run.receive(ANNOUNCER, LayoutAnnounced(TopicLayout(1, PLACES, 2)))
    run.work()
    run.alone.touch(stays)
    first = run.alone.touch(comes)
    run.work()
    assert (run.judged(), run.offsets(to), comes in run.alone.redis.customers) == (1, [first], False)
    link = asked(comes, moved=comes, kept=stays, other=stays)
    run.receive(2, PersonMoved(target=stays, linked_ids=encode_linked_ids(alone(comes)), state=None, stream_time=START, link=link))
    run.work()
    behind = run.alone.touch(comes)
    run.work()
    assert (run.judged(), run.offsets(to), set(run.ways())) == (1, [first, behind], {comes})
    run.comes_round(first)
    run.comes_round(behind)
    run.work()
    assert (run.judged(), run.offsets(to)) == (3, [first, behind])


def test_nobody_leaves_before_the_question_is_back_behind_the_probe() -> None:
    run = ComingBack().come_back()
    run.receive(1, asked("amy", moved="amy", kept="abe", other="abe"))
    run.work()
    again = run.sent(1)[-1]
    assert isinstance(again, LinkAsked)
    assert (again.target, again.other) == ("lea", "abe")
    run.receive(2, run.last_probe())
    run.receive(2, again)
    run.work()
    assert run.ways() == {}
    left = run.sent(1)[-1]
    assert isinstance(left, PersonMoved)
    assert left.target == "abe"


def test_who_only_passes_through_stays_until_nothing_is_on_its_way_round() -> None:
    run = ComingBack().come_back()
    run.receive(2, run.last_probe())
    run.receive(1, asked("amy", moved="amy", kept="abe", other="abe"))
    run.work()
    assert isinstance(run.sent(1)[-1], PersonMoved)
    run.receive(1, run.sent(1)[-1])
    run.work()
    *_, probes, again = [sent for sent in run.sent(1) if isinstance(sent, WayProbed | LinkAsked)]
    assert isinstance(probes, WayProbed)
    assert isinstance(again, LinkAsked)
    assert set(run.ways()) == {"amy", "bea", "lea"}
    assert sum(isinstance(sent, PersonMoved) for sent in run.sent(1)) == 2


def test_who_is_forgotten_has_no_way_round_and_the_probe_means_nothing_any_more() -> None:
    run = ComingBack().come_back()
    forget = request_for("lea", run.alone.now(), FOR_EVER, KEY)
    run.alone.broker.append(forget.key, forget.value, forget.headers, run.alone.now())
    run.work()
    assert run.ways() == {}
    assert not any(b"lea" in name for name in run.alone.redis.ledger)
    sent, judged = len(run.sent(1)), run.judged()
    run.receive(2, run.last_probe())
    # Nor does that of another place, which would name her once more.
    run.receive(2, WayProbed(customer_id="lea", origin=1, number=5))
    run.comes_round(run.last_sent_on)
    run.alone.touch("lea")
    run.work()
    assert (len(run.sent(1)), run.judged(), run.ways()) == (sent, judged, {})


def test_a_probe_of_another_place_goes_where_touchpoints_of_the_id_go_or_back_if_they_go_no_further() -> None:
    run = ComingBack().come_back()
    for customer_id in ("bea", "lea", "bob"):
        run.receive(1, WayProbed(customer_id=customer_id, origin=2, number=5))
    run.receive(1, WayProbed(customer_id="zoe", origin=1, number=5))
    run.work()
    here = [sent.customer_id for sent in run.sent(2) if isinstance(sent, WayProbed) and sent.origin == 2]
    assert here == ["bea", "lea", "bob"]
    assert run.sent(2)[-1] == WayProbed(customer_id="zoe", origin=1, number=5)


def test_a_link_is_read_with_an_open_way_round_as_without() -> None:
    run = ComingBack().come_back()
    told = {"id": "l-9", "type": "$link", "customer_id": "lea", "same_as": "amy", "occurred_at": format_time(START - 1)}
    run.alone.broker.append(b"lea", json.dumps(told).encode(), (), run.alone.now())
    run.work()
    assert set(run.ways()) == {"lea"}
    assert not any(isinstance(sent, LinkAsked) for sent in run.sent(1)[2:])


def test_what_waits_until_its_person_has_left_is_sent_on_under_its_own_id() -> None:
    run = ComingBack(msgspec.structs.replace(LINKING, decoder=linking_source()))
    run.batch("lea")
    run.batch("lea", type="alias", same_as="amy")
    run.work()
    run.batch("lea")
    # It ends the batch, and the next touchpoint waits.
    run.batch("lea", type="alias", same_as="amy")
    run.batch("lea")
    run.receive(1, asked("amy", moved="amy", kept="abe", other="abe"))
    run.work()
    forwarded = [sent for sent in run.sent(1) if isinstance(sent, TouchpointForwarded)]
    assert [decode_made(sent.made or b"").customer_id for sent in forwarded] == ["lea"]
