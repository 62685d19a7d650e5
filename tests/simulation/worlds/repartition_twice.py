"""A run in which the number of partitions changes twice. Producers go on using partitions that no layout has any more, as Kafka's do."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import msgspec

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.transfer import LayoutAnnounced, TopicLayout
from tests.simulation.checking.checker import mark_of
from tests.simulation.checking.joined import KEY
from tests.simulation.worlds.forgetting import FOR_EVER, request_for
from tests.simulation.worlds.repartition import MOST_SECONDS_UNTIL_ADOPTED, RepartitionWorld
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.watched import WatchedPartition

MOST_SECONDS_UNTIL_FINISHED = 200.0
"""After that, the second change does not come about."""


def late_touchpoint(customer_id: str, number: int, now: int) -> Arrival:
    """One that may come after the request to forget its customer."""
    told = {"id": f"late-{number}", "customer_id": customer_id, "type": "view", "occurred_at": format_time(now)}
    return Arrival(customer_id.encode(), msgspec.json.encode(told), (), 0)


class RepartitionTwiceWorld(RepartitionWorld):
    """Once everybody is at home in the first layout, a second one is announced."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        first = self.layout
        self.second = TopicLayout(2, random.choice([count for count in range(1, 6) if count != first.partitions]), first.partitions)
        self.announced_at = scenario.shop.touchpoints // 6
        self._resumes_at = scenario.shop.touchpoints // 2
        self._counts = [first.before]
        """The numbers of partitions by which producers send; some go over late."""
        options = msgspec.structs.replace(scenario.options, leaving_rate=random.choice((3.0, 1000.0)))
        return msgspec.structs.replace(scenario, options=options, partitions=max(scenario.partitions, self.second.partitions))

    async def before_arrival(self, number: int) -> None:
        await super().before_arrival(number)
        if number == self._resumes_at:
            # Otherwise few touchpoints would come after the second change.
            await self._until(lambda: self._all_follow(self.second), MOST_SECONDS_UNTIL_ADOPTED)

    async def _announce(self, random: Random) -> None:
        first = self.layout
        await super()._announce(random)
        await self._until(lambda: self._all_follow(first), MOST_SECONDS_UNTIL_FINISHED)
        if not self._all_follow(first):
            return
        self.grown(first.partitions)
        self._counts += [first.partitions, max(self._counts[0], first.partitions)]
        await self._until(lambda: all(self._has_finished(partition) for partition in self.partitions), MOST_SECONDS_UNTIL_FINISHED)
        if not all(self._has_finished(partition) for partition in self.partitions):
            return
        self.layout = self.second
        self.events["changed twice"] += 1
        await self._tell_all(random, LayoutAnnounced(self.second))
        await self._until(lambda: self._all_follow(self.second), MOST_SECONDS_UNTIL_FINISHED)
        if self._all_follow(self.second):
            self.grown(self.second.partitions)
            self._counts += [self.second.partitions, max(*self._counts, self.second.partitions)]

    def grown(self, partitions: int) -> None:
        """Every place follows a layout of so many partitions, so `touchpoints` has that many now."""

    async def _until(self, condition: Callable[[], bool], most: float) -> None:
        end = self.loop.time() + most
        while not condition() and self.loop.time() < end:
            await asyncio.sleep(0.05)

    def _all_follow(self, layout: TopicLayout) -> bool:
        marks = [mark_of(partition.broker.committed[-1]) for partition in self.partitions if partition.broker.committed]
        return len(marks) == len(self.partitions) and all(mark.moving is not None and mark.moving.layout == layout for mark in marks)

    def _partition_for(self, key: bytes | None, random: Random) -> WatchedPartition:
        if key is None:
            return random.choice(self.partitions)
        count = random.choice((random.choice(self._counts), self._counts[-1]))
        place = partition_of(key.decode(), count)
        self.events["touchpoint to a partition of neither layout"] += place >= max(self.layout.partitions, self.layout.before)
        return self.partitions[place]


class ForgottenBetweenWorld(RepartitionTwiceWorld):
    """The second change undoes the first. Between the two somebody is forgotten, whose touchpoints go on coming for ever."""

    forgotten: Final = "c1"

    def choose(self, random: Random) -> SimulationScenario:
        scenario = super().choose(random)
        self._first = self.layout
        self.second = TopicLayout(2, self._first.before, self._first.partitions)
        options = msgspec.structs.replace(scenario.options, forget_key=KEY, leaving_rate=1000.0)
        return msgspec.structs.replace(scenario, options=options)

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for number, arrival in enumerate(super().arriving(random, shop)):
            yield arrival
            if number % 4 == 0:
                yield late_touchpoint(self.forgotten, number, self.now())

    async def _tell_all(self, random: Random, announced: LayoutAnnounced) -> None:
        if announced.layout == self.second:
            home = self.partitions[partition_of(self.forgotten, self._first.partitions)]
            home.arrive(request_for(self.forgotten, self.now(), FOR_EVER), self.now(), self.loop.time())
            self.events["forgotten away from home"] += partition_of(self.forgotten, self._first.before) != home.number
            end = len(home.broker.touchpoints)
            await self._until(lambda: mark_of(home.broker.committed[-1]).through >= end - 1, MOST_SECONDS_UNTIL_FINISHED)
        await super()._tell_all(random, announced)

    def check(self) -> None:
        for partition in self.partitions:
            shown = partition.redis.customers.get(self.forgotten)
            if self.events["changed twice"] and shown is not None and not is_forwarding(shown.state or b""):
                self.find(f"{self.forgotten} was forgotten, and lives in partition {partition.number}")
