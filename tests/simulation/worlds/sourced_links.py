"""A run with links in which records go through a source: a record holds several touchpoints of one customer, and perhaps a link."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

import msgspec

from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import LINK
from etapa.sources.decoding import SourceDecoder
from etapa.stream.protocol.records import is_request
from tests.simulation.checking.joined import LIMITS, JoinedChecker
from tests.simulation.worlds.linked import LINKED, ForgettingLinkedWorld, LinkWorld
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.sourced import source_decoder

POISON: Final = "boom"
"""Touchpoints of this type cannot be judged."""
TEXT: Final = """
source: batches
each: batch
skip: [{type: alias}]
touchpoint:
  id: id
  customer_id: customer_id
  type: type
  occurred_at: occurred_at
  channel: channel
  traits: {"*": traits}
link: {when: {type: alias}, same_as: same_as, customer_id: customer_id}
"""


def linking_source() -> SourceDecoder:
    """The source that reads the records of these worlds."""
    return source_decoder(TEXT, LIMITS)


def packed(random: Random, arrivals: Iterator[Arrival], now: Callable[[], int]) -> Iterator[Arrival]:
    """Puts consecutive touchpoints of one customer into one record, with at most one that may be refused; what is no touchpoint stays alone.

    All that is refused in a record is in one dead letter, and the checker counts them.
    """
    held: list[Arrival] = []
    has_one = False
    for arrival in arrivals:
        item = decode_touchpoint(arrival.key, arrival.value, LIMITS, now())
        is_good = isinstance(item, Touchpoint) and not is_request(arrival.headers)
        may_be_refused = isinstance(item, Touchpoint) and item.type in (LINK, POISON)
        if held and (not is_good or arrival.key != held[0].key or (may_be_refused and has_one) or random.random() < 0.1):
            yield record_of(held)
            held, has_one = [], False
        if is_good:
            held.append(arrival)
            has_one = has_one or may_be_refused
        else:
            yield arrival
    if held:
        yield record_of(held)


def record_of(held: Sequence[Arrival]) -> Arrival:
    """One record with all of them."""
    batch: list[Any] = [json.loads(arrival.value or b"") for arrival in held]
    for each in batch:
        if each["type"] == LINK:
            each["type"] = "alias"
    return Arrival(held[0].key, json.dumps({"batch": batch}).encode(), (), held[0].gap)


class SourcedLinkWorld(LinkWorld):
    """A run with links, and with a source."""

    def choose(self, random: Random) -> SimulationScenario:
        return through_source(random, super().choose(random))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        return packed(random, super().arriving(random, shop), self.now)

    def checker(self) -> JoinedChecker:
        return sourced_checker(self)


class ForgettingSourcedLinkWorld(ForgettingLinkedWorld):
    """The same, and some people are forgotten."""

    def choose(self, random: Random) -> SimulationScenario:
        return through_source(random, super().choose(random))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        return packed(random, super().arriving(random, shop), self.now)

    def checker(self) -> JoinedChecker:
        return sourced_checker(self)


def through_source(random: Random, scenario: SimulationScenario) -> SimulationScenario:
    """The same, with a source, and with batches that often end within a record."""
    few = random.choice((1, 2, 3, 20, scenario.options.max_records))
    return msgspec.structs.replace(scenario, options=msgspec.structs.replace(scenario.options, decoder=linking_source(), max_records=few))


def sourced_checker(world: LinkWorld) -> JoinedChecker:
    """Reads records as the workers do."""
    return JoinedChecker(LINKED, [partition.broker for partition in world.partitions], decoder=linking_source())
