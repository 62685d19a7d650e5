"""Timers of one partition, and the time that they follow."""

import asyncio
from collections.abc import Sequence

import pytest

from etapa.journey.engine.judging.compiled_rule import CompiledRule
from etapa.journey.units import SECOND, YEAR
from etapa.stream.protocol.ports import LoadedCustomers
from tests.simulation.machines.memory_view import MemoryView
from tests.simulation.one_worker.alone import START, Alone
from tests.simulation.one_worker.working import options, while_working
from tests.simulation.worlds.scenario import PROGRAM
from tests.support.faulty import Faulty


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
        # The log was read and had nothing; the apply is still under way when the timer at 15 s plus the grace is due.
        fetches = alone.trace.count("w fetch done")
        await alone.until(lambda: alone.trace.count("w fetch done") == fetches + 2)
        alone.touch("a", at=START + 14 * SECOND)
        await alone.until(lambda: "a/3" in {change.id for change in alone.changes()})

    while_working(alone, steps)
    assert [change.change().at for change in alone.changes() if change.to == "gone"] == [START + 29 * SECOND]


def test_history_with_pauses_gives_what_the_touchpoints_alone_give() -> None:
    # If stream time had advanced during the pause, the timer at 15 s would have fired before the purchase at 14 s was read.
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
    # Due at 15 s, with its grace at 17 s; stream time went from 16 s to 20 s. On its way from 0 s to 16 s, a goal ran out at 12 s.
    assert [delay for batch in alone.told.batches for delay in batch.timer_delays] == [2_000_000, 3_000_000]


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


def test_what_an_idle_time_takes_is_no_part_of_the_batch_after_it() -> None:
    alone = Alone()

    async def steps() -> None:
        alone.touch("a", at=START)
        await alone.until(alone.drained)
        await asyncio.sleep(200)
        alone.touch("b")
        await alone.until(alone.drained)

    while_working(alone, steps)
    first, last = alone.told.batches[0], alone.told.batches[-1]
    assert last.applied == 1
    assert last.seconds["load"] < 5 * first.seconds["load"]
    assert list(last.began) == ["fetch", "decode", "load", "classify", "encode", "wait", "commit"]
    assert list(last.began.values()) == sorted(last.began.values(), reverse=True)
    assert last.began["commit"] == last.seconds["commit"]


@pytest.mark.parametrize("memory", [1000, 0])
def test_due_timers_are_loaded_with_states_only_while_their_customers_are_not_in_memory(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Alone(options(customers_in_memory=memory))
    begin = START - 2 * YEAR
    loads: list[tuple[list[str], bool]] = []
    load = MemoryView.load

    async def noted(
        view: MemoryView, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True
    ) -> LoadedCustomers:
        loaded = await load(view, customer_ids, due_by, due_limit, due_states=due_states)
        if loaded.due:
            loads.append(([due.customer_id for due in loaded.due], due_states))
        return loaded

    monkeypatch.setattr(MemoryView, "load", noted)

    async def steps() -> None:
        for customer_id, seconds in {"a": 0, "b": 60, "c": 61, "d": 62, "e": 140}.items():
            alone.touch(customer_id, at=begin + seconds * SECOND)
            await alone.until(alone.drained)

    while_working(alone, steps)
    # At first nobody is in memory, as far as anyone knows. What turns out to be needed is loaded again, all at one moment.
    again = [] if memory else [(["b", "c", "d"], True)]
    assert loads == [(["a"], True), (["b", "c", "d"], False), *again]
    assert alone.stages() == {"a": "gone", "b": "gone", "c": "gone", "d": "gone", "e": "active"}
