"""A run in which the number of partitions changes under load: customers move to their new homes while workers come, go and die."""

import asyncio
from pathlib import Path
from random import Random

import msgspec

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.transfer import ANNOUNCER, LayoutAnnounced, TopicLayout, Transfer, encode_transfer
from etapa.journey.engine.judging.program import Program
from etapa.stream.protocol.records import Outgoing
from etapa.stream.upkeep.repartition import place_now
from tests.simulation.checking.checker import mark_of
from tests.simulation.checking.controls import Safeguard
from tests.simulation.checking.places import PlacesChecker
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.machines.network import SeededNetwork
from tests.simulation.worlds.group_world import GroupWorld
from tests.simulation.worlds.scenario import JOURNEY, SimulationScenario, exploding_program, group_scenario_of
from tests.simulation.worlds.watched import WatchedPartition
from tests.simulation.worlds.world import SETTLES_WITHIN

TIMED = exploding_program(JOURNEY.read_text().replace("remember_ids: 16", "remember_ids: 300"))
UNTIMED = exploding_program(Path(__file__).with_name("untimed.yaml").read_text())
MOST_SECONDS_UNTIL_ADOPTED = 40.0
LAGGARDS = 0.2
"""The share of touchpoints that still come by the old layout from producers that know the new one."""


class RepartitionWorld(GroupWorld):
    """A run with another number of partitions in the middle of it."""

    # What was forwarded last may come so late that the history's timers wait for `quiet_after` from then on.
    settles_within = 2 * SETTLES_WITHIN

    def __init__(
        self,
        seed: int,
        scenario: SimulationScenario | None = None,
        network: SeededNetwork | None = None,
        off: frozenset[Safeguard] = frozenset(),
    ) -> None:
        self.layout = TopicLayout(1, 1, 1)
        self.program = TIMED
        self.announced_at = 0
        """The number of touchpoints before the new layout is announced."""
        self.producers_wait = False
        """Whether producers send nothing until everybody knows the layout."""
        self._announcing: asyncio.Task[None] | None = None
        self.copies = 0.0
        """The chance that transfers are repeated when a touchpoint arrives."""
        self.hesitates = 0.0
        """The most seconds until the next place hears of the layout."""
        super().__init__(seed, scenario, network, off)
        self._off = off
        self._is_stopped = seed % 8 == 4
        """Whether somebody stops the moves for a while."""
        self._transfers = [MemoryTransfers() for _ in self.partitions]
        self._gone_over: set[bytes] = set()
        self._checker = self.checker()
        for partition, transfers in zip(self.partitions, self._transfers, strict=True):
            partition.broker.transfers = self._transfers
            transfers.reader = partition.broker
            self._checker.watch(partition.number)

    def checker(self) -> PlacesChecker:
        """What watches all partitions."""
        return PlacesChecker(self.program, [partition.broker for partition in self.partitions], self.find)

    def choose(self, random: Random) -> SimulationScenario:
        scenario = group_scenario_of(random)
        before = random.randrange(1, 4)
        after = random.choice([count for count in range(1, 6) if count != before])
        self.layout = TopicLayout(1, after, before)
        self.program = random.choice((TIMED, UNTIMED))
        options = msgspec.structs.replace(
            scenario.options, max_leaving=random.choice((1, 2, 500)), leaving_rate=random.choice((0.1, 0.3, 1000.0))
        )
        shop = msgspec.structs.replace(
            scenario.shop,
            touchpoints=random.randrange(30, 120),
            burst=random.choice((1, 3, 10)),
            pause=random.choice((0.3, 1.0, 3.0)),
            poison=random.choice((0.0, 0.1)),
        )
        self.announced_at = random.randrange(shop.touchpoints // 6, shop.touchpoints * 2 // 3)
        self.producers_wait = random.random() < 0.7
        self.copies = random.choice((0.0, 0.0, 0.2))
        self.hesitates = random.choice((0.1, 1.0, 4.0))
        return msgspec.structs.replace(scenario, shop=shop, partitions=max(before, after), rolling=False, options=options)

    def next_program(self) -> Program:
        return self.program

    async def before_arrival(self, number: int) -> None:
        if self.random.random() < self.copies:
            self._repeat_transfers()
        if number == self.announced_at:
            self._announcing = asyncio.get_running_loop().create_task(self._announce(Random(self.random.random())))
            end = self.loop.time() + MOST_SECONDS_UNTIL_ADOPTED
            while self.producers_wait and not self._everybody_knows() and self.loop.time() < end:
                await asyncio.sleep(0.05)

    async def drain(self) -> None:
        if self._announcing is not None:
            await self._announcing
        await super().drain()

    def _repeat_transfers(self) -> None:
        """Somebody copies a part of `transfers`, and what was there is there twice."""
        for transfers in self._transfers:
            if transfers.committed(0):
                transfers.repeat(self.random.randrange(1000))
                self.events["transfers repeated"] += 1

    def check(self) -> None:
        self.events.update({f"sent: {kind}": count for kind, count in self._checker.sent().items()})
        touchpoints = [partition.broker.touchpoints for partition in self.partitions]
        for line in self._checker.violations(touchpoints, self.layout, self.now(), exact=self.program is UNTIMED):
            self.find(line)

    async def _announce(self, random: Random) -> None:
        """Tell every place of the new layout, one after the other. Producers begin to go over when all have adopted it."""
        await self._tell_all(random, LayoutAnnounced(self.layout))
        if self._is_stopped:
            for announced in (LayoutAnnounced(self.layout, 0.0, 1), LayoutAnnounced(self.layout, None, 2)):
                await asyncio.sleep(random.uniform(0, 5))
                await self._tell_all(random, announced)
            self.events["stopped, and gone on"] += 1

    async def _tell_all(self, random: Random, announced: LayoutAnnounced) -> None:
        value = encode_transfer(Transfer(sender=ANNOUNCER, number=0, sent=announced))
        for transfers in self._transfers:
            await asyncio.sleep(random.uniform(0, self.hesitates))
            transfers.append(Outgoing(None, value), "committed")

    def _everybody_knows(self) -> bool:
        if "adopts_first" in self._off:
            return self._announcing is not None
        marks = [mark_of(partition.broker.committed[-1]) for partition in self.partitions if partition.broker.committed]
        return len(marks) == len(self.partitions) and all(mark.moving is not None and mark.moving.layout is not None for mark in marks)

    def _partition_for(self, key: bytes | None, random: Random) -> WatchedPartition:
        if key is None:
            return random.choice(self.partitions)
        if self._everybody_knows() and random.random() < 0.7:
            self._gone_over.add(key)
        is_new = key in self._gone_over and random.random() >= LAGGARDS
        self.events["touchpoint by the new layout"] += is_new
        return self.partitions[partition_of(key.decode(), self.layout.partitions if is_new else self.layout.before)]

    def _settled(self) -> bool:
        return super()._settled() and all(self._has_finished(partition) for partition in self.partitions)

    def _has_finished(self, partition: WatchedPartition) -> bool:
        """Whether it has read everything sent to it, and knows that nobody has to move any more."""
        if not partition.broker.committed:
            return False
        mark = mark_of(partition.broker.committed[-1])
        transfers = self._transfers[partition.number]
        return (
            mark.moving is not None
            and transfers.end() == len(transfers.entries)
            and not self._checker.has_news(partition.number, transfers.committed(mark.moving.next_transfer))
            and place_now(partition.number, mark, self.layout).knows_all
        )

    def _see_that_nobody_is_in_two_partitions(self) -> None:
        """The checker of places does that."""
