"""The task on its partition in fair weather, one behaviour at a time."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from etapa.contracts.dead_letter import decode_dead_letter
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.program import CompiledRule
from etapa.stream.protocol.options import TaskOptions
from etapa.stream.protocol.ports import Loaded
from etapa.stream.protocol.records import Applied
from etapa.stream.protocol.takeover import PartitionRefused
from tests.simulation.alone import OPTIONS, SECOND, START, Alone
from tests.simulation.memory_view import MemoryView
from tests.simulation.scenario import PROGRAM
from tests.support.faulty import Faulty

YEAR = 365 * 86_400 * SECOND


def options(**changes: Any) -> TaskOptions:
    return msgspec.structs.replace(OPTIONS, **changes)


def while_working(alone: Alone, steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the steps while the worker runs; then stop it."""

    async def both() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        await steps()
        alone.task.request_stop()
        await running

    alone.run(both())


def test_a_batch_holds_what_waits_and_the_group_offset_goes_with_it() -> None:
    alone = Alone()
    for customer in "abc":
        alone.touch(customer)
    alone.run(alone.drain())
    assert [(batch.applied, len(batch.records)) for batch in alone.told.batches] == [(3, 3)]
    assert alone.told.batches[0].stage_deltas == {"active": 3}
    assert alone.broker.group_offset == 3
    assert alone.told.lags[0] == 0


def test_batches_keep_to_the_number_of_records_and_tell_the_lag() -> None:
    alone = Alone(options(max_records=2))
    for customer in "abcde":
        alone.touch(customer)
    alone.run(alone.drain())
    assert [len(batch.records) for batch in alone.told.batches] == [2, 2, 1]
    assert alone.told.lags[:3] == [3, 1, 0]


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


def test_a_batch_of_duplicates_and_dead_letters_moves_the_mark() -> None:
    alone = Alone()
    alone.touch("a", id="same")
    alone.run(alone.drain())
    alone.touch("a", id="same")
    alone.broker.append(b"a", b"nonsense")
    alone.worker()
    alone.run(alone.drain())
    last = alone.broker.committed[-1].transaction
    assert (last.states, last.stage_changes, last.next_offset) == ([], [], 3)
    assert (alone.told.batches[-1].applied, alone.told.batches[-1].duplicates) == (0, 1)


def test_offsets_without_records_leave_no_lag_and_no_batch() -> None:
    alone = Alone()
    alone.touch("a")
    alone.broker.leave_gap(3)

    async def steps() -> None:
        await alone.until(alone.drained)
        await asyncio.sleep(5)

    while_working(alone, steps)
    assert len(alone.broker.committed) == 1
    assert set(alone.told.lags) == {0}


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


def test_poison_is_worked_off_without_beginning_anew_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Alone()
    for number in range(1_000):
        alone.touch(f"c{number}", "purchase" if number % 5 == 0 else "boom")
    loads: list[int] = []
    load = MemoryView.load

    async def counted(view: MemoryView, customer_ids: Sequence[str], due_by: int | None, due_limit: int) -> Loaded:
        loads.append(len(customer_ids))
        return await load(view, customer_ids, due_by, due_limit)

    monkeypatch.setattr(MemoryView, "load", counted)
    alone.run(alone.drain())
    # Once, and once more after the first of them had been judged half.
    assert [count for count in loads if count] == [1_000, 999]
    assert alone.told.batches[0].dead_letters == {"evaluation_failed": 800}
    assert alone.stages() == {f"c{number}": "active" for number in range(0, 1_000, 5)}


def test_a_timer_whose_judging_raises_is_dropped_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Alone()
    drifts: list[CompiledRule] = [rule for rule in PROGRAM.stages["active"].rules if rule.id == "drifts-away"]
    faulty = Faulty(drifts[0].condition, lambda customer, now, _: customer.id == "a" and now > START + 10 * SECOND, OverflowError())
    monkeypatch.setattr(drifts[0], "condition", faulty)
    alone.touch("a")
    alone.touch("b")

    async def steps() -> None:
        await alone.until(lambda: alone.stages().get("b") == "gone")

    while_working(alone, steps)
    assert alone.stages() == {"a": "active", "b": "gone"}
    assert alone.told.timer_failures == ["a"]
    assert alone.redis.customers["a"].due is None


def test_no_customer_id_reaches_the_log_or_a_dead_letter_s_reason_when_judging_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Alone()
    (drifts,) = [rule for rule in PROGRAM.stages["active"].rules if rule.id == "drifts-away"]
    alone.touch("marta", "purchase")
    alone.touch("marta", "boom")
    faulty = Faulty(drifts.condition, lambda _, now, __: now > START + 10 * SECOND, ValueError("marta has no holiday"))
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
    # Whoever looks for the cause turns the level down.
    assert "marta has no holiday" in caplog.text


def test_a_timer_of_a_quiet_partition_fires_on_time() -> None:
    alone = Alone()

    async def steps() -> None:
        alone.touch("a")
        await alone.until(lambda: alone.stages() == {"a": "gone"})

    while_working(alone, steps)
    (change,) = [change.change() for change in alone.changes() if change.to == "gone"]
    assert change.cause == "timer"
    fired_after = (alone.told.batches[-1].committed_at - change.at) / SECOND
    assert 2 <= fired_after < 2 + 1.1, "the grace, and about a second"


def test_a_timer_does_not_overtake_a_touchpoint_that_arrived_in_time_while_the_view_was_slow() -> None:
    alone = Alone()
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (5.0, 0.0) if call == "apply" else delays(process, call)  # type: ignore[method-assign]

    async def steps() -> None:
        alone.touch("a", at=START)
        await alone.until(lambda: alone.loop.time() > 16.5)
        alone.touch("b")
        await alone.until(lambda: len(alone.broker.committed) == 2)
        # The log has been asked and had nothing; the apply is still under way when the timer at 15 s plus the grace is due.
        fetches = alone.trace.count("w fetch done")
        await alone.until(lambda: alone.trace.count("w fetch done") == fetches + 2)
        alone.touch("a", at=START + 14 * SECOND)
        await alone.until(lambda: "a/3" in {change.id for change in alone.changes()})

    while_working(alone, steps)
    assert [change.change().at for change in alone.changes() if change.to == "gone"] == [START + 29 * SECOND]


def test_history_with_pauses_gives_what_the_touchpoints_alone_give() -> None:
    # Had stream time gone on in the pause, the timer at 15 s would have fired before the purchase at 14 s was read.
    alone = Alone()
    begin = START - 2 * YEAR

    async def steps() -> None:
        alone.touch("a", at=begin)
        await alone.until(alone.drained)
        await asyncio.sleep(19)
        alone.touch("a", at=begin + 14 * SECOND)
        await alone.until(alone.drained)

    while_working(alone, steps)
    assert [change.to for change in alone.changes()] == ["new", "active"]


def test_a_partition_that_stays_quiet_catches_up_with_the_wall_clock() -> None:
    alone = Alone()
    begin = START - 2 * YEAR

    async def steps() -> None:
        alone.touch("a", at=begin)
        await alone.until(lambda: alone.stages() == {"a": "gone"})

    while_working(alone, steps)
    assert alone.changes()[-1].change().at == begin + 15 * SECOND
    assert 20 < alone.loop.time() < 22


def test_touchpoints_of_other_customers_let_timers_fire_without_waiting() -> None:
    alone = Alone()
    begin = START - 2 * YEAR
    alone.touch("a", at=begin)
    alone.touch("b", at=begin + 16 * SECOND)
    alone.touch("b", at=begin + 20 * SECOND)
    alone.run(alone.drain())
    assert [(change.customer_id, change.to) for change in alone.changes()] == [
        ("a", "new"),
        ("a", "active"),
        ("b", "new"),
        ("b", "active"),
        ("a", "gone"),
    ]
    # Due at 15 s, with its grace at 17 s; stream time went from 16 s to 20 s.
    assert [delay for batch in alone.told.batches for delay in batch.timer_delays] == [3.0]


@pytest.mark.parametrize("memory", [0, 1000])
def test_more_timers_than_fit_a_batch_all_fire_in_order_before_stream_time_passes_them(memory: int) -> None:
    alone = Alone(options(max_timers=3, customers_in_memory=memory))
    begin = START - 2 * YEAR
    for number in range(20):
        alone.touch(f"c{number:02}", at=begin + number // 8)
    alone.run(alone.drain())
    alone.touch("z", at=begin + 60 * SECOND)
    alone.worker()
    alone.run(alone.drain())
    gone = [change for change in alone.changes() if change.to == "gone"]
    assert [change.customer_id for change in gone] == [f"c{number:02}" for number in range(20)]
    first_of_z = next(position for position, change in enumerate(alone.changes()) if change.customer_id == "z")
    assert first_of_z == len(alone.changes()) - 2
    assert max(batch.timers_fired for batch in alone.told.batches) <= 8 + 3


def test_timers_of_one_microsecond_beyond_the_limit_all_fire() -> None:
    alone = Alone(options(max_timers=1, customers_in_memory=0))
    begin = START - 2 * YEAR
    for number in range(5):
        alone.touch(f"c{number}", at=begin)

    async def steps() -> None:
        await alone.until(lambda: set(alone.stages().values()) == {"gone"})

    while_working(alone, steps)
    assert alone.loop.time() < 25


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


def test_a_stop_finishes_the_batch_and_shows_it() -> None:
    alone = Alone()

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        alone.touch("a")
        await alone.until(lambda: alone.broker.hanging)
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.drained()
    assert not alone.task.ready
    assert alone.told.releases == 1
    assert alone.told.takeovers == ["assigned"]


def test_a_stop_does_not_wait_for_a_pause_between_takeovers_to_end() -> None:
    alone = Alone(options(first_backoff=60.0, longest_backoff=60.0))
    alone.network.weather = msgspec.structs.replace(alone.network.weather, lost=1.0)

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await asyncio.sleep(10)
        before = alone.loop.time()
        alone.task.request_stop()
        await running
        assert alone.loop.time() - before < 1

    alone.run(steps())


def test_a_cancelled_task_ends_at_once_and_lets_go() -> None:
    alone = Alone()
    alone.touch("a")
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (1000.0, 0.0) if call == "apply" else delays(process, call)  # type: ignore[method-assign]

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.broker.committed)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert alone.loop.time() < 5

    alone.run(steps())
    assert alone.told.releases == 1


def test_a_partition_is_released_although_closing_its_log_takes_too_long() -> None:
    alone = Alone()
    delays = alone.network.delays
    alone.network.delays = lambda process, call: (1000.0, 0.0) if call == "close" else delays(process, call)  # type: ignore[method-assign]

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        alone.task.request_stop()
        await alone.until(lambda: not alone.task.ready)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert alone.loop.time() < 5

    alone.run(steps())
    assert alone.told.releases == 1


def test_pauses_between_takeovers_grow_until_something_works() -> None:
    alone = Alone(options(first_backoff=0.1, longest_backoff=8.0))
    alone.touch("a")

    async def steps() -> None:
        running = asyncio.create_task(alone.task.run())
        alone.redis.out_of_memory = True
        await asyncio.sleep(60)
        assert 8 < len(alone.told.takeovers) < 20
        assert set(alone.told.takeovers[1:]) == {"view_error"}
        alone.redis.out_of_memory = False
        await alone.until(alone.drained)
        alone.task.request_stop()
        await running

    alone.run(steps())
    assert alone.stages() == {"a": "active"}


def test_a_view_that_lost_its_last_writes_is_found_out_although_nothing_arrives() -> None:
    alone = Alone()

    async def steps() -> None:
        alone.touch("a")
        await alone.until(alone.drained)
        alone.redis.flush()
        await alone.until(lambda: alone.stages() == {"a": "active"})
        assert alone.loop.time() < 3

    while_working(alone, steps)
    assert alone.told.takeovers == ["assigned", "wrong_mark"]


def test_a_fenced_worker_tells_it_and_waits_before_it_takes_over_again() -> None:
    alone = Alone()

    async def steps() -> None:
        await alone.until(lambda: alone.task.ready)
        alone.broker.fence()
        alone.touch("a")
        before = alone.loop.time()
        await alone.until(lambda: alone.stages() == {"a": "active"})
        assert alone.loop.time() - before >= 1

    while_working(alone, steps)
    assert alone.told.takeovers == ["assigned", "fenced"]
    assert alone.told.fences == 1


def test_a_state_in_the_view_that_cannot_be_read_is_refused_with_a_word_about_where() -> None:
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    there = alone.redis.customers["a"]
    alone.redis.customers["a"] = Applied("a", there.stage, there.due, b"\x91\x63")
    alone.touch("a")
    alone.worker()
    with pytest.raises(PartitionRefused, match=r"Redis holds a customer that this version cannot read: .*format 99"):
        alone.run(alone.drain())
