"""Links while the number of partitions changes, in many seeded runs: at the end all is as if ids had always been one; and what goes wrong otherwise."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from etapa.contracts.stored.transfer import TopicLayout
from tests.simulation.checking.controls import Safeguard
from tests.simulation.machines.network import OneCrash, Weather
from tests.simulation.machines.process import When
from tests.simulation.worlds.linked_repartition import ForgettingLinkedRepartitionWorld, LinkedRepartitionWorld
from tests.simulation.worlds.scenario import SimulationScenario
from tests.support.quiet import quiet_logs

SEEDS = 30
SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS = 60
MUST_HAPPEN = (
    *("sent: LinkAsked", "sent: PersonMoved", "sent: TouchpointForwarded", "sent: StateMoved", "sent: WaysTold", "sent: CustomerClaimed"),
    *("refused: link_cycle", "refused: two_known", "changed twice", "touchpoint to a partition of neither layout"),
    *("transfers repeated", "died", "writes lost"),
)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    with quiet_logs():
        yield


def test_people_are_united_and_found_while_the_number_of_partitions_changes_twice() -> None:
    events: Counter[str] = Counter()
    # In the last, people come to a partition that had sent touchpoints of theirs on although it was not at home to them in either layout.
    for seed in (*range(SEEDS), 400706):
        result = LinkedRepartitionWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert [event for event in MUST_HAPPEN if not events[event]] == []


def test_who_is_forgotten_meanwhile_by_one_id_is_forgotten_by_all_of_them_everywhere() -> None:
    events: Counter[str] = Counter()
    # Then a worker that had paused sees fewer partitions than there are already; and a link looks for somebody who was forgotten before the change.
    for seed in (*range(SEEDS), 91, 600075):
        result = ForgettingLinkedRepartitionWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    must = ("forget", "forget, by a stranger", "sent: PersonForgotten", "sent: PersonMoved", "sent: WaysTold", "changed twice", "died")
    assert [event for event in must if not events[event]] == []


@pytest.mark.parametrize(
    "safeguard", ["waits", "ends_last", "tells_ways", "tells_layout", "forwards", "numbers", "marks_both", "sends_within"]
)
def test_without_one_of_the_safeguards_the_checker_finds_something(safeguard: Safeguard) -> None:
    off = frozenset([safeguard])
    assert any(LinkedRepartitionWorld(seed, off=off).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS))


class CalmLinksWorld(LinkedRepartitionWorld):
    """One partition becomes two and then one again, with links all the time, and nothing goes wrong by itself. Either worker may crash once."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self.layout, self.second = TopicLayout(1, 2, 1), TopicLayout(2, 1, 2)
        self.announced_at, self.producers_wait, self.copies, self.hesitates = 6, True, 0.0, 0.1
        self._resumes_at, self._counts = 12, [1]
        self.links, self.known = 0.5, 0.0
        shop = msgspec.structs.replace(scenario.shop, touchpoints=18, customers=5, late=0, bad=0.0, duplicate=0.0, burst=1, pause=3.0)
        options = msgspec.structs.replace(scenario.options, max_leaving=1, leaving_rate=1.0, idle_wait=0.5, customers_in_memory=1)
        return msgspec.structs.replace(
            scenario, shop=shop, options=options, weather=Weather(), faults=0, skew=0, partitions=2, members=2, session=3.0, rebalance=3.0
        )


@pytest.mark.parametrize("name", ["w1", "w2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_or_after_any_call_loses_no_link_and_nobody(when: When, name: str) -> None:
    seed = 11
    clean = OneCrash(Random(0), name=name)
    calm = CalmLinksWorld(seed, network=clean).run()
    assert calm.violations == []
    must = ("sent: StateMoved", "sent: WaysTold", "sent: LinkAsked", "sent: PersonMoved", "sent: TouchpointForwarded", "changed twice")
    assert [event for event in must if not calm.events[event]] == []
    failing = []
    # Every third call of each kind of crash: all of them took longer, and found nothing.
    for at in range(when == "after", clean.calls.total(), 3):
        result = CalmLinksWorld(seed, network=OneCrash(Random(0), at, when, survives=bool(at // 3 % 2), name=name)).run()
        if result.violations:
            failing.append((at, result.violations[0]))
    assert failing == []
