"""Workers in many seeded worlds: nothing is lost, nothing comes twice, and the view comes out right."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import get_args

import msgspec
import pytest

from etapa.journey.units import SECOND
from etapa.stream.protocol.ports import TakeoverReason
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.controls import PROTOCOL_SAFEGUARDS, SUPERVISION_SAFEGUARDS, Safeguard
from tests.simulation.checking.reach import MUST_HAPPEN, did_not_happen
from tests.simulation.checking.regressions import REGRESSIONS, Regression
from tests.simulation.machines.network import OneCrash, Weather
from tests.simulation.machines.process import When
from tests.simulation.worlds.kinds import KINDS, world_of
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import SimulatedShop
from tests.simulation.worlds.world import SimulationResult, World
from tests.support.quiet import quiet_logs

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 250
SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS = 300
ROOT = Path(__file__).parents[2]

CALM = SimulationScenario(
    shop=SimulatedShop(kind="live", touchpoints=24, customers=4, late=SECOND, bad=0.1, duplicate=0.1, poison=0.1, burst=5, pause=8.0),
    weather=Weather(),
    options=TaskOptions(
        group="simulated", quiet_after=20 * SECOND, max_records=4, max_timers=1, customers_in_memory=1, pause_every=2, idle_wait=2.0
    ),
    skew=0,
    faults=0,
)
"""A short run with bad records, timers and poisonous touchpoints, but no faults."""
FED = msgspec.structs.replace(CALM, shop=msgspec.structs.replace(CALM.shop, kind="history", pause=0.1))
"""The same with history fed at once, and the jump to the wall clock after it."""


@pytest.fixture(scope="module")
def runs() -> list[SimulationResult]:
    """What the first seeds make of all kinds of worlds."""
    with quiet_logs():
        return [KINDS[world_of(seed)](seed).run() for seed in range(SEEDS)]


def test_whatever_a_seed_brings_every_invariant_holds(runs: list[SimulationResult]) -> None:
    assert [(result.seed, result.violations[0]) for result in runs if result.violations] == []


def test_everything_that_should_go_wrong_does(runs: list[SimulationResult]) -> None:
    events: Counter[str] = Counter()
    for result in runs:
        events.update(result.events)
    assert did_not_happen(events) == []
    # No record of these worlds needs a schema; `test_sources` tests an unavailable registry.
    assert events.keys() >= {f"takeover: {reason}" for reason in get_args(TakeoverReason) if reason != "schemas_away"}


def test_what_did_not_happen_is_told_with_what_it_was_to_show() -> None:
    everything = dict.fromkeys((event for shown_by in MUST_HAPPEN.values() for event in shown_by), 1)
    assert did_not_happen(everything) == []
    assert did_not_happen({**everything, "flush": 0}) == ["flush (Redis loses writes)"]


@pytest.mark.parametrize("case", REGRESSIONS, ids=lambda case: f"{case.world}-{case.seed}")
def test_a_seed_that_failed_before_holds(case: Regression) -> None:
    assert KINDS[case.world](case.seed).run().violations == [], case.cause


@pytest.mark.parametrize("scenario", [CALM, FED], ids=["live", "history"])
@pytest.mark.parametrize("survives", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_or_after_any_call_changes_nothing(scenario: SimulationScenario, when: When, survives: bool) -> None:
    clean = OneCrash(Random(0))
    calm = World(4, scenario, clean).run()
    assert calm.violations == []
    assert min(calm.events[event] for event in ("timers", "changes", "cannot be judged", "dead letters")) > 0
    calls = clean.calls
    assert calls.keys() >= {"fence", "mark", "state_range", "fetch", "load", "write", "commit", "apply", "counts"}
    failing = []
    for at in range(calls.total()):
        result = World(4, scenario, OneCrash(Random(0), at, when, survives=survives)).run()
        assert result.events["died"] == 1
        if result.violations:
            failing.append((at, result.violations[0]))
    assert failing == []


@pytest.mark.parametrize(
    ("world", "safeguard"),
    [
        *((world, safeguard) for world in ("partition", "group") for safeguard in PROTOCOL_SAFEGUARDS),
        *(("group", one) for one in SUPERVISION_SAFEGUARDS),
    ],
)
def test_without_one_of_the_safeguards_the_checker_finds_something(world: str, safeguard: Safeguard) -> None:
    assert any(KINDS[world](seed, off=frozenset([safeguard])).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS))


def test_a_seed_gives_the_same_run_in_every_step() -> None:
    for seed in (3, 14, 15):
        for kind in KINDS.values():
            assert kind(seed).run().trace == kind(seed).run().trace


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    # Each with a different order of sets and of anything else that depends on string hashes.
    digests = {_run_apart(hash_seed) for hash_seed in ("1", "2")}
    assert digests == {" ".join(kind(14).run().digest for kind in KINDS.values())}


def test_seeds_differ() -> None:
    assert len({KINDS[world_of(seed)](seed).run().digest for seed in range(20)}) == 20


def _run_apart(hash_seed: str) -> str:
    code = "from tests.simulation.worlds.kinds import KINDS; print(*(kind(14).run().digest for kind in KINDS.values()))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join([str(ROOT / "service"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
