"""Another number of partitions under load, in many seeded runs: customers move, nobody is lost or doubled; and what goes wrong without each safeguard."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.transfer import TopicLayout
from etapa.stream.protocol.residence import Moves
from tests.simulation.checking.joined import KEY
from tests.simulation.checking.moving_controls import MOVING_SAFEGUARDS, MovingSafeguard
from tests.simulation.machines.network import OneCrash, Weather
from tests.simulation.machines.process import When
from tests.simulation.worlds.forgetting import FOR_EVER, request_for
from tests.simulation.worlds.repartition import UNTIMED, RepartitionWorld
from tests.simulation.worlds.repartition_twice import ForgottenBetweenWorld, RepartitionTwiceWorld, late_touchpoint
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.sourced_repartition import SourcedRepartitionTwiceWorld, SourcedRepartitionWorld
from tests.support.quiet import quiet_logs

SEEDS = 24
SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS = 120
MUST_HAPPEN = (
    *("sent: CustomerClaimed", "sent: CustomerUnknown", "sent: PlaceFinished", "sent: StateMoved", "sent: TouchpointForwarded"),
    *("touchpoint by the new layout", "transfers repeated", "forwarded", "timers", "died", "dead letters", "writes lost"),
    "stopped, and gone on",
)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    with quiet_logs():
        yield


def test_customers_move_to_their_new_homes_and_everything_about_them_goes_on() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = RepartitionWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert [event for event in MUST_HAPPEN if not events[event]] == []


def test_a_second_change_finds_everybody_although_producers_use_partitions_of_neither_layout() -> None:
    events: Counter[str] = Counter()
    # In the last two, somebody came back to a place that did not know of the second layout yet.
    for seed in (*range(50), 267, 314):
        result = RepartitionTwiceWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("changed twice", "touchpoint to a partition of neither layout")) > 20


def test_what_a_source_made_moves_and_waits_like_what_is_read_as_it_is() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = SourcedRepartitionWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    must = ("sent: TouchpointForwarded", "sent: CustomerClaimed", "sent: StateMoved", "dead letters", "died", "transfers repeated")
    assert [event for event in must if not events[event]] == []


def test_in_a_second_change_too_it_goes_on_as_it_was_made() -> None:
    events: Counter[str] = Counter()
    # Seed 27 sends to partitions of neither layout.
    for seed in range(28):
        result = SourcedRepartitionTwiceWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("changed twice", "touchpoint to a partition of neither layout", "sent: TouchpointForwarded")) > 0


def test_without_settling_a_second_change_has_touchpoints_overtake_those_that_were_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moves, "are_settling", lambda _: False)
    assert [seed for seed in (15, 168) if not RepartitionTwiceWorld(seed).run().violations] == []


@pytest.mark.parametrize("safeguard", MOVING_SAFEGUARDS)
def test_without_one_of_the_safeguards_the_checker_finds_something(safeguard: MovingSafeguard) -> None:
    off = frozenset([safeguard])
    assert any(RepartitionWorld(seed, off=off).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS))


class CalmWorld(RepartitionWorld):
    """One partition becomes two, and nothing goes wrong by itself. Either of its workers may crash once."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self.layout, self.program = TopicLayout(1, 2, 1), UNTIMED
        self.announced_at, self.producers_wait, self.copies, self.hesitates = 8, True, 0.0, 0.1
        shop = msgspec.structs.replace(scenario.shop, touchpoints=16, customers=4, late=0, bad=0.0, poison=0.0, burst=1, pause=3.0)
        options = msgspec.structs.replace(scenario.options, max_leaving=1, leaving_rate=1.0, idle_wait=0.5)
        return msgspec.structs.replace(
            scenario, shop=shop, options=options, weather=Weather(), faults=0, skew=0, partitions=2, members=2, session=3.0, rebalance=3.0
        )


MOVER, FORGOTTEN = "c3", "c1"


class ForgettingMoversWorld(CalmWorld):
    """The same, and at the end somebody asks to forget one who moves, by the old layout or by the new one."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        return msgspec.structs.replace(scenario, options=msgspec.structs.replace(scenario.options, forget_key=KEY))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(super().arriving(random, shop)):
            yield arrival
            if number == shop.touchpoints - 1:
                self.events["forget"] += 1
                yield request_for(MOVER, self.now(), FOR_EVER)

    def check(self) -> None:
        """Wherever the customer was when it was asked for, nothing but an address may be left."""
        for partition in self.partitions:
            for customer_id, shown in partition.redis.customers.items():
                if customer_id == MOVER and shown.state is not None and not is_forwarding(shown.state):
                    self.find(f"{MOVER} was forgotten, and lives in partition {partition.number}")


def test_who_is_forgotten_while_customers_move_is_forgotten_wherever_that_is() -> None:
    events: Counter[str] = Counter()
    for seed in range(30):
        result = ForgettingMoversWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("forget", "forwarded")) > 0


class ForgottenBeforeWorld(ForgettingMoversWorld):
    """Somebody is forgotten before the layout changes, and touchpoints of theirs go on coming, by either layout."""

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(CalmWorld.arriving(self, random, shop)):
            yield arrival
            if number == self.announced_at - 3:
                yield request_for(MOVER, self.now(), FOR_EVER)
            if number > self.announced_at:
                self.events["late"] += 1
                yield late_touchpoint(MOVER, number, self.now())

    def check(self) -> None:
        for partition in self.partitions:
            if MOVER in partition.redis.customers:
                self.find(f"{MOVER} was forgotten, and is in partition {partition.number}")


class ForgottenEverywhereWorld(ForgottenBeforeWorld):
    """Somebody who has moved is asked to be forgotten in both partitions: not even an address may be left."""

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(CalmWorld.arriving(self, random, shop)):
            yield arrival
            for _ in range(20 * (number == shop.touchpoints - 1)):
                yield request_for(MOVER, self.now(), FOR_EVER)


@pytest.fixture(params=[None, -1], ids=["all places in a batch", "a batch for each place"])
def told_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much a place that has ended says in one batch."""
    if request.param is not None:
        monkeypatch.setattr("etapa.stream.protocol.tenures.leaving_tenure.MOST_SENT_AT_ONCE", request.param)


@pytest.mark.usefixtures("told_at_once")
def test_who_was_forgotten_before_customers_moved_stays_forgotten_wherever_touchpoints_come() -> None:
    events: Counter[str] = Counter()
    for seed in range(30):
        result = ForgottenBeforeWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("late", "touchpoint by the new layout", "forwarded")) > 0


class ForgottenUnderLoadWorld(RepartitionWorld):
    """Somebody is forgotten at any time, and touchpoints of theirs go on coming, while everything goes wrong."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        return msgspec.structs.replace(scenario, options=msgspec.structs.replace(scenario.options, forget_key=KEY))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        asked = random.randrange(shop.touchpoints)
        for number, arrival in enumerate(super().arriving(random, shop)):
            yield arrival
            if number == asked:
                yield request_for(FORGOTTEN, self.now(), FOR_EVER)
            if number > asked:
                yield late_touchpoint(FORGOTTEN, number, self.now())

    def check(self) -> None:
        """A producer that goes over may have the request overtaken by touchpoints before it, so an address may be left."""
        self.events["denied"] += self._checker.sent()["CustomersDenied"]
        for partition in self.partitions:
            shown = partition.redis.customers.get(FORGOTTEN)
            if shown is not None and not is_forwarding(shown.state or b""):
                self.find(f"{FORGOTTEN} was forgotten, and lives in partition {partition.number}")


@pytest.mark.usefixtures("told_at_once")
def test_who_was_forgotten_stays_forgotten_while_customers_move_and_everything_goes_wrong() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = ForgottenUnderLoadWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("denied", "died", "writes lost", "transfers repeated")) > 0


def test_touchpoints_of_who_was_forgotten_between_two_changes_do_not_go_to_and_fro() -> None:
    events: Counter[str] = Counter()
    # Where the second change undoes the first, an address that was left in the first leads to nobody.
    for seed in range(24):
        result = ForgottenBetweenWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert min(events[event] for event in ("changed twice", "forgotten away from home")) > 5


@pytest.mark.parametrize("told", ["tenures.leaving_tenure.all_denials", "tenures.moving_tenure.denials_of", "residence.denials_of"])
def test_a_place_has_to_tell_of_the_forgotten_when_it_ends_when_it_is_asked_and_when_it_forwards(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"etapa.stream.protocol.{told}", lambda *_: iter(()))
    assert any(ForgottenBeforeWorld(seed).run().violations for seed in range(30))


def test_of_who_has_moved_and_is_forgotten_in_both_partitions_no_address_is_left() -> None:
    for seed in range(20):
        assert ForgottenEverywhereWorld(seed).run().violations == [], seed


@pytest.mark.parametrize("name", ["w1", "w2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_or_after_any_call_moves_everybody_nevertheless(when: When, name: str) -> None:
    seed = 8
    clean = OneCrash(Random(0), name=name)
    calm = CalmWorld(seed, network=clean).run()
    assert calm.violations == []
    assert min(calm.events[event] for event in ("sent: StateMoved", "sent: CustomerClaimed", "sent: TouchpointForwarded")) > 0
    assert clean.calls["fetch_transfers"]
    failing = []
    # Every other call, or its neighbour: all of them took longer, and found nothing.
    for at in range(when == "after", clean.calls.total(), 2):
        result = CalmWorld(seed, network=OneCrash(Random(0), at, when, survives=bool(at // 2 % 2), name=name)).run()
        if result.violations:
            failing.append((at, result.violations[0]))
    assert failing == []
