"""A run in which links join people who live at different places, while workers come, go and die."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import MovingMark
from etapa.contracts.stored.transfer import decode_transfer
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import LINK
from etapa.journey.units import SECOND
from tests.simulation.checking.checker import mark_of
from tests.simulation.checking.controls import Safeguard
from tests.simulation.checking.joined import KEY, LIMITS, JoinedChecker, known
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.machines.network import SeededNetwork
from tests.simulation.worlds.forgetting import FOR_EVER, request_for
from tests.simulation.worlds.group_world import GroupWorld
from tests.simulation.worlds.scenario import SimulationScenario, exploding_program, group_scenario_of
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.watched import WatchedPartition

TEXT = Path(__file__).with_name("linked.yaml").read_text()
LINKED = exploding_program(TEXT)
NEWER_LINKED = exploding_program(TEXT.replace("version: 1", "version: 2").replace("star", "sun"))
LONGEST_AGO = 100 * SECOND
FORGET_ASKED = 0.02
"""Chance of a request to forget somebody after a touchpoint."""


class LinkWorld(GroupWorld):
    """A run with links."""

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
        self.copies = 0.0
        """The chance that transfers are repeated when a touchpoint arrives."""
        super().__init__(seed, scenario, network, off)
        self._transfers = [MemoryTransfers() for _ in self.partitions]
        self._checker = self.checker()
        for partition, transfers in zip(self.partitions, self._transfers, strict=True):
            partition.broker.transfers = self._transfers
            transfers.reader = partition.broker
            self._checker.watch(partition.broker)

    def checker(self) -> JoinedChecker:
        """What looks at everybody at the end."""
        return JoinedChecker(LINKED, [partition.broker for partition in self.partitions], {"sun": "star"}, other=NEWER_LINKED)

    def choose(self, random: Random) -> SimulationScenario:
        scenario = group_scenario_of(random)
        self.links = random.choice((0.05, 0.15, 0.3))
        self.known = random.choice((0.0, 0.0, 0.03, 0.1))
        self.copies = random.choice((0.0, 0.0, 0.2))
        shop = msgspec.structs.replace(
            scenario.shop,
            touchpoints=random.randrange(20, 100),
            customers=random.randrange(2, 9),
            burst=random.choice((1, 3, 10)),
            pause=random.choice((0.3, 1.0, 3.0)),
            poison=0.0,
        )
        options = msgspec.structs.replace(scenario.options, follows_links=True, decoder=decoder_within(LIMITS))
        return msgspec.structs.replace(scenario, shop=shop, rolling=False, options=options)

    def next_program(self) -> Program:
        return LINKED

    async def before_arrival(self, number: int) -> None:
        if self.random.random() < self.copies:
            for transfers in self._transfers:
                if transfers.committed(0):
                    transfers.repeat(self.random.randrange(1000))
                    self.events["transfers repeated"] += 1

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(super().arriving(random, shop)):
            yield some_known(random, arrival, self.known)
            if random.random() < self.links:
                self.events["links"] += 1
                yield some_link(random, shop, number, self.now())

    def check(self) -> None:
        self.events.update({f"sent: {kind}": count for kind, count in self._checker.sent().items()})
        for (_, _, reason), count in self._checker.letters().items():
            self.events[f"refused: {reason}"] += count
        for line in self._checker.violations(self.now(), self.forgotten):
            self.find(line)

    def _settled(self) -> bool:
        return super()._settled() and all(self._has_read_all(partition) for partition in self.partitions)

    def _has_read_all(self, partition: WatchedPartition) -> bool:
        transfers = self._transfers[partition.number]
        if not partition.broker.committed:
            return not transfers.entries
        moving = mark_of(partition.broker.committed[-1]).moving
        return moving is not None and transfers.end() == len(transfers.entries) and not self._has_news(transfers, moving)

    def _has_news(self, transfers: MemoryTransfers, moving: MovingMark) -> bool:
        found = [decode_transfer(record.value) for record in transfers.committed(moving.next_transfer)]
        return any(one.number > moving.taken.get(one.sender, 0) for one in found)

    def _see_that_nobody_is_in_two_partitions(self) -> None:
        """The checker of people does that."""


def some_known(random: Random, arrival: Arrival, chance: float) -> Arrival:
    """With this chance, the touchpoint is that of a known person."""
    good = arrival.value is not None and arrival.key is not None and b'"e' in arrival.value
    return msgspec.structs.replace(arrival, value=known(arrival.value or b"")) if good and random.random() < chance else arrival


def some_link(random: Random, shop: SimulatedShop, number: int, now: int) -> Arrival:
    """A link between any two ids, now or earlier."""
    moved, kept = random.sample([f"c{each}" for each in range(shop.customers)], 2)
    at = now - random.choice((0, random.randrange(LONGEST_AGO)))
    link = {"id": f"l{number}", "customer_id": moved, "type": LINK, "occurred_at": format_time(at), "same_as": kept}
    return Arrival(moved.encode(), json.dumps(link).encode(), (), 0)


def where_some_are_forgotten(random: Random, scenario: SimulationScenario) -> SimulationScenario:
    """The same with fewer customers, and with a key for digests of those who are forgotten."""
    shop = msgspec.structs.replace(scenario.shop, customers=random.randrange(4, 14))
    options = msgspec.structs.replace(scenario.options, forget_key=KEY)
    return msgspec.structs.replace(scenario, shop=shop, options=options)


def some_request(random: Random, shop: SimulatedShop, now: int, forgotten: set[str], events: Counter[str]) -> Iterator[Arrival]:
    """Perhaps a request to forget somebody, which goes into `forgotten`; one in ten is a stranger's, and has another key."""
    if random.random() < FORGET_ASKED:
        customer_id = f"c{random.randrange(shop.customers)}"
        is_ours = random.random() < 0.9
        events["forget"] += is_ours
        events["forget, by a stranger"] += not is_ours
        if is_ours:
            forgotten.add(customer_id)
        yield request_for(customer_id, now, FOR_EVER, KEY if is_ours else DenyKey(b"stranger"))


class ForgettingLinkedWorld(LinkWorld):
    """The same, and some people are forgotten, by any of their ids; touchpoints and links of them go on coming."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self.links = random.choice((0.05, 0.1, 0.15))
        return where_some_are_forgotten(random, scenario)

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for arrival in super().arriving(random, shop):
            yield arrival
            yield from some_request(random, shop, self.now(), self.forgotten, self.events)


class RollingLinkWorld(LinkWorld):
    """The same with two versions of the journey at work side by side, one of which has another name for a stage."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        shop = msgspec.structs.replace(scenario.shop, customers=random.randrange(2, 5), touchpoints=random.randrange(60, 120))
        return msgspec.structs.replace(scenario, shop=shop)

    def next_program(self) -> Program:
        return self.random.choice((LINKED, NEWER_LINKED))


class ReclassifiedLinkWorld(RollingLinkWorld):
    """The same, and somebody asks three times to judge everybody by the newer version."""

    def begin(self) -> None:
        super().begin()
        for _ in range(3):
            self.loop.call_later(self.random.uniform(0, 25), self._ask_to_reclassify, self.random)
