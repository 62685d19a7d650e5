"""Runs with another number of partitions in which records go through a source: a record holds several touchpoints of one customer."""

from collections.abc import Iterator
from random import Random

import msgspec

from tests.simulation.checking.places import PlacesChecker
from tests.simulation.worlds.repartition import RepartitionWorld
from tests.simulation.worlds.repartition_twice import RepartitionTwiceWorld
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.sourced import source_decoder
from tests.simulation.worlds.sourced_links import packed


class SourcedRepartitionWorld(RepartitionWorld):
    """A run with another number of partitions, and with a source."""

    def choose(self, random: Random) -> SimulationScenario:
        return through_batches(random, super().choose(random))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        return packed(random, super().arriving(random, shop), self.now)

    def checker(self) -> PlacesChecker:
        return sourced_places_checker(self)


class SourcedRepartitionTwiceWorld(SourcedRepartitionWorld, RepartitionTwiceWorld):
    """The same with two changes: what a source made goes by way of a third place."""


def through_batches(random: Random, scenario: SimulationScenario) -> SimulationScenario:
    """The same, with a source, and with batches that often end within a record."""
    few = random.choice((2, 3, 20, scenario.options.max_records))
    options = msgspec.structs.replace(scenario.options, decoder=source_decoder(), max_records=few)
    # More of them, since a record holds several.
    shop = msgspec.structs.replace(scenario.shop, touchpoints=scenario.shop.touchpoints * 2, customers=random.randrange(3, 8))
    return msgspec.structs.replace(scenario, shop=shop, options=options)


def sourced_places_checker(world: RepartitionWorld) -> PlacesChecker:
    """Reads records as the workers do."""
    return PlacesChecker(world.program, [partition.broker for partition in world.partitions], world.find, source_decoder())
