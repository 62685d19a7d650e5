"""Workers whose wall clocks are wrong by more than a touchpoint may be ahead: live touchpoints are accepted nevertheless."""

from collections import Counter
from random import Random

import msgspec
import pytest

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.units import MINUTE
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.worlds.scenario import SimulationScenario, scenario_of
from tests.simulation.worlds.world import World

SKEW = 20 * MINUTE
SEEDS = range(40)


class WrongClocksWorld(World):
    """Each worker's clock is up to twenty minutes fast or slow, and jumps as far."""

    def choose(self, random: Random) -> SimulationScenario:
        return msgspec.structs.replace(scenario_of(random), skew=SKEW)


def test_clocks_that_are_wrong_by_more_than_the_limit_change_nothing_that_is_published() -> None:
    assert TouchpointLimits().max_ahead < SKEW
    runs = [WrongClocksWorld(seed).run() for seed in SEEDS]
    assert [(run.seed, run.violations[0]) for run in runs if run.violations] == []
    events: Counter[str] = Counter()
    for run in runs:
        events.update(run.events)
    assert min(events["clock set forward"], events["clock set back"], events["dead letters"], events["changes"]) > 0


def test_without_the_timestamps_of_records_the_checker_finds_live_touchpoints_among_the_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append = MemoryBroker.append
    monkeypatch.setattr(MemoryBroker, "append", lambda broker, key, value, headers=(), timestamp=0: append(broker, key, value, headers, 0))
    assert any("dead letters differ" in wrong for seed in SEEDS for wrong in WrongClocksWorld(seed).run().violations)
