"""A topic is deleted and made again in the middle of a run: offsets of the old topic must never be applied to the new one.

The partition must be refused with a message that names the topic. Then an operator follows the message: accepts the new topic, where
that is possible, and work goes on as if nothing had happened; or starts from the beginning with new output topics, and everything that
the topic of touchpoints holds by then must be processed.
"""

import asyncio
from dataclasses import replace
from random import Random
from typing import Final

import msgspec

from etapa.contracts.stored.mark import REPLACEABLE_ROLES, TOPIC_ROLES, TopicRole
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.ports import LogError
from etapa.stream.upkeep.acceptance import accept_in
from tests.simulation.checking.checker import Expectations, mark_of
from tests.simulation.checking.controls import Safeguard
from tests.simulation.machines.memory_log import Committed, MemoryBroker, MemoryLog
from tests.simulation.machines.network import SeededNetwork
from tests.simulation.worlds.scenario import SimulationScenario
from tests.simulation.worlds.shop import Arrival
from tests.simulation.worlds.watched import WatchedPartition
from tests.simulation.worlds.worker import portions
from tests.simulation.worlds.world import SETTLES_WITHIN, World

_SINCE: Final = ("since", b"recreated")
"""A header of all records written after that."""
_LOOKS_EVERY: Final = (0.0, 2.0)
_MOST_UNDER_WAY: Final = 15.0
"""The most seconds that a batch may take from the check before it until its commit."""
_WITHOUT_ITS_STATE: Final = ("kill", "second owner", "second owner", "clock jump", "lose scripts", "out of memory", "stall", "cut")
"""The faults of a partition that may lose `customer-state`: if Redis were lost as well, nothing would show that it ever had data."""

ROLES: tuple[TopicRole, ...] = tuple(role for role in TOPIC_ROLES if role != "transfers")
"""Nobody moves here."""


class RecreatedPartition(WatchedPartition):
    """Separates what came before a topic was made again from what came after, by the names of the customers and a header."""

    recreated: TopicRole | None = None
    noticed_by = 0.0
    """The virtual second after which no worker may go on."""

    def recreate(self, role: TopicRole) -> None:
        """Delete the topic and make it again."""
        self.recreated = role
        self._note(f"{role} is recreated")
        self._events[f"recreated: {role}"] += 1
        looks_every = self.broker.looks_every
        self.noticed_by = asyncio.get_running_loop().time() + (looks_every and looks_every + _MOST_UNDER_WAY)
        self.broker.recreate(role)

    def arrive(self, arrival: Arrival, wall: int, seconds: float) -> None:
        if self.recreated is not None:
            arrival = msgspec.structs.replace(
                arrival,
                key=arrival.key and b"later-" + arrival.key,
                value=arrival.value and arrival.value.replace(b'"customer_id": "', b'"customer_id": "later-'),
                headers=(*arrival.headers, _SINCE),
            )
        super().arrive(arrival, wall, seconds)

    def _note_commit(self, committed: Committed) -> None:
        super()._note_commit(committed)
        if mark_of(committed).replaced:
            # An operator has said that work may go on.
            return
        written = committed.transaction
        later = [one.key for one in (*written.states, *written.stage_changes) if (one.key or b"").startswith(b"later-")]
        if asyncio.get_running_loop().time() < self.noticed_by:
            self._events["not noticed yet"] += 1
        elif later or any(_SINCE in letter.headers for letter in written.dead_letters):
            self._find(f"what came after {self.recreated} was recreated is processed as if nothing had happened: {later}")


class RecreatedWorld(World):
    """A run in which one of the topics is made again at some point."""

    def __init__(
        self,
        seed: int,
        scenario: SimulationScenario | None = None,
        network: SeededNetwork | None = None,
        off: frozenset[Safeguard] = frozenset(),
    ) -> None:
        super().__init__(seed, scenario, network, off)
        self._off = off
        self._old = RecreatedPartition(0, 1, self.note, self.find, self.events, off, self.scenario.options.max_fired)
        self.partitions[:] = [self._old]
        self._role: TopicRole = self.random.choice(ROLES)
        self._after = self.random.randrange(1, 1 + self.scenario.shop.touchpoints // 2)
        self._accepts = self._role in REPLACEABLE_ROLES and self.random.random() < 0.5
        self._refused = False
        if self._role != "customer-state":
            # In a new `customer-state` the offsets of marks start over, by which the checker knows what the view should show.
            self._old.broker.looks_every = self.random.choice(_LOOKS_EVERY)
        self.faults = tuple(
            one for one in self.faults if one != "lose markers" and (self._role != "customer-state" or one in _WITHOUT_ITS_STATE)
        )

    async def drain(self) -> None:
        if self._old.recreated is None and self._is_known():
            self._old.recreate(self._role)
        if self._old.recreated is not None:
            await self._wait_until_refused()
            if self._accepts and not self.wrong:
                await self._accept()
            else:
                await self.let_all_leave()
                self._start_from_the_beginning()
        await super().drain()

    def expectations_of(self, partition: WatchedPartition) -> Expectations:
        expected = super().expectations_of(partition)
        # An old touchpoint that is repeated belongs to another customer, who has none of that time yet.
        return replace(expected, on_time=False) if self.scenario.shop.duplicate else expected

    def _partition_for(self, key: bytes | None, random: Random) -> WatchedPartition:
        if self._old.recreated is None and self._old.broker.end_offset >= self._after and self._is_known():
            self._old.recreate(self._role)
        return super()._partition_for(key, random)

    def _is_known(self) -> bool:
        """Whether processing has got so far that a mark names the topics."""
        marked = bool(self._old.broker.committed)
        return marked and (self._role != "customer-state" or self._old.redis.mark is not None)

    async def _wait_until_refused(self) -> None:
        deadline = self.loop.time() + SETTLES_WITHIN
        while not self._refused and not self.wrong:
            if self.loop.time() > deadline:
                self.find(f"{self._role} was recreated, and nobody noticed within {SETTLES_WITHIN:g} s")
                return
            self.look_after_workers()
            await asyncio.sleep(0.5)

    def _step_in(self, partition: int, message: str) -> bool:
        names_it = self._old.recreated is not None and "recreated" in message and self._role in message
        self._refused = self._refused or names_it
        return names_it

    async def _accept(self) -> None:
        """Accept the new topic, as the refusal says. Workers that check again meanwhile are interrupted."""
        process, random, _ = self.new_process()
        log = MemoryLog(self._old.broker, process, portions(random))
        try:
            await accept_in(log, 0, self.scenario.options.group, self._role)
        except (PartitionRefused, LogError) as error:
            self.find(f"{self._role} could not be accepted: {error}")
        self.events[f"accepted: {self._role}"] += 1

    def _start_from_the_beginning(self) -> None:
        """Start over, as the refusal says, and read whatever the topic of touchpoints holds by now."""
        new = WatchedPartition(0, 1, self.note, self.find, self.events, self._off, self.scenario.options.max_fired)
        _hand_over(self._old.broker, new.broker)
        self.partitions[:] = [new]
        self._spawn()


def _hand_over(old: MemoryBroker, new: MemoryBroker) -> None:
    new.topic_ids["touchpoints"] = old.topic_ids["touchpoints"]
    new.touchpoints = old.touchpoints
    new.first_offset, new.end_offset = old.first_offset, old.end_offset
