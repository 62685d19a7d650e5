"""A partition whose worker follows links: it says so for ever, and refuses what does not go together with them."""

import json
from collections import Counter

import msgspec
import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.forwarding import NO_STAGE
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    LayoutAnnounced,
    LinkAsked,
    PersonForgotten,
    Sent,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    encode_transfer,
)
from etapa.journey.units import SECOND
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.joined import KEY
from tests.simulation.machines.memory_log import Committed
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.forgetting import FOR_EVER, request_for

LINKING = msgspec.structs.replace(OPTIONS, follows_links=True, decoder=decoder_within(TouchpointLimits(takes_links=True)))
FORWARDED = TouchpointForwarded(b"c", b"not JSON", (), 1, 1, 1)
ASKED = LinkAsked(target="ada", at=1, moved="anon", kept="ada", identity="l-1", record=FORWARDED)
FORGOTTEN = PersonForgotten(digests={"ada": b"0123456789abcdef"}, at=1, until=2)
ANNOUNCED = LayoutAnnounced(TopicLayout(1, 2, 1))


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
        (LINKING, ANNOUNCED, "links do not go together with that yet"),
        (OPTIONS, ASKED, "the journey of this worker has no `identity`"),
        (OPTIONS, FORGOTTEN, "the journey of this worker has no `identity`"),
        (LINKING, FORGOTTEN, "with another ETAPA_FORGET_KEY"),
    ],
    ids=["another layout", "a link without identity", "somebody forgotten without identity", "another key"],
)
def test_what_does_not_go_together_is_refused_in_words(options: TaskOptions, sent: Sent, words: str) -> None:
    alone = beginning(options)
    sent_to(alone, sent)
    alone.worker()
    with pytest.raises(PartitionRefused, match=words):
        alone.run(alone.drain())


def test_where_customers_were_laid_out_anew_links_are_refused() -> None:
    alone = beginning(OPTIONS)
    sent_to(alone, ANNOUNCED)
    alone.worker()
    alone.run(alone.drain())
    alone.worker(LINKING)
    with pytest.raises(PartitionRefused, match="Take `identity` out of the journey file"):
        alone.run(alone.drain())


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
    assert "ada" not in alone.redis.customers
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
