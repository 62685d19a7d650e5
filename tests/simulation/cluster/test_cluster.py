"""Workers on aiokafka's own producer, with individual requests that arrive late, twice or never: nothing is torn, lost or repeated."""

from collections import Counter

import pytest

from tests.simulation.checking.reach import MUST_HAPPEN_TO_REQUESTS, did_not_happen
from tests.simulation.cluster.controls import PRODUCER_SAFEGUARDS, ProducerSafeguard
from tests.simulation.cluster.world import ClusterWorld
from tests.simulation.worlds.world import SimulationResult
from tests.support.quiet import quiet_logs

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 200
"""Enough for everything in `MUST_HAPPEN_TO_REQUESTS` to happen, and for each missing safeguard to show."""


@pytest.fixture(scope="module")
def runs() -> list[SimulationResult]:
    """What the first seeds make of it."""
    with quiet_logs():
        return [ClusterWorld(seed).run() for seed in range(SEEDS)]


def test_whatever_becomes_of_single_requests_every_transaction_is_whole_or_absent(runs: list[SimulationResult]) -> None:
    assert [(result.seed, result.violations[0]) for result in runs if result.violations] == []


def test_everything_that_may_happen_to_a_request_does(runs: list[SimulationResult]) -> None:
    events: Counter[str] = Counter()
    for result in runs:
        events.update(result.events)
    assert did_not_happen(events, MUST_HAPPEN_TO_REQUESTS) == []


@pytest.mark.parametrize("safeguard", PRODUCER_SAFEGUARDS)
def test_without_one_of_the_producers_safeguards_the_checker_finds_something(safeguard: ProducerSafeguard) -> None:
    assert any(ClusterWorld(seed, off=frozenset([safeguard])).run().violations for seed in range(SEEDS))


def test_a_seed_gives_the_same_run_wherever_in_memory_things_lie() -> None:
    lying_about: list[object] = []
    for seed in (15, 18, 20):
        digests = set()
        for number in range(6):
            lying_about += [[] for _ in range(37 * number)]
            digests.add(ClusterWorld(seed).run().digest)
        assert len(digests) == 1, seed
