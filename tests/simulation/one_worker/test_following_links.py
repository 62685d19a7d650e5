"""A partition whose worker follows links: it says so for ever, and refuses what does not go together with them."""

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, encode_forwarding
from etapa.contracts.stored.state import decode_state
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    CustomerClaimed,
    CustomerUnknown,
    LayoutAnnounced,
    LinkAsked,
    PersonForgotten,
    PlaceFinished,
    Sent,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    WaysTold,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.facts.customer import DIGEST_BYTES
from etapa.journey.units import SECOND
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.ports import ApplyOutcome
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.joined import KEY
from tests.simulation.machines.memory_log import Committed
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.machines.memory_view import MemoryView
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.forgetting import FOR_EVER, request_for

LINKING = msgspec.structs.replace(OPTIONS, follows_links=True, decoder=decoder_within(TouchpointLimits(takes_links=True)))
FORWARDED = TouchpointForwarded(b"c", b"not JSON", (), 1, 1, 1)
ASKED = LinkAsked(target="ada", at=1, moved="anon", kept="ada", identity="l-1", record=FORWARDED)
FORGOTTEN = PersonForgotten(digests={"ada": b"0123456789abcdef"}, at=1, until=2)
LAYOUT, SHRUNK = TopicLayout(1, 2, 1), TopicLayout(1, 1, 2)
ANNOUNCED = LayoutAnnounced(LAYOUT)
IDS = [f"c{number}" for number in range(40)]
AWAY = COMING = [one for one in IDS if partition_of(one, 2) == 1]
"""Who leaves partition 0 with the one layout, and comes to it with the other."""
STAYING = next(one for one in IDS if partition_of(one, 2) == 0)


def sent_to(alone: Alone, sent: Sent, number: int = 1) -> None:
    """Another partition, or whoever announces layouts, has sent something to this one."""
    sender = ANNOUNCER if isinstance(sent, LayoutAnnounced) else 1
    value = encode_transfer(Transfer(sender=sender, number=number, sent=sent))
    alone.broker.transfers[0].append(Outgoing(None, value), "committed")


def beginning(options: TaskOptions) -> Alone:
    alone = Alone(options)
    alone.broker.transfers = [MemoryTransfers(), MemoryTransfers()]
    alone.touch("a")
    return alone


def link(alone: Alone, moved: str, kept: str, seconds: int) -> None:
    at = format_time(START - seconds * SECOND)
    told = {"id": f"l-{seconds}", "type": "$link", "customer_id": moved, "same_as": kept, "occurred_at": at}
    alone.broker.append(moved.encode(), json.dumps(told).encode(), (), alone.now())


def follows_links(alone: Alone) -> bool:
    mark = alone.last_mark()
    assert mark is not None
    assert mark.moving is not None
    return mark.moving.follows_links


def test_who_follows_links_goes_on_doing_so_whatever_the_journey_says_later() -> None:
    alone = beginning(OPTIONS)
    alone.worker()
    alone.run(alone.drain())
    assert not follows_links(alone)
    # The very first batch says so, before any link.
    alone.worker(LINKING)
    alone.run(alone.work_until(lambda: follows_links(alone)))
    alone.touch("b")
    alone.worker(OPTIONS)
    alone.run(alone.drain())
    assert follows_links(alone)


@pytest.mark.parametrize(
    ("options", "sent", "words"),
    [
        (OPTIONS, ASKED, "the journey of this worker has no `identity`"),
        (OPTIONS, FORGOTTEN, "the journey of this worker has no `identity`"),
        (OPTIONS, WaysTold(["ada"], LAYOUT), "the journey of this worker has no `identity`"),
        (LINKING, FORGOTTEN, "with another ETAPA_FORGET_KEY"),
    ],
    ids=["a link without identity", "somebody forgotten without identity", "ways without identity", "another key"],
)
def test_what_does_not_go_together_is_refused_in_words(options: TaskOptions, sent: Sent, words: str) -> None:
    alone = beginning(options)
    sent_to(alone, sent)
    alone.worker()
    with pytest.raises(PartitionRefused, match=words):
        alone.run(alone.drain())


def told(alone: Alone) -> list[Sent]:
    """What this partition has sent to the other one."""
    return [decode_transfer(record.value).sent for record in alone.broker.transfers[1].committed(0)]


def test_where_customers_were_laid_out_anew_links_are_followed_from_then_on() -> None:
    alone = beginning(OPTIONS)
    sent_to(alone, ANNOUNCED)
    alone.worker()
    alone.run(alone.drain())
    link(alone, AWAY[0], STAYING, 5)
    alone.worker(LINKING)
    alone.run(alone.drain())
    # Its home is the other partition now, where the one who has it is asked to meet.
    assert [one.target for one in told(alone) if isinstance(one, LinkAsked)] == [AWAY[0]]
    assert follows_links(alone)


def test_an_old_home_tells_of_every_id_whose_person_stays_and_has_those_with_one_id_leave() -> None:
    alone = beginning(LINKING)
    stays, stateless, kept_stateless, leaves = AWAY[:4]
    alone.touch(STAYING)
    alone.touch(leaves)
    link(alone, stays, STAYING, 5)
    link(alone, stateless, kept_stateless, 5)
    alone.worker()
    alone.run(alone.drain())
    assert alone.redis.customers[kept_stateless].state == encode_forwarding(ForwardingAddress(0, 0, kept_stateless))
    sent_to(alone, ANNOUNCED)
    sent_to(alone, CustomerClaimed(kept_stateless, LAYOUT), 1)
    sent_to(alone, CustomerClaimed("nobody", LAYOUT), 2)
    alone.worker()
    alone.run(alone.work_until(lambda: PlaceFinished(LAYOUT) in told(alone)))
    ways = [customer_id for one in told(alone) if isinstance(one, WaysTold) for customer_id in one.customer_ids]
    assert sorted(ways) == sorted([stays, stateless, kept_stateless, kept_stateless])
    assert [one.customer_id for one in told(alone) if isinstance(one, StateMoved)] == [leaves]
    assert CustomerUnknown("nobody", LAYOUT) in told(alone)
    assert isinstance(told(alone)[-1], PlaceFinished)


def test_a_new_home_notes_a_way_unless_it_has_one_or_the_person_was_forgotten() -> None:
    alone = beginning(msgspec.structs.replace(LINKING, forget_key=KEY))
    known, forgotten, new = COMING[:3]
    alone.touch(known)
    alone.worker()
    alone.run(alone.drain())
    sent_to(alone, PersonForgotten(digests={forgotten: KEY.digest(forgotten)}, at=alone.now(), until=FOR_EVER), 1)
    sent_to(alone, WaysTold([known, forgotten, new], SHRUNK), 2)
    alone.worker()
    alone.run(alone.work_until(lambda: new in alone.redis.customers))
    shown = alone.stages()
    assert (shown[known], shown[new], forgotten in shown) == ("active", NO_STAGE, False)
    assert alone.redis.customers[new].state == encode_forwarding(ForwardingAddress(1))


@pytest.mark.parametrize("options", [LINKING, OPTIONS], ids=["with links", "without"])
def test_a_successor_reads_its_touchpoints_although_others_never_cease_to_forward_theirs(options: TaskOptions) -> None:
    alone = beginning(options)
    alone.worker()
    alone.run(alone.drain())
    judged_before = alone.touch("b")
    forwarded = 0

    def forward_another(_: Committed | None = None) -> None:
        """Whatever the worker commits, something has come by then."""
        nonlocal forwarded
        if forwarded < 100 and not alone.drained():
            forwarded += 1
            sent_to(alone, FORWARDED, forwarded)

    forward_another()
    alone.broker.on_commit = forward_another
    alone.worker()
    alone.run(alone.work_until(alone.drained))
    mark = alone.last_mark()
    assert mark is not None
    assert mark.through == judged_before
    assert 0 < forwarded < 5


def test_an_id_that_is_kept_after_all_has_left_no_address_even_if_nobody_saw_a_touchpoint_of_it() -> None:
    alone = beginning(LINKING)
    link(alone, "ada", "bert", 5)
    alone.worker()
    alone.run(alone.drain())
    assert alone.redis.customers["ada"].stage == NO_STAGE
    # It occurred before, so it wins.
    link(alone, "bert", "ada", 9)
    alone.worker()
    alone.run(alone.drain())
    assert alone.redis.customers["ada"].state == encode_forwarding(ForwardingAddress(0, 0, "ada"))
    alone.touch("ada")
    alone.touch("bert")
    alone.worker()
    alone.run(alone.drain())
    shown = alone.stages()
    assert (shown["ada"], shown["bert"], alone.broker.dead_letters) == ("active", NO_STAGE, [])


def test_who_gets_another_id_is_the_same_whether_read_anew_or_still_in_memory() -> None:
    states = []
    for is_read_anew in (True, False):
        alone = beginning(LINKING)
        # It opens a goal, so the next timer is looked for again.
        alone.touch("ada")
        alone.worker()
        if is_read_anew:
            alone.run(alone.drain())
            alone.worker()
        link(alone, "ada", "bert", 5)
        alone.run(alone.drain())
        assert alone.broker.dead_letters == []
        states.append(alone.redis.customers["bert"])
    assert states[0] == states[1]


def test_the_first_state_of_who_was_only_named_before_stays_in_memory_until_redis_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = MemoryView.apply

    async def slowly(self: MemoryView, *arguments: Any) -> ApplyOutcome:
        await self._process.sleep(0.2)
        return await apply(self, *arguments)

    monkeypatch.setattr(MemoryView, "apply", slowly)
    alone = beginning(msgspec.structs.replace(LINKING, max_records=1))
    link(alone, "bert", "ada", 9)
    alone.worker()
    alone.run(alone.drain())
    # Each is a batch, and the next one begins while Redis is still being told of it.
    for _ in range(3):
        alone.touch("ada")
    link(alone, "ada", "zoe", 5)
    alone.worker()
    alone.run(alone.drain())
    alone.worker()
    alone.run(alone.drain())
    numbers = [change.sequence for change in alone.changes() if change.customer_id == "ada"]
    assert numbers == list(range(1, len(numbers) + 1))
    state, mark = alone.redis.customers["zoe"].state, alone.last_mark()
    assert state is not None
    assert mark is not None
    assert len(decode_state(state, "zoe", mark.in_common()).recent) == 3 * DIGEST_BYTES
    address = alone.redis.customers["ada"].state
    assert address == encode_forwarding(ForwardingAddress(0, len(numbers), "zoe"))


def test_a_person_whose_entry_is_gone_is_refused_in_words() -> None:
    alone = beginning(LINKING)
    alone.touch("ada")
    link(alone, "ada", "bert", 5)
    alone.worker()
    alone.run(alone.drain())
    alone.redis.ledger.clear()
    link(alone, "ada", "carla", 9)
    alone.worker()
    with pytest.raises(PartitionRefused, match="leads to somebody of partition 0 of whom no other ids are stored"):
        alone.run(alone.drain())


def test_what_became_of_each_link_is_counted_and_who_was_forgotten_is_not_named() -> None:
    alone = beginning(msgspec.structs.replace(LINKING, forget_key=KEY))
    for customer_id in ("ada", "bert", "carla"):
        alone.touch(customer_id)
    link(alone, "ada", "bert", 5)
    link(alone, "ada", "bert", 5)
    link(alone, "bert", "ada", 3)
    forget = request_for("carla", alone.now(), FOR_EVER, KEY)
    alone.broker.append(forget.key, forget.value, forget.headers, alone.now())
    link(alone, "carla", "ada", 2)
    alone.worker()
    alone.run(alone.drain())
    outcomes: Counter[str] = Counter()
    for batch in alone.told.batches:
        outcomes.update({} if batch.links is None else batch.links.outcomes)
    assert outcomes == {"joined": 1, "repeated": 1, "link_cycle": 1, "forgotten": 1}
    assert [decode_dead_letter(one.key, one.value, one.headers).reason for one in alone.broker.dead_letters] == ["link_cycle"]
    assert "carla" not in alone.redis.customers
    assert not any(b"carla" in name + entry for name, entry in alone.redis.ledger.items())
