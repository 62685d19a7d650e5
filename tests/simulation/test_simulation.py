"""Workers in many seeded worlds: nothing is lost, nothing comes twice, and the view comes out right."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from etapa.stream.options import TaskOptions
from tests.simulation.controls import SAFETIES, Safety
from tests.simulation.group_world import GROUP_FAULTS, GroupWorld
from tests.simulation.kinds import KINDS, world_of
from tests.simulation.network import OneCrash, Weather
from tests.simulation.process import When
from tests.simulation.regressions import REGRESSIONS, Regression
from tests.simulation.scenario import Scenario
from tests.simulation.shop import SECOND, Shop
from tests.simulation.world import FAULTS, World

SEEDS = 200
SEEDS_UNTIL_A_MISSING_SAFETY_SHOWS = 150
ROOT = Path(__file__).parents[2]

CALM = Scenario(
    shop=Shop(kind="live", touchpoints=24, customers=4, late=SECOND, bad=0.1, duplicate=0.1, poison=0.1, burst=5, pause=8.0),
    weather=Weather(),
    options=TaskOptions(
        group="simulated", quiet_after=20 * SECOND, max_records=4, max_timers=1, customers_in_memory=1, pause_every=2, idle_wait=2.0
    ),
    skew=0,
    faults=0,
)
"""A short run with bad records, timers and poisonous touchpoints in it, and nothing that goes wrong by itself."""
FED = msgspec.structs.replace(CALM, shop=msgspec.structs.replace(CALM.shop, kind="history", pause=0.1))
"""The same with history that is fed at once, and the jump to the wall clock after it."""


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("part", range(4))
def test_whatever_a_seed_brings_every_invariant_holds(part: int) -> None:
    failing = []
    for seed in range(part * SEEDS // 4, (part + 1) * SEEDS // 4):
        result = KINDS[world_of(seed)](seed).run()
        if result.violations:
            failing.append((seed, result.violations[0]))
    assert failing == []


@pytest.mark.parametrize("case", REGRESSIONS, ids=lambda case: f"{case.world}-{case.seed}")
def test_a_seed_that_failed_before_holds(case: Regression) -> None:
    assert KINDS[case.world](case.seed).run().violations == [], case.cause


def test_the_seeds_reach_what_they_are_meant_to_reach() -> None:
    seen = set()
    for seed in range(60):
        seen |= {event for event, count in World(seed).run().events.items() if count}
    reasons = ("assigned", "refused", "wrong_mark", "outcome_unknown", "log_error", "view_error", "fenced")
    assert seen >= {f"takeover: {reason}" for reason in reasons}
    assert seen >= {*FAULTS, "died", "timers", "changes", "triggers", "touchpoints", "dead letters", "cannot be judged"}


def test_groups_reach_what_they_are_meant_to_reach() -> None:
    seen = set()
    for seed in range(40):
        seen |= {event for event, count in GroupWorld(seed).run().events.items() if count}
    assert seen >= {f"takeover: {reason}" for reason in ("assigned", "wrong_mark", "outcome_unknown", "log_error", "view_error")}
    assert seen >= {"fenced", *GROUP_FAULTS, "died", "timers", "changes", "triggers", "touchpoints", "dead letters", "cannot be judged"}


@pytest.mark.parametrize("scenario", [CALM, FED], ids=["live", "history"])
@pytest.mark.parametrize("survives", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_or_after_any_call_changes_nothing(scenario: Scenario, when: When, survives: bool) -> None:
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


@pytest.mark.parametrize("safety", SAFETIES)
def test_without_one_of_the_safeties_the_checker_finds_something(safety: Safety) -> None:
    assert any(World(seed, off=frozenset([safety])).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFETY_SHOWS))


def test_a_seed_gives_the_same_run_in_every_step() -> None:
    for seed in (3, 14, 15):
        for kind in KINDS.values():
            assert kind(seed).run().trace == kind(seed).run().trace


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    # Each with another order of sets and of anything else that hangs on the hashes of strings.
    digests = {_run_apart(hash_seed) for hash_seed in ("1", "2")}
    assert digests == {" ".join(kind(14).run().digest for kind in KINDS.values())}


def test_seeds_differ() -> None:
    assert len({KINDS[world_of(seed)](seed).run().digest for seed in range(20)}) == 20


def _run_apart(hash_seed: str) -> str:
    code = "from tests.simulation.kinds import KINDS; print(*(kind(14).run().digest for kind in KINDS.values()))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join([str(ROOT / "service"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
