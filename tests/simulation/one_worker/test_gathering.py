"""What came from other places is taken in together: with the same result as one kind after the other, and in few batches."""

from collections.abc import Iterator, Sequence
from random import Random

import msgspec
import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import Mark, decode_mark
from etapa.contracts.stored.state import encode_state
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    CustomerClaimed,
    CustomersDenied,
    CustomerUnknown,
    LayoutAnnounced,
    PlaceFinished,
    Sent,
    SettlingAsked,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.partition import Partition
from etapa.journey.units import SECOND
from etapa.stream.protocol.records import IncomingTransfer, Outgoing
from etapa.stream.protocol.tenures.gathering_tenure import GatheringTenure
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.repartition import UNTIMED
from tests.support.quiet import quiet_logs

LAYOUT = TopicLayout(2, 3, 2)
"""Place 0 keeps some, takes some in from place 1, and others leave it for place 2."""
CUSTOMERS = [f"c{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    with quiet_logs():
        yield


def forwarded(customer_id: str, number: int, kind: str) -> TouchpointForwarded:
    """A touchpoint that was read in partition 1."""
    told = {
        "id": f"e{number}",
        "customer_id": customer_id,
        "type": kind,
        "occurred_at": format_time(START - 100 * SECOND + number * SECOND),
    }
    return TouchpointForwarded(customer_id.encode(), msgspec.json.encode(told), (), START, 1, number, LAYOUT)


def state_of(customer_id: str, number: int) -> StateMoved:
    """A customer who has bought something."""
    partition = Partition(UNTIMED, None, 500)
    partition.admit(customer_id, None)
    assert partition.take(Touchpoint(f"b{number}", customer_id, "purchase", START - 200 * SECOND), START)
    [customer] = partition.collect().changed.values()
    return StateMoved(customer_id, encode_state(customer), START - 200 * SECOND, LAYOUT)


def anything(random: Random, number: int) -> tuple[int, Sent]:
    """Something that another place may send, and which."""
    sender, customer_id = random.choice((1, 2)), random.choice(CUSTOMERS)
    kind = random.random()
    if kind < 0.5:
        return sender, forwarded(customer_id, number, random.choice(("purchase", "view", "complaint", "boom" if kind < 0.01 else "view")))
    if kind < 0.7:
        return 1, state_of(customer_id, number)
    if kind < 0.9:
        return 2, CustomerClaimed(customer_id, LAYOUT)
    others: Sequence[Sent] = (CustomerUnknown(customer_id, LAYOUT), SettlingAsked(LAYOUT, 1), CustomersDenied({}), PlaceFinished(LAYOUT))
    return sender, random.choice(others)


def taken_in(sends: Sequence[tuple[int, Sent]]) -> Alone:
    """What place 0 makes of these."""
    alone = Alone(msgspec.structs.replace(OPTIONS, leaving_rate=0.001))
    alone.broker.transfers = [MemoryTransfers(), MemoryTransfers(), MemoryTransfers()]
    numbers = {ANNOUNCER: 0, 1: 0, 2: 0}
    for sender, sent in [(ANNOUNCER, LayoutAnnounced(LAYOUT, 0.0)), *sends]:
        numbers[sender] += sender != ANNOUNCER
        value = encode_transfer(Transfer(sender=sender, number=numbers[sender], sent=sent))
        alone.broker.transfers[0].append(Outgoing(None, value), "committed")
    alone.worker(program=UNTIMED)
    alone.run(alone.work_until(lambda: _is_read(alone.last_mark(), len(sends) + 1) and alone.drained()))
    return alone


def _is_read(mark: Mark | None, end: int) -> bool:
    return mark is not None and mark.moving is not None and mark.moving.next_transfer == end


def result(alone: Alone) -> object:
    """All that there is to see of it, but for how many batches it took."""
    transactions = [committed.transaction for committed in alone.broker.committed]
    mark = decode_mark(transactions[-1].mark_value)
    published = [
        (one.key, one.value) for each in transactions for one in (*each.stage_changes, *each.campaign_triggers, *each.dead_letters)
    ]
    sent = [(to, one.value) for each in transactions for to, one in each.transfers]
    states = {customer_id: shown.state for customer_id, shown in alone.redis.customers.items()}
    return mark.moving, sorted(published), [[one for one in sent if one[0] == to] for to in (1, 2)], states


def one_kind_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> int:
        return 0

    monkeypatch.setattr(GatheringTenure, "_gather", nothing)


def test_whatever_other_places_send_is_taken_in_together_with_the_result_of_one_kind_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histories = []
    for seed in range(60):
        random = Random(seed)
        histories.append([anything(random, number) for number in range(random.randrange(2, 60))])
    together = [taken_in(history) for history in histories]
    one_kind_after_the_other(monkeypatch)
    for seed, (alone, history) in enumerate(zip(together, histories, strict=True)):
        assert result(alone) == result(taken_in(history)), seed


@pytest.fixture
def backlog() -> list[tuple[int, Sent]]:
    """Thirty customers and a touchpoint of each, one after the other, as a place under load finds them."""
    at_home = [name for name in (f"d{number}" for number in range(400)) if partition_of(name, 3) == 0 and partition_of(name, 2) == 1][:30]
    return [each for number, name in enumerate(at_home) for each in ((1, state_of(name, number)), (1, forwarded(name, number, "purchase")))]


def test_customers_and_their_touchpoints_wait_for_one_batch_however_they_alternate(backlog: list[tuple[int, Sent]]) -> None:
    # The first batch adopts the layout.
    assert len(taken_in(backlog).broker.committed) <= 3


def test_without_that_each_waits_for_all_batches_before(backlog: list[tuple[int, Sent]], monkeypatch: pytest.MonkeyPatch) -> None:
    one_kind_after_the_other(monkeypatch)
    assert len(taken_in(backlog).broker.committed) > len(backlog)


def test_a_touchpoint_that_cannot_be_judged_spoils_nothing_of_what_came_with_it(backlog: list[tuple[int, Sent]]) -> None:
    bad = next(number for number, (_, sent) in enumerate(backlog) if isinstance(sent, TouchpointForwarded))
    name = backlog[bad - 1][1]
    assert isinstance(name, StateMoved)
    alone = taken_in([*backlog[:bad], (1, forwarded(name.customer_id, 999, "boom")), *backlog[bad:]])
    assert len([one for committed in alone.broker.committed for one in committed.transaction.dead_letters]) == 1
    assert len(alone.redis.customers) == len(backlog) // 2


def test_most_of_what_comes_can_be_taken_in_together(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered: list[tuple[int, int]] = []
    gather = GatheringTenure._gather

    async def counted(tenure: GatheringTenure, came: Sequence[IncomingTransfer]) -> int:
        done = await gather(tenure, came)
        gathered.append((done, len(came)))
        return done

    monkeypatch.setattr(GatheringTenure, "_gather", counted)
    for seed in range(20):
        random = Random(seed)
        taken_in([anything(random, number) for number in range(60)])
    assert sum(done for done, _ in gathered) > 20 * 60 / 2
    # And some batches end before somebody who leaves or comes again.
    assert any(0 < done < came for done, came in gathered)


def test_who_is_waited_for_is_claimed_once_whatever_else_comes_meanwhile() -> None:
    at_home = [name for name in (f"d{number}" for number in range(99)) if partition_of(name, 3) == 0 and partition_of(name, 2) == 1]
    alone = Alone(msgspec.structs.replace(OPTIONS, leaving_rate=0.001))
    alone.broker.transfers = [MemoryTransfers(), MemoryTransfers(), MemoryTransfers()]

    def sent(sender: int, number: int, what: Sent) -> None:
        value = encode_transfer(Transfer(sender=sender, number=number, sent=what))
        alone.broker.transfers[0].append(Outgoing(None, value), "committed")

    def has_read(end: int) -> bool:
        return _is_read(alone.last_mark(), end)

    sent(ANNOUNCER, 0, LayoutAnnounced(LAYOUT, 0.0))
    alone.worker(program=UNTIMED)
    alone.run(alone.work_until(lambda: has_read(1)))
    waits = alone.touch(at_home[0], "view")
    alone.touch(at_home[1], "view")

    async def others_come_first() -> None:
        for number in range(1, 6):
            sent(1, number, forwarded(at_home[number + 1], number, "view"))
            await alone.until(lambda end=number + 1: has_read(end))  # type: ignore[misc]
        sent(1, 6, CustomerUnknown(at_home[0], LAYOUT))
        sent(1, 7, forwarded(at_home[9], 7, "view"))
        sent(1, 8, CustomerUnknown(at_home[1], LAYOUT))

    async def steps() -> None:
        coming = alone.loop.create_task(others_come_first())
        alone.worker(program=UNTIMED)
        await alone.work_until(lambda: has_read(9) and alone.drained())
        await coming

    alone.run(steps())
    sent_to_others = [decode_transfer(one.value).sent for each in alone.broker.committed for _, one in each.transaction.transfers]
    mark = alone.last_mark()
    assert [type(one) for one in sent_to_others] == [CustomerClaimed, CustomerClaimed]
    assert mark is not None
    assert mark.through == waits + 1
