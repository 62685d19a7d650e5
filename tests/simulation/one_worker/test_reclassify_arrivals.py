"""`etapa reclassify` means everybody, also those who move: who comes after all who were here were judged, and who leaves before its turn."""

import asyncio
from typing import Any

import msgspec
import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.linked_ids import encode_linked_ids
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.contracts.stored.state import decode_standing, decode_state, encode_state
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    LinkAsked,
    PersonMoved,
    Sent,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    encode_transfer,
)
from etapa.journey.identity.people import alone as with_one_id
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.checker import mark_of
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.scenario import PROGRAM
from tests.simulation.worlds.versions import VERSIONS

pytestmark = pytest.mark.usefixtures("quiet_logs")

NEW = VERSIONS[2]
NAMES = "abcdefgh"
LINKING = msgspec.structs.replace(OPTIONS, follows_links=True, decoder=decoder_within(TouchpointLimits(takes_links=True)))


def asked(**changes: Any) -> ReclassifyRequest:
    return msgspec.structs.replace(ReclassifyRequest(id="one", version=2, publish=True, rate=1000.0, at=0), **changes)


def all_done(request: ReclassifyRequest, options: TaskOptions = OPTIONS) -> Alone:
    """A partition with one customer, who was judged by the new version as the request says."""
    here = Alone(options)
    here.broker.transfers = [MemoryTransfers(), MemoryTransfers()]
    buys_twice(here, "here")
    here.redis.request = request
    here.worker(program=NEW)
    here.run(here.work_until(lambda: noted(here).done))
    assert noted(here).carried_over == 1
    return here


def buys_twice(place: Alone, customer_id: str) -> None:
    """By the old version that makes active customers, by the new one such as are fond of us."""
    place.worker(program=PROGRAM)
    for _ in range(2):
        place.touch(customer_id)
    place.run(place.drain())


def noted(here: Alone) -> ReclassifyProgress:
    return here.redis.progress or ReclassifyProgress(request="", customers=0, looked_at=0, carried_over=0, moved=0, failed=0, done=False)


def state_elsewhere(customer_id: str) -> bytes:
    """The state of somebody who has bought twice in a partition whose worker has the old version."""
    other = Alone()
    buys_twice(other, customer_id)
    common = mark_of(other.broker.committed[-1]).in_common()
    return encode_state(decode_state(other.redis.customers[customer_id].state or b"", customer_id, common))


def comes(here: Alone, *sent: Sent) -> None:
    """The other partition sends these."""
    for number, each in enumerate(sent, start=1):
        here.broker.transfers[0].append(Outgoing(None, encode_transfer(Transfer(sender=1, number=number, sent=each))), "committed")


def journey_changes(here: Alone) -> list[tuple[str, int, str | None, str]]:
    return [(change.customer_id, change.sequence, change.source, change.to) for change in here.changes() if change.cause == "journey"]


@pytest.mark.parametrize("publish", [True, False], ids=["published", "silently"])
def test_who_comes_when_all_are_done_is_judged_on_arrival(publish: bool) -> None:
    here = all_done(asked(publish=publish))
    comes(here, StateMoved("c", state_elsewhere("c"), START))
    # It comes to a worker that starts now, before anything else.
    here.worker(program=NEW)
    here.run(here.work_until(lambda: noted(here).carried_over == 2))
    assert here.stages() == {"c": "fond", "here": "fond"}
    assert decode_standing(here.redis.customers["c"].state or b"").version == 2
    assert journey_changes(here) == ([(each, 3, "active", "fond") for each in ("here", "c")] if publish else [])
    assert (noted(here).done, noted(here).moved, here.redis.counts()) == (True, 2, {"fond": 2})


def test_who_is_sent_because_of_a_link_is_judged_as_silently_as_asked() -> None:
    here = all_done(asked(publish=False), LINKING)
    record = TouchpointForwarded(b"c", b"a link", (), 1, 1, 1)
    link = LinkAsked(target="here", at=1, moved="c", kept="here", identity="l-1", record=record)
    ids = encode_linked_ids(with_one_id("c"))
    comes(here, PersonMoved(target="here", linked_ids=ids, state=state_elsewhere("c"), stream_time=START, link=link))
    here.worker(program=NEW)
    here.run(here.work_until(lambda: noted(here).carried_over == 2))
    assert here.stages() == {"c": "", "here": "fond"}
    assert journey_changes(here) == []


def test_all_who_come_when_all_are_done_are_counted_however_soon_one_follows_another() -> None:
    here = all_done(asked(), LINKING)
    touchpoint = msgspec.json.encode({"id": "e", "customer_id": "x", "type": "home", "occurred_at": format_time(here.now())})
    # The touchpoint between the two has them come in batches of their own, one at once after the other.
    between = TouchpointForwarded(b"x", touchpoint, (), START, 1, 1)
    comes(here, StateMoved("c", state_elsewhere("c"), START), between, StateMoved("d", state_elsewhere("d"), START))
    here.worker(program=NEW)
    here.run(here.work_until(lambda: noted(here).carried_over == 3))
    assert (noted(here).done, noted(here).moved) == (True, 3)


def test_who_leaves_before_its_turn_is_counted_where_it_arrives() -> None:
    here = Alone()
    here.broker.transfers = [MemoryTransfers(), MemoryTransfers()]
    leaves = next(each for each in NAMES if partition_of(each, 2) == 1)
    for customer_id in [*[each for each in NAMES if partition_of(each, 2) == 0][:2], leaves]:
        buys_twice(here, customer_id)
    here.redis.request = asked(rate=0.5)
    here.worker(program=NEW)

    async def one_is_claimed() -> None:
        working = asyncio.create_task(here.task.run())
        await here.until(lambda: noted(here).carried_over == 1)
        comes(here, CustomerClaimed(leaves, TopicLayout(2, 2, 1)))
        await here.until(lambda: noted(here).done)
        here.task.request_stop()
        await working

    here.run(one_is_claimed())
    assert sorted(here.stages().values()) == ["", "fond", "fond"]
    assert not [change for change in journey_changes(here) if change[0] == leaves]
    assert (noted(here).carried_over, noted(here).moved) == (2, 2)


@pytest.mark.parametrize("request_then", [None, asked(id="two", version=3)], ids=["none", "one for another version"])
def test_who_comes_when_nobody_asks_any_more_is_judged_at_the_next_touchpoint(request_then: ReclassifyRequest | None) -> None:
    here = all_done(asked())
    here.redis.request = request_then
    comes(here, StateMoved("c", state_elsewhere("c"), START))
    here.worker(program=NEW)
    here.run(here.work_until(lambda: "c" in here.stages()))
    assert here.stages()["c"] == "active"
    here.touch("c", "home")
    here.worker(program=NEW)
    here.run(here.drain())
    assert here.stages()["c"] == "fond"
