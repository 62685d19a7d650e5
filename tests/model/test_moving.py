"""Every interleaving and every crash of customers who move, within bounds: nobody is at two places, or at none, and nobody waits for ever."""

import pytest

from tests.model.moving import SAFEGUARDS, MovingScenario, Safeguard, beginning
from tests.model.moving_laws import violation_at_rest, violation_in
from tests.model.moving_steps import steps
from tests.model.scenarios import SMALL
from tests.model.search import Searched, TooManyStates, search

MOST = 400_000


def explore(scenario: MovingScenario, most: int = MOST) -> Searched:
    """Search all of a scenario."""
    return search(scenario, beginning, steps, violation_in, violation_at_rest, most)


@pytest.mark.parametrize("name", SMALL)
def test_nobody_is_at_two_places_or_at_none_and_everything_finishes(name: str) -> None:
    found = explore(SMALL[name])
    assert found.violation is None, "\n".join(found.trace)
    assert found.states > 1_000
    assert found.at_rest


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_without_one_of_the_safeguards_something_goes_wrong(safeguard: Safeguard) -> None:
    assert any(explore(scenario._replace(off=frozenset([safeguard]))).violation for scenario in SMALL.values())


def test_a_search_that_would_not_end_says_so() -> None:
    with pytest.raises(TooManyStates, match="more than 100 states"):
        explore(SMALL["one more place"], most=100)
