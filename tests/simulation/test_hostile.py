"""Maliciously compressed batches: read to the end within a bound on memory, and beyond it when either of two safeguards is off."""

from collections import Counter
from itertools import product

import pytest

from tests.simulation.checking.controls import READING_SAFEGUARDS, ReadingSafeguard
from tests.simulation.hostile.batches import CODECS, HOSTILE
from tests.simulation.hostile.world import HostileWorld

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 20
SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS = 5


def test_whatever_was_made_small_is_read_to_the_end_within_the_bound_on_memory() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = HostileWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert [kind for kind in product(CODECS, HOSTILE) if not events[", ".join(kind)]] == []
    assert events["cut"] > SEEDS


@pytest.mark.parametrize("safeguard", READING_SAFEGUARDS)
def test_without_one_of_the_bounds_the_memory_is_the_senders_to_choose(safeguard: ReadingSafeguard) -> None:
    found = [HostileWorld(seed, off=frozenset([safeguard])).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS)]
    assert any("MiB, more than" in line for lines in found for line in lines)
