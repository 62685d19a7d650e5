"""A worker process that is a member of a consumer group: the real supervision of partition tasks, told what to do by the group.

It does what the worker's rebalance listener does: stop everything when partitions are taken away, start when they are given.
"""

import asyncio
from functools import partial
from random import Random

from etapa.journey.engine.program import Program
from etapa.stream.partition_tasks import PartitionTasks
from etapa.stream.ports import LogError
from etapa.stream.task import PartitionRefused, PartitionTask
from tests.simulation.controls import kind_of_log
from tests.simulation.group import Assignment, Group, UnknownMember
from tests.simulation.memory_log import MemoryLog, no_answer
from tests.simulation.process import Killed, Process
from tests.simulation.worker import Bookkeeper, ProcessClock, Surroundings, make_task, portions

HEARTBEAT = 1.0
LOOK_EVERY = 0.1


class Member:
    """A process with tasks for whatever it is given, from the moment it is made until it is asked to leave, or dies."""

    def __init__(
        self, around: Surroundings, group: Group, process: Process, random: Random, skew: int, program: Program, stop_seconds: float
    ) -> None:
        self._around = around
        self._group = group
        self.process = process
        self.clock = ProcessClock(around, process, skew)
        self._random = random
        self._program = program
        self._stop_seconds = stop_seconds
        self._observer = Bookkeeper(around)
        self._leaving = False
        self._generation: int | None = None
        """Of the assignment at hand; none when it is to be given up."""
        self._tasks: PartitionTasks | None = None
        self.ended = around.loop.create_task(self._run(), name=process.name)

    def request_stop(self) -> None:
        """Somebody wants the worker to end. A sleeping process hears of it when it wakes up."""
        self._leaving = True

    @property
    def leaving(self) -> bool:
        """Whether it was asked to end."""
        return self._leaving

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
        self._tasks = tasks = PartitionTasks(self._make)
        beating = asyncio.create_task(self._beat())
        try:
            while not self._leaving:
                assignment = await self._join()
                if assignment is not None:
                    tasks.start(assignment.partitions)
                    await self._stay(tasks)
                    await tasks.stop(self._stop_seconds)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await tasks.close(self._stop_seconds)
        try:
            await self.process.call("leave", lambda: self._group.leave(self.process.name), no_answer)
        except LogError:
            self._around.note(f"{self.process.name} leaves without a word")

    async def _join(self) -> Assignment | None:
        """What the group gives us; none when it did not come to that."""
        try:
            await self.process.call("join", lambda: self._group.join(self.process.name), no_answer)
            while not self._leaving:
                assignment = await self.process.call("sync", lambda: self._group.sync(self.process.name), no_answer)
                if assignment is not None:
                    self._generation = assignment.generation
                    return assignment
                await self.process.sleep(LOOK_EVERY)
        except (LogError, UnknownMember):
            await self.process.sleep(HEARTBEAT)
        return None

    async def _stay(self, tasks: PartitionTasks) -> None:
        """Until we are to leave, or the group gives partitions anew. Raises when a task gave up."""
        while not self._leaving and self._generation is not None:
            if tasks.ended.done():
                tasks.ended.result()
            await self.process.sleep(LOOK_EVERY)

    async def _beat(self) -> None:
        while True:
            await self.process.sleep(HEARTBEAT)
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

    def _make(self, partition: int) -> tuple[PartitionTask, MemoryLog]:
        log = kind_of_log(self._around.off)(self._around.partitions[partition].broker, self.process, portions(self._random))
        return make_task(self._around, partition, log, self.clock, self.process, self._observer, self._program), log
