"""A run in which links join people while the number of partitions changes, twice: a link in mid-repartition, and whoever is on the way meanwhile."""

from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.stored.linked_ids import decode_linked_ids
from etapa.contracts.stored.transfer import PersonMoved, Sent
from tests.simulation.checking.controls import Safeguard
from tests.simulation.checking.joined import LIMITS, JoinedChecker
from tests.simulation.checking.places import PlacesChecker
from tests.simulation.machines.network import SeededNetwork
from tests.simulation.worlds.linked import LINKED, some_known, some_link, some_request, where_some_are_forgotten
from tests.simulation.worlds.repartition_twice import RepartitionTwiceWorld
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival, SimulatedShop


class _PeoplesPlaces(PlacesChecker):
    """After every commit, nobody is at two places. Who is united with somebody is at none any more."""

    def allowed(self, customer_id: str) -> Sequence[int]:
        return (0, 1)

    def who_moves(self, sent: Sent) -> str | None:
        if isinstance(sent, PersonMoved):
            return None if sent.state is None else decode_linked_ids(sent.linked_ids).kept
        return super().who_moves(sent)


class LinkedRepartitionWorld(RepartitionTwiceWorld):
    """A run with links before, while and after the layout changes."""

    def __init__(
        self,
        seed: int,
        scenario: SimulationScenario | None = None,
        network: SeededNetwork | None = None,
        off: frozenset[Safeguard] = frozenset(),
    ) -> None:
        self.forgotten: set[str] = set()
        """Whom somebody has asked to forget for ever."""
        self.links = 0.0
        """The chance of a link after a touchpoint."""
        self.known = 0.0
        """The chance that a touchpoint is that of a known person."""
        super().__init__(seed, scenario, network, off)
        self._joined = JoinedChecker(LINKED, [partition.broker for partition in self.partitions])
        for partition in self.partitions:
            self._joined.watch(partition.broker)
            # Where an id is at home before there is a layout depends on how many there are.
            partition.broker.partitions = self._counts[0]

    def grown(self, partitions: int) -> None:
        for partition in self.partitions:
            partition.broker.partitions = max(partition.broker.partitions, partitions)

    def checker(self) -> PlacesChecker:
        return _PeoplesPlaces(LINKED, [partition.broker for partition in self.partitions], self.find)

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self.program = LINKED
        self.links = random.choice((0.05, 0.15, 0.3))
        self.known = random.choice((0.0, 0.0, 0.03, 0.1))
        shop = msgspec.structs.replace(scenario.shop, customers=random.randrange(2, 9), poison=0.0)
        options = msgspec.structs.replace(scenario.options, follows_links=True, decoder=decoder_within(LIMITS))
        return msgspec.structs.replace(scenario, shop=shop, options=options)

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(super().arriving(random, shop)):
            # If it comes twice, to two partitions, either copy may be judged.
            yield some_known(Random(arrival.value or b""), arrival, self.known)
            if random.random() < self.links:
                self.events["links"] += 1
                yield some_link(random, shop, number, self.now())

    def check(self) -> None:
        self.events.update({f"sent: {kind}": count for kind, count in self._checker.sent().items()})
        for (_, _, reason), count in self._joined.letters().items():
            self.events[f"refused: {reason}"] += count
        for line in self._joined.violations(self.now(), self.forgotten, self.layout.partitions):
            self.find(line)


class ForgettingLinkedRepartitionWorld(LinkedRepartitionWorld):
    """The same, and some people are forgotten, by any of their ids; touchpoints and links of them go on coming."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self.links = random.choice((0.05, 0.1, 0.15))
        return where_some_are_forgotten(random, scenario)

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for arrival in super().arriving(random, shop):
            yield arrival
            yield from some_request(random, shop, self.now(), self.forgotten, self.events)
