"""The partition tasks of one worker: started when the group assigns partitions, stopped when it revokes them, watched in between.

A partition that cannot be processed before an operator acts is left alone and checked again from time to time; any others carry
on. When the problem affects all of them, such as a changed number of partitions, all must end.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from etapa.stream.protocol.tenures.task import AllRefused, PartitionRefused, PartitionTask

_MOST_DEFECTS = 3
"""How many times a task may end with an unexpected error before the worker gives up."""
_DEFECT_PAUSE = 1.0
REFUSED_PAUSE = 10.0
"""Seconds until a refused partition is checked again: the cause may have been fixed."""

logger = logging.getLogger(__name__)


class Revocable(Protocol):
    """A partition's log that reads through a consumer shared with others."""

    def revoke(self) -> None:
        """The group has revoked the partition: nothing more is read from it, even if the shared consumer still holds records."""


MakeTask = Callable[[int], tuple[PartitionTask, Revocable]]


class PartitionTasks:
    """`make` creates a new task for a partition, with its log."""

    def __init__(self, make: MakeTask) -> None:
        self._make = make
        self._tasks: dict[int, PartitionTask] = {}
        self._logs: dict[int, Revocable] = {}
        self._runners: dict[int, asyncio.Task[None]] = {}
        self._refusals: dict[int, str] = {}
        self._stopping = asyncio.Event()
        self._closed = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with the error, once a task has ended in a way that waiting cannot fix."""

    def readiness(self) -> Mapping[int, bool]:
        """Whether each of our partitions is taken over."""
        return {partition: partition in self._tasks and self._tasks[partition].ready for partition in self._runners}

    def refused(self) -> int:
        """How many of our partitions cannot be processed before an operator acts."""
        return sum(self._is_refused(partition) for partition in self._runners)

    def done_up_to(self) -> Mapping[int, int | None]:
        """For each of our partitions, the first offset that may still be waiting; none where that is not known yet."""
        return {number: self._tasks[number].done_up_to if number in self._tasks else None for number in self._runners}

    def trouble(self, partition: int) -> str:
        """Why a partition is not ready, in words."""
        task = self._tasks.get(partition)
        if self._is_refused(partition):
            return f"refused: {self._refusals[partition]}"
        return "being taken over" if task is None or not task.trouble else f"being taken over again ({task.trouble})"

    def remark(self, partition: int) -> str:
        """What operators should know about a partition that is ready; empty when there is nothing."""
        task = self._tasks.get(partition)
        return "" if task is None else task.damage

    def start(self, partitions: Iterable[int]) -> None:
        """Take over these partitions. Earlier tasks must have been stopped. After `close` nothing is started."""
        if self._closed:
            return
        self._stopping.clear()
        for partition in sorted(partitions):
            self._runners[partition] = asyncio.create_task(self._run(partition), name=f"etapa partition {partition}")

    async def stop(self, seconds: float) -> None:
        """Let every task finish its batch, and cancel those that take longer than `seconds`, which is safe at any point."""
        self._stopping.set()
        for task in self._tasks.values():
            task.request_stop()
        runners = list(self._runners.values())
        if runners:
            _, late = await asyncio.wait(runners, timeout=seconds)
            if late:
                logger.warning("%d partition(s) did not finish within %g s and are left as they are", len(late), seconds)
            for runner in runners:
                # In the order of the partitions, so that a seed always gives the same run.
                if runner in late:
                    runner.cancel()
            if late:
                await asyncio.wait(late)
        for log in self._logs.values():
            log.revoke()
        self._tasks.clear()
        self._refusals.clear()
        self._logs.clear()
        self._runners.clear()

    async def close(self, seconds: float) -> None:
        """Stop for good: an assignment that arrives while the consumer is leaving must not start anything."""
        self._closed = True
        await self.stop(seconds)

    async def _run(self, partition: int) -> None:
        defects = 0
        while not self._stopping.is_set():
            task, self._logs[partition] = self._make(partition)
            self._tasks[partition] = task
            try:
                await task.run()
                return
            except PartitionRefused as refusal:
                self._refusals[partition] = str(refusal)
                del self._tasks[partition]
                if isinstance(refusal, AllRefused):
                    self._end(refusal)
                    return
                await self._pause(REFUSED_PAUSE)
            except Exception as defect:  # the other partitions must not suffer
                defects += 1
                logger.exception("partition %d: a bug in Etapa ended its task (%d)", partition, defects)
                if defects >= _MOST_DEFECTS:
                    self._end(defect)
                    return
                await self._pause(_DEFECT_PAUSE)

    def _is_refused(self, partition: int) -> bool:
        """Whether it was refused last time and has not been ready since."""
        return partition in self._refusals and not (partition in self._tasks and self._tasks[partition].was_ready)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until we are stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _end(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
            # Marks it as retrieved: if nothing watches any more, it has been logged already.
            self.ended.exception()
