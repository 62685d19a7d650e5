"""Every interleaving of links between people at different places, within bounds: nobody is doubled or lost, and everybody is found."""

import pytest

from tests.model.linking import LINK_SAFEGUARDS, LinkSafeguard, LinkScenario, beginning
from tests.model.linking_laws import violation_at_rest, violation_in
from tests.model.linking_scenarios import COMING_BACK, LARGE_LINKS, LAYOUT_LINKS, SMALL_LINKS
from tests.model.linking_steps import steps
from tests.model.search import Searched, search

MOST = 400_000


def explore_links(scenario: LinkScenario, most: int = MOST) -> Searched:
    """Search all of a scenario."""
    return search(scenario, beginning, steps, violation_in, violation_at_rest, most)


@pytest.mark.parametrize("name", [*SMALL_LINKS, *COMING_BACK, *LAYOUT_LINKS])
def test_linked_people_become_one_at_one_place_whatever_comes_first(name: str) -> None:
    found = explore_links({**SMALL_LINKS, **COMING_BACK, **LAYOUT_LINKS}[name])
    assert found.violation is None, "\n".join(found.trace)
    assert found.states > 100
    assert found.at_rest


@pytest.mark.parametrize("safeguard", LINK_SAFEGUARDS)
def test_without_one_of_the_safeguards_something_goes_wrong(safeguard: LinkSafeguard) -> None:
    scenarios = [*SMALL_LINKS.values(), *COMING_BACK.values(), *LAYOUT_LINKS.values(), LARGE_LINKS["one more place"]]
    # Who waits for what is on its way round runs after somebody for ever, too, but in more states.
    off: set[LinkSafeguard] = {safeguard, "goes_round"} if safeguard == "to_the_lesser" else {safeguard}
    assert any(explore_links(scenario._replace(off=frozenset(off))).violation for scenario in scenarios)
