"""Workers with different versions of the journey on the same partition, as during the rollout of a new version.

In many seeded worlds with all the usual faults, no change is lost, none comes twice, and the view comes out right.
"""

import asyncio
import logging

import msgspec
import pytest

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.units import SECOND
from tests.simulation.checking.checker import Expectations, mark_of, violations
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.versions import VERSIONS, VERSIONS_WITHOUT_GOALS, RollingWorld
from tests.simulation.worlds.world import SimulationResult
from tests.support.quiet import quiet_logs

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 240


@pytest.fixture(scope="module")
def runs() -> list[SimulationResult]:
    """What the first seeds make of two versions at work."""
    with quiet_logs():
        return [RollingWorld(seed).run() for seed in range(SEEDS)]


def test_two_versions_at_once_never_lose_or_repeat_a_change(runs: list[SimulationResult]) -> None:
    assert [(result.seed, result.violations[0]) for result in runs if result.violations] == []


def test_the_seeds_see_versions_take_turns_and_rules_move_customers_by_themselves(runs: list[SimulationResult]) -> None:
    assert sum(result.events["version changes"] for result in runs) > 50
    assert sum(result.events["changes by a new version"] for result in runs) > 20


def test_every_change_names_the_version_that_made_it() -> None:
    alone = Alone()
    for program in (VERSIONS[1], VERSIONS[2], VERSIONS[1]):
        alone.worker(program=program)
        alone.touch("a")
        alone.run(alone.drain())
    made = [(change.sequence, change.source, change.to, change.cause, change.version) for change in alone.changes()]
    assert made == [
        (1, None, "new", "touchpoint", 1),
        (2, "new", "active", "touchpoint", 1),
        (3, "active", "fond", "touchpoint", 2),
        # The older version does not have that stage.
        (4, "fond", "new", "journey", 1),
        (5, "new", "active", "touchpoint", 1),
    ]
    assert [mark_of(committed).version for committed in alone.broker.committed] == [1, 2, 1]


def test_of_timers_due_at_the_same_microsecond_the_next_version_may_get_some() -> None:
    one, other = VERSIONS_WITHOUT_GOALS.values()
    alone = Alone(msgspec.structs.replace(OPTIONS, max_timers=1))
    alone.worker(program=one)
    for customer_id in ("a", "b"):
        alone.touch(customer_id, at=START)
    alone.run(alone.drain())
    # It has no customers in memory yet, and so it loads one timer after the other.
    task = alone.worker(program=one)

    async def until_one_has_fired() -> None:
        running = asyncio.create_task(task.run())
        await alone.until(lambda: any(batch.timers_fired for batch in alone.told.batches))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    alone.run(until_one_has_fired())
    alone.worker(program=other)
    alone.run(alone.work_until(lambda: alone.stages()["b"] == "gone"))
    # The older version would have moved it three seconds later.
    gone = {change.customer_id: round(change.at.timestamp()) - START // SECOND for change in alone.changes() if change.to == "gone"}
    assert gone == {"a": 15, "b": 12}
    expected = Expectations(
        one, TouchpointLimits(), alone.now(), on_time=False, poisonous=lambda touchpoint: False, versions=VERSIONS_WITHOUT_GOALS
    )
    assert violations(alone.broker, alone.redis, expected) == []


@pytest.mark.parametrize(
    ("before", "now", "level", "words"),
    [
        ({"version": 0}, 1, logging.INFO, "by version 0 of the journey, from now on by version 1"),
        ({"version": 2}, 1, logging.WARNING, "by the newer version 2 of the journey"),
        ({"journey": "hotel"}, 1, logging.WARNING, "by the journey hotel, from now on by simulated"),
    ],
)
def test_taking_over_from_another_version_is_told(
    before: dict[str, object], now: int, level: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.disable(logging.NOTSET)
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    alone.rewrite_mark(**before)
    alone.worker(program=VERSIONS[now])
    with caplog.at_level(logging.INFO):
        alone.run(alone.drain())
    assert [record.levelno for record in caplog.records if words in record.getMessage()] == [level]
