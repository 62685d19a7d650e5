"""Rules that chase each other by time alone, over a year in which nothing happens: each batch is bounded, and nothing else changes."""

import msgspec

from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import HOUR, YEAR
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.chasing import CHASING, ChasingWorld
from tests.simulation.worlds.scenario import PROGRAM

HOURLY = compile_journey(
    journey_or_raise(
        """
journey: cyc
version: 1
stages: [{id: waiting}, {id: reminded}]
rules:
  - {id: remind, from: waiting, to: reminded, when: {in_stage: 1h}}
  - {id: wait, from: reminded, to: waiting, when: {in_stage: 1h}}
""",
        "journey.yaml",
    )
)


def test_one_touchpoint_after_a_quiet_year_is_worked_off_in_batches_of_bounded_size() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, max_fired=1_000))
    alone.worker(program=HOURLY)
    alone.touch("c", "x", START - YEAR)
    alone.touch("other", "x", START - YEAR)
    alone.touch("c", "x", START)
    alone.run(alone.drain())
    sizes = [len(committed.transaction.stage_changes) for committed in alone.broker.committed]
    assert max(sizes) <= 1_000 + OPTIONS.pause_every + 3
    # A change for each hour of both, except those within the grace, for which the other one still has to wait.
    assert sum(sizes) == 2 * (1 + YEAR // HOUR) - 1
    assert [batch.applied for batch in alone.told.batches if batch.applied] == [2, 1]


def test_a_touchpoint_that_cannot_be_judged_lets_none_of_the_timers_before_it_fire() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, max_fired=2, pause_every=1))
    alone.worker(program=CHASING)
    alone.touch("c", "view", START - 60_000_000)
    alone.touch("c", "boom", START)
    alone.touch("d", "view", START - 59_000_000)
    alone.run(alone.drain())
    by_itself = Alone(OPTIONS)
    by_itself.worker(program=CHASING)
    by_itself.touch("c", "view", START - 60_000_000)
    by_itself.touch("c", "boom", START)
    by_itself.touch("d", "view", START - 59_000_000)
    by_itself.run(by_itself.drain())
    assert [batch.dead_letters for batch in alone.told.batches if batch.dead_letters] == [{"evaluation_failed": 1}]
    marks = alone.last_mark(), by_itself.last_mark()
    assert [mark and mark.stream_time for mark in marks] == [START - 59_000_000] * 2
    assert alone.stages() == by_itself.stages()
    assert PROGRAM.version == CHASING.version


def test_the_first_seeds_of_this_world_go_well_and_cut_what_time_does() -> None:
    results = [ChasingWorld(seed).run() for seed in range(20)]
    assert [violation for result in results for violation in result.violations] == []
    assert sum(result.events["timers"] for result in results) > 200
