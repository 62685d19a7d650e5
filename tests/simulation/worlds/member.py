"""A worker process that is a member of a consumer group: the real supervision of partition tasks, driven by the group.

It does what the worker and its rebalance listener do: stop everything when partitions are revoked, start when they are assigned,
and close for good when it is to end, while the group may still be assigning and revoking.
"""

import asyncio
from functools import partial
from random import Random

from etapa.journey.engine.judging.program import Program
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks
from etapa.stream.protocol.tenures.task import PartitionRefused, PartitionTask
from tests.simulation.checking.controls import kind_of_log, kind_of_supervision
from tests.simulation.machines.group import Assignment, Group, UnknownMember
from tests.simulation.machines.memory_log import MemoryLog, no_answer
from tests.simulation.machines.process import Killed, Process, finish
from tests.simulation.worlds.worker import Bookkeeper, ProcessClock, RunContext, make_task, portions

REJOINS_AFTER = 1.0
SYNC_EVERY = 1.0
CLOSING = 1.0
"""The most seconds that closing the consumer takes."""
IN_A_BATCH = frozenset(("load", "write", "commit", "apply"))
"""The calls that happen in the middle of a batch."""


class SimulatedMember:
    """A process with tasks for its assigned partitions, from its creation until it is asked to leave, or dies."""

    def __init__(
        self, around: RunContext, group: Group, process: Process, random: Random, skew: int, program: Program, stop_seconds: float
    ) -> None:
        self._around = around
        self._group = group
        self.process = process
        self.clock = ProcessClock(around, process, skew)
        self._random = random
        self._program = program
        self._stop_seconds = stop_seconds
        self._heartbeat = group.session / 4
        self._observer = Bookkeeper(around)
        self._to_end = around.loop.create_future()
        """Done when the worker is to end, on request or because it cannot go on."""
        self._generation: int | None = None
        """The generation of the current assignment; None when it must be given up."""
        self._taken_away = around.loop.create_future()
        """Done when the group revokes the assignment."""
        self._tasks: PartitionTasks | None = None
        self.leaving = False
        self.ended = around.loop.create_task(self._run(), name=process.name)

    def request_stop(self) -> None:
        """Ask the worker to end. A frozen process learns of it when it wakes up."""
        self.leaving = True
        finish(self._to_end)

    def ready(self, partition: int) -> bool:
        """Whether the partition is taken over here."""
        return self.process.alive and self._tasks is not None and self._tasks.readiness().get(partition, False)

    async def _run(self) -> None:
        try:
            await self._be_a_member()
        except Killed:
            self._around.events["died"] += 1
        except PartitionRefused:
            # It has nothing else to do, so it ends.
            self.process.kill()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._around.find(f"{self.process.name} ended with {error!r}")

    async def _be_a_member(self) -> None:
        self._tasks = tasks = kind_of_supervision(self._around.off)(self._make)
        tasks.ended.add_done_callback(lambda _: finish(self._to_end))
        background = [asyncio.create_task(self._follow_the_group(tasks)), asyncio.create_task(self._beat())]
        try:
            await self.process.wait_for(self._to_end)
            if tasks.ended.done():
                tasks.ended.result()
        finally:
            # In this order, as in the worker: until its consumer is closed, the group goes on assigning and revoking.
            await tasks.close(self._stop_seconds)
            await self.process.sleep(self._random.uniform(0, CLOSING))
            for each in background:
                each.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            self._must_have_let_go("closing")
        try:
            await self.process.call("leave", lambda: self._group.leave(self.process.name), no_answer)
        except LogError:
            self._around.note(f"{self.process.name} leaves without a word")

    async def _follow_the_group(self, tasks: PartitionTasks) -> None:
        while True:
            assignment = await self._join()
            self._taken_away = self._around.loop.create_future()
            self._generation = assignment.generation
            tasks.start(assignment.partitions)
            await self.process.wait_for(self._taken_away)
            self._around.events["taken away in mid-batch"] += not IN_A_BATCH.isdisjoint(self.process.calls_under_way)
            await tasks.stop(self._stop_seconds)
            self._must_have_let_go("giving up its partitions")

    async def _join(self) -> Assignment:
        """Get an assignment from the group."""
        while True:
            try:
                await self.process.call("join", lambda: self._group.join(self.process.name), no_answer)
                while True:
                    assignment = await self.process.call("sync", lambda: self._group.sync(self.process.name), no_answer)
                    if assignment is not None:
                        return assignment
                    await self.process.sleep(SYNC_EVERY)
            except (LogError, UnknownMember):
                await self.process.sleep(REJOINS_AFTER)

    async def _beat(self) -> None:
        while True:
            await self.process.sleep(self._heartbeat)
            generation = self._generation
            if generation is None:
                continue
            heartbeat = partial(self._group.heartbeat, self.process.name, generation)
            try:
                answer = await self.process.call("heartbeat", heartbeat, no_answer)
            except LogError:
                continue
            except UnknownMember:
                answer = "rebalance"
            if answer == "rebalance" and self._generation == generation:
                self._generation = None
                finish(self._taken_away)

    def _must_have_let_go(self, when: str) -> None:
        """Check that the process no longer works on partitions that it has given up, since the next owner may already do so."""
        if self.process.alive and self._observer.owned:
            self._around.find(f"{self.process.name} still works on partitions {sorted(self._observer.owned)} after {when}")

    def _make(self, partition: int) -> tuple[PartitionTask, MemoryLog]:
        log = kind_of_log(self._around.off)(self._around.partitions[partition].broker, self.process, portions(self._random))
        return make_task(self._around, partition, log, self.clock, self.process, self._observer, self._program), log
