"""Judges the waiting records in portions, and keeps a record that fails from leaving a customer half changed."""

import logging
from collections.abc import Callable

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.batch import Pause
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.waiting import CannotJudge, Waiting

TOLD_AT_ONCE = 64
"""Touchpoints. Few enough for a processor's first cache, and enough for the calls between to cost nothing."""

logger = logging.getLogger(__name__)


class Judge:
    """Judges in the order of the log. After a failure it is careful: it tries each touchpoint on a copy of its customer first."""

    def __init__(self, around: TaskContext, pause: Pause, tell: Callable[[], None]) -> None:
        """`tell`: called every few touchpoints, so that what they made is told while it is at hand in the processor's caches."""
        self._around = around
        self._pause = pause
        self._tell = tell
        self.is_careful = False
        """Whether some waiting records, or those just before them, could not be judged."""
        self._sound: Touchpoint | None = None
        """A touchpoint that was rehearsed and will not fail: timers before it may be committed without it."""

    async def judge(self, engine: Partition, waiting: Waiting, count: int, wall: int) -> tuple[int, list[tuple[Record, Rejected]]]:
        """Judge the first `count` waiting records, or fewer if enough timers fire before them to fill a batch.

        Returns how many were judged, and those of them that cannot be used. Raises `CannotJudge`; then `engine` must be discarded.
        """
        options = self._around.options
        unusable: list[tuple[Record, Rejected]] = []
        taken = 0
        while taken < count:
            stop = min(taken + options.pause_every, count)
            if self.is_careful:
                taken = await self._take_carefully(engine, waiting, taken, stop, wall, unusable)
            else:
                taken = self._take(engine, waiting, taken, stop, wall, unusable)
            await self._pause()
            if taken < stop and engine.fired >= options.max_fired:
                # A record that cannot be judged changes no customer, so it must not fire timers either.
                await self._rehearse(engine, waiting, taken, wall)
                break
        return taken, unusable

    def tell_of_failure(self, waiting: Waiting, position: int, failure: CannotJudge) -> None:
        """Log that the record at `position` cannot be judged; the cause is logged only at level debug."""
        item = waiting.item(position)
        who = {"customer_id": item.customer_id} if isinstance(item, Touchpoint) else {}
        logger.warning(
            "partition %d: judging the touchpoint at offset %d failed: %s",
            self._around.partition,
            waiting.records[position].offset,
            failure,
            extra=who,
        )
        logger.debug("what was raised", exc_info=failure.__cause__, extra=who)

    def _take(self, engine: Partition, waiting: Waiting, start: int, stop: int, wall: int, unusable: list[tuple[Record, Rejected]]) -> int:
        while start < stop:
            end = min(start + TOLD_AT_ONCE, stop)
            taken = waiting.take(engine, start, end, wall, unusable)
            self._tell()
            if taken < end:
                return taken
            start = end
        return stop

    async def _take_carefully(
        self, engine: Partition, waiting: Waiting, start: int, stop: int, wall: int, unusable: list[tuple[Record, Rejected]]
    ) -> int:
        for position in range(start, stop):
            try:
                await self._rehearse(engine, waiting, position, wall)
            except CannotJudge as failure:
                self.tell_of_failure(waiting, position, failure)
                unusable.append((waiting.records[position], rejected("evaluation_failed", str(failure))))
                continue
            if waiting.take(engine, position, position + 1, wall, unusable) == position:
                return position
        return stop

    async def _rehearse(self, engine: Partition, waiting: Waiting, position: int, wall: int) -> None:
        """Raise `CannotJudge` if judging would fail. It is tried on a copy, so that nothing is left half done."""
        touchpoint = waiting.item(position)
        if not isinstance(touchpoint, Touchpoint) or touchpoint is self._sound or engine.denies(touchpoint, wall):
            return
        rehearsal = engine.rehearsal(touchpoint, wall)
        try:
            while not rehearsal.go_on():
                await self._pause()
        except EvaluationFailed as failure:
            raise CannotJudge(position, str(failure)) from failure
        self._sound = touchpoint
