"""Topics made again in many seeded runs: refused, then accepted or started over; and what happens to workers that do not check."""

from collections import Counter

import pytest

from etapa.contracts.stored.mark import REPLACEABLE_ROLES
from tests.simulation.checking.controls import TOPIC_SAFEGUARDS, TopicSafeguard
from tests.simulation.worlds.recreated import ROLES, RecreatedWorld

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 60
SEEDS_WITHOUT = 100


def test_whichever_topic_is_recreated_nothing_is_processed_until_somebody_accepts_it_or_starts_from_the_beginning() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = RecreatedWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert {role for role in ROLES if events[f"recreated: {role}"]} == set(ROLES)
    assert {role for role in ROLES if events[f"accepted: {role}"]} == set(REPLACEABLE_ROLES)
    assert events["not noticed yet"]
    assert events["refused"] >= sum(events[f"recreated: {role}"] for role in ROLES)


@pytest.mark.parametrize("safeguard", TOPIC_SAFEGUARDS)
def test_without_looking_at_ids_the_checker_finds_something_for_each_topic(safeguard: TopicSafeguard) -> None:
    found = set()
    for seed in range(SEEDS_WITHOUT):
        result = RecreatedWorld(seed, off=frozenset([safeguard])).run()
        if result.violations:
            found |= {role for role in ROLES if result.events.get(f"recreated: {role}")}
    assert found == set(ROLES)
