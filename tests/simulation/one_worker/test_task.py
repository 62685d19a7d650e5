"""Batches of one partition, and records that cannot be used."""

import asyncio
import json
import logging
from collections.abc import Sequence

import pytest

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import SECOND, YEAR
from etapa.stream.protocol.ports import LoadedCustomers
from tests.simulation.machines.memory_view import MemoryView
from tests.simulation.one_worker.alone import START, Alone
from tests.simulation.one_worker.working import options, while_working
from tests.simulation.worlds.scenario import PROGRAM
from tests.support.faulty import Faulty


def test_a_batch_holds_what_waits_and_the_group_offset_goes_with_it() -> None:
    alone = Alone()
    for customer in "abc":
        alone.touch(customer)
    alone.run(alone.drain())
    assert [(batch.applied, batch.arrivals.count) for batch in alone.told.batches] == [(3, 3)]
    assert alone.told.batches[0].stage_deltas == {"active": 3}
    assert alone.broker.group_offset == 3
    assert alone.task.done_up_to == 3


def test_batches_keep_to_the_number_of_records() -> None:
    alone = Alone(options(max_records=2))
    for customer in "abcde":
        alone.touch(customer)
    alone.run(alone.drain())
    assert [batch.arrivals.count for batch in alone.told.batches] == [2, 2, 1]


def test_records_that_cannot_be_used_become_dead_letters_of_the_same_transaction() -> None:
    alone = Alone()
    alone.touch("a")
    alone.broker.append(b"a", b"{nonsense", (("trace", b"\x01"),))
    alone.broker.append(None, None)
    future = {"id": "x", "customer_id": "a", "type": "purchase", "occurred_at": format_time(START + YEAR)}
    alone.broker.append(b"a", json.dumps(future).encode())
    alone.run(alone.drain())
    (committed,) = alone.broker.committed
    letters = [decode_dead_letter(one.key, one.value, one.headers) for one in committed.transaction.dead_letters]
    assert [(letter.reason, letter.topic, letter.partition, letter.offset) for letter in letters] == [
        ("not_json", "touchpoints", 0, 1),
        ("invalid", "touchpoints", 0, 2),
        ("from_the_future", "touchpoints", 0, 3),
    ]
    assert (letters[0].key, letters[0].value, list(letters[0].headers)) == (b"a", b"{nonsense", [("trace", b"\x01")])
    (batch,) = alone.told.batches
    assert (batch.applied, batch.duplicates, dict(batch.dead_letters)) == (1, 0, {"not_json": 1, "invalid": 1, "from_the_future": 1})


@pytest.mark.parametrize("skew", [-YEAR, -600 * SECOND, 600 * SECOND])
def test_a_clock_that_is_wrong_makes_no_dead_letters_of_touchpoints_that_are_live(skew: int) -> None:
    alone = Alone()
    alone.skew = skew
    alone.touch("a")
    alone.touch("b", at=alone.now() + TouchpointLimits().max_ahead)
    alone.run(alone.drain())
    assert [(batch.applied, dict(batch.dead_letters)) for batch in alone.told.batches] == [(2, {})]


def test_a_touchpoint_from_the_future_is_one_that_is_ahead_of_its_own_record_too() -> None:
    alone = Alone()
    alone.skew = -600 * SECOND
    alone.touch("a", at=alone.now() + TouchpointLimits().max_ahead + SECOND)
    alone.run(alone.drain())
    (letter,) = alone.broker.committed[-1].transaction.dead_letters
    told = decode_dead_letter(letter.key, letter.value, letter.headers)
    assert (told.reason, told.detail) == ("from_the_future", "occurred_at is 301 s ahead of the clock; at most 300 s are accepted")


def test_a_batch_of_duplicates_and_dead_letters_moves_the_mark() -> None:
    alone = Alone()
    alone.touch("a", id="same")
    alone.run(alone.drain())
    alone.touch("a", id="same")
    alone.broker.append(b"a", b"nonsense")
    alone.worker()
    alone.run(alone.drain())
    last = alone.broker.committed[-1].transaction
    assert (list(last.states), list(last.stage_changes), last.next_offset) == ([], [], 3)
    assert (alone.told.batches[-1].applied, alone.told.batches[-1].duplicates) == (0, 1)


def test_offsets_without_records_do_not_wait_and_make_no_batch() -> None:
    alone = Alone()
    alone.touch("a")
    alone.broker.leave_gap(3)

    async def steps() -> None:
        await alone.until(alone.drained)
        await asyncio.sleep(5)

    while_working(alone, steps)
    assert len(alone.broker.committed) == 1
    assert alone.task.done_up_to == alone.broker.end_offset


def test_a_touchpoint_whose_judging_raises_becomes_a_dead_letter_and_the_others_are_processed() -> None:
    alone = Alone()
    for customer, kind in (("a", "purchase"), ("a", "boom"), ("b", "purchase"), ("b", "boom"), ("a", "view")):
        alone.touch(customer, kind)
    alone.run(alone.drain())
    assert alone.told.takeovers == ["assigned"]
    letters = [one for committed in alone.broker.committed for one in committed.transaction.dead_letters]
    decoded = [decode_dead_letter(one.key, one.value, one.headers) for one in letters]
    assert [(letter.offset, letter.reason) for letter in decoded] == [(1, "evaluation_failed"), (3, "evaluation_failed")]
    assert decoded[0].detail == "rule 'explodes': ZeroDivisionError"
    assert alone.stages() == {"a": "active", "b": "active"}
    assert alone.loop.time() < 5


def test_a_partition_full_of_poison_is_worked_off_without_waiting() -> None:
    alone = Alone()
    for number in range(200):
        alone.touch(f"c{number % 3}", "boom")
    alone.touch("a")
    alone.run(alone.drain())
    assert alone.told.takeovers == ["assigned"]
    assert alone.told.batches[0].dead_letters == {"evaluation_failed": 200}
    assert alone.stages() == {"a": "active"}
    assert alone.loop.time() < 5


def test_poison_is_worked_off_without_beginning_again_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Alone()
    for number in range(1_000):
        alone.touch(f"c{number}", "purchase" if number % 5 == 0 else "boom")
    loads: list[int] = []
    load = MemoryView.load

    async def counted(
        view: MemoryView, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True
    ) -> LoadedCustomers:
        loads.append(len(customer_ids))
        return await load(view, customer_ids, due_by, due_limit, due_states=due_states)

    monkeypatch.setattr(MemoryView, "load", counted)
    alone.run(alone.drain())
    # Once, and once more after the first had been half judged.
    assert [count for count in loads if count] == [1_000, 999]
    assert alone.told.batches[0].dead_letters == {"evaluation_failed": 800}
    assert alone.stages() == {f"c{number}": "active" for number in range(0, 1_000, 5)}


def test_no_customer_id_reaches_the_log_or_a_dead_letter_s_reason_when_judging_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Alone()
    (drifts,) = [rule for rule in PROGRAM.stages["active"].rules if rule.id == "drifts-away"]
    alone.touch("marta", "purchase")
    alone.touch("marta", "boom")
    faulty = Faulty(drifts.condition, lambda _, now, __: now > START + 13 * SECOND, ValueError("marta has no holiday"))
    monkeypatch.setattr(drifts, "condition", faulty)

    async def steps() -> None:
        await alone.until(lambda: alone.told.timer_failures == ["marta"])

    with caplog.at_level(logging.DEBUG):
        while_working(alone, steps)
    (letter,) = [one for committed in alone.broker.committed for one in committed.transaction.dead_letters]
    assert b"marta" not in dict(letter.headers)["etapa.detail"]
    above_debug = [logging.Formatter().format(record) for record in caplog.records if record.levelno > logging.DEBUG]
    assert [line for line in above_debug if "marta" in line] == []
    assert any("rule 'drifts-away': ValueError" in line for line in above_debug)
    # To look for the cause, an operator lowers the log level.
    assert "marta has no holiday" in caplog.text


def test_the_next_batch_is_read_and_judged_while_the_view_takes_the_one_before() -> None:
    alone = Alone(options(max_records=1))
    alone.touch("a")
    alone.touch("b")
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (1.0, 0.0) if call == "apply" else delays(process, call)  # type: ignore[method-assign]
    alone.run(alone.drain())
    first_apply = alone.trace.index("w apply done")
    loads = [position for position, line in enumerate(alone.trace) if line == "w load done"]
    commits = [position for position, line in enumerate(alone.trace) if line == "w commit done"]
    assert loads[1] < first_apply < commits[1]


def test_customers_in_memory_are_bounded() -> None:
    alone = Alone(options(max_records=10, customers_in_memory=5))
    for number in range(200):
        alone.touch(f"c{number}")
    most = 0

    def note() -> None:
        nonlocal most
        tenure = alone.task._tenure
        most = max(most, 0 if tenure is None else len(tenure._engine))

    alone.redis.on_apply = note
    alone.run(alone.drain())
    assert 0 < most <= 5 + 2 * 10


def test_a_touchpoints_trace_goes_on_to_the_changes_that_it_causes_and_to_no_others() -> None:
    alone = Alone()
    parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for customer, headers in (("a", (("traceparent", parent), ("other", b"1"))), ("b", ()), ("c", (("traceparent", b"nonsense"),))):
        touchpoint = {"id": f"t-{customer}", "customer_id": customer, "type": "purchase", "occurred_at": format_time(START)}
        alone.broker.append(customer.encode(), json.dumps(touchpoint).encode(), headers)
    alone.run(alone.drain())
    changes = [change for committed in alone.broker.committed for change in committed.transaction.stage_changes]
    traced = {change.key: [header for header in change.headers if not header[0].startswith(("ce_", "content-"))] for change in changes}
    assert traced == {b"a": [("traceparent", parent)], b"b": [], b"c": []}
