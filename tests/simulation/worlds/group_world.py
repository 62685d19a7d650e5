"""A run with several workers and several partitions: a group assigns partitions to workers that join, leave, die, freeze and wake up."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.reclassification import ReclassifyRequest
from etapa.journey.engine.judging.program import Program
from tests.simulation.checking.checker import Expectations
from tests.simulation.checking.controls import Safeguard
from tests.simulation.machines.group import Group
from tests.simulation.machines.network import SeededNetwork
from tests.simulation.machines.process import Process
from tests.simulation.worlds.member import SimulatedMember
from tests.simulation.worlds.scenario import PROGRAM, SimulationScenario, group_scenario_of
from tests.simulation.worlds.versions import VERSIONS
from tests.simulation.worlds.world import NETWORK_FAULTS, SERVER_FAULTS, World

MOST_MEMBERS = 4
GROUP_FAULTS = ("kill", "kill", "freeze", "freeze", "join", "leave", "deploy", "clock jump", "reclassify")


class GroupWorld(World):
    """A run with a group of workers."""

    faults = (*GROUP_FAULTS, *GROUP_FAULTS, *SERVER_FAULTS, *NETWORK_FAULTS)

    def __init__(
        self,
        seed: int,
        scenario: SimulationScenario | None = None,
        network: SeededNetwork | None = None,
        off: frozenset[Safeguard] = frozenset(),
    ) -> None:
        super().__init__(seed, scenario, network, off)
        session, rebalance = self.scenario.session, self.scenario.rebalance
        self.group = Group(self.loop, len(self.partitions), session, rebalance, Random(self.random.random()), self.note)
        self.requests = 0
        self._draining = False
        self.members: list[SimulatedMember] = []
        self.newest = 1
        """The version that workers start with from now on."""

    def choose(self, random: Random) -> SimulationScenario:
        return group_scenario_of(random)

    def expectations(self) -> Expectations:
        expected = super().expectations()
        if not self.scenario.rolling:
            return expected
        return replace(expected, on_time=False, versions=VERSIONS)

    def next_program(self) -> Program:
        if not self.scenario.rolling:
            return PROGRAM
        return VERSIONS[self.newest if self.random.random() < 0.8 else 3 - self.newest]

    def process_names(self) -> Sequence[str]:
        return [member.process.name for member in self.alive()] or ["nobody"]

    def alive(self) -> list[SimulatedMember]:
        """The running workers."""
        return [member for member in self.members if member.process.alive and not member.ended.done()]

    def begin(self) -> None:
        for _ in range(self.scenario.members):
            self._join()

    def ready(self) -> bool:
        """Whether every partition is taken over by the worker to which the group assigned it."""
        if not self.group.stable:
            return False
        owners = self.group.owners()
        members = {member.process.name: member for member in self.alive()}
        return all(
            partition in owners and owners[partition] in members and members[owners[partition]].ready(partition)
            for partition in range(len(self.partitions))
        )

    def stop_workers_at_once(self) -> None:
        for member in self.alive():
            member.process.kill()

    def look_after_workers(self) -> None:
        staying = [member for member in self.alive() if not member.leaving]
        for _ in range(len(staying), self.scenario.members):
            self._join()

    async def drain(self) -> None:
        self._draining = True
        await super().drain()
        self._see_that_nobody_is_in_two_partitions()

    async def let_all_leave(self) -> None:
        for member in self.members:
            member.request_stop()
        await asyncio.gather(*(member.ended for member in self.members))

    async def fault(self, fault: str, random: Random, hit: Process | None) -> None:
        alive = self.alive()
        member = next((member for member in alive if member.process is hit), random.choice(alive) if alive else None)
        if fault == "join" or member is None:
            if len(alive) < MOST_MEMBERS:
                self._join()
        elif fault == "kill":
            member.process.kill()
            self.loop.call_later(random.uniform(0, 8.0), self._restart)
        elif fault == "freeze":
            session = self.scenario.session
            longer = random.random() < 0.6
            self.events["frozen beyond the session"] += longer
            seconds = random.uniform(session, session + 20.0) if longer else random.uniform(0, session)
            member.process.sleep_until(self.loop.time() + seconds)
        elif fault == "leave":
            member.request_stop()
            self.loop.call_later(random.uniform(0, 8.0), self._restart)
        elif fault == "deploy":
            self.newest = 3 - self.newest
            for each in alive:
                each.request_stop()
                self._join()
                await asyncio.sleep(random.uniform(0, 3.0))
        elif fault == "clock jump":
            self.jump(member.clock, random)
        elif self.scenario.rolling:
            self._ask_to_reclassify(random)

    def _ask_to_reclassify(self, random: Random) -> None:
        """Request a reclassification of all partitions by the newer version, once its workers run."""
        self.requests += 1
        rate = random.choice((1.0, 5.0, 1000.0))
        for partition in self.partitions:
            partition.redis.request = ReclassifyRequest(id=f"r{self.requests}", version=2, publish=True, rate=rate, at=self.now())

    def _restart(self) -> None:
        if not self._draining:
            self.look_after_workers()

    def _join(self) -> None:
        process, random, skew = self.new_process()
        self.members.append(
            SimulatedMember(self.around, self.group, process, random, skew, self.next_program(), self.scenario.stop_seconds)
        )

    def _see_that_nobody_is_in_two_partitions(self) -> None:
        where: dict[str, int] = {}
        for partition in self.partitions:
            for committed in partition.broker.committed:
                for outgoing in committed.transaction.stage_changes:
                    customer_id = decode_stage_change(outgoing.value or b"").customer_id
                    if where.setdefault(customer_id, partition.number) != partition.number:
                        self.find(f"{customer_id} moves in partition {where[customer_id]} and in {partition.number}")
