"""The safeties of the partition protocol, and the ways to do without one. With any of them off the checker must find something.

Three of them are the servers' and are switched off there (`MemoryBroker.fencing` and `tells_hanging`, `MemoryRedis.chained`); the
others are the task's, and what stands here takes the place of the part that keeps them.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from etapa.stream.ports import Applied, ApplyOutcome, Loaded, TakeoverReason, Transaction, ViewMark
from etapa.stream.stream_time import QuietPace
from etapa.stream.takeover import TakenOver
from etapa.stream.task import PartitionTask
from etapa.stream.tenure import Tenure
from tests.simulation.memory_log import MemoryLog, no_answer
from tests.simulation.memory_view import MemoryView

Safety = Literal["kafka_fence", "settled", "chain", "load_mark", "retake", "stream_time", "dead_letters"]
SAFETIES: tuple[Safety, ...] = get_args(Safety)


class TrustingView(MemoryView):
    """Without the mark with every load: whatever is loaded passes for what was expected."""

    _expected: ViewMark | None = None

    async def mark(self) -> ViewMark | None:
        self._expected = await super().mark()
        return self._expected

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int) -> Loaded:
        loaded = await super().load(customer_ids, due_by, due_limit)
        return msgspec.structs.replace(loaded, mark=self._expected)

    async def apply(self, follows: int | None, mark: ViewMark, customers: Sequence[Applied]) -> ApplyOutcome:
        outcome = await super().apply(follows, mark, customers)
        if outcome != "refused":
            self._expected = mark
        return outcome


class ApartLog(MemoryLog):
    """Without dead letters in the transaction: they are published by themselves, before it is committed."""

    async def commit(self, transaction: Transaction) -> int:
        letters = transaction.dead_letters
        if letters:
            await self._process.call("publish", lambda: self._broker.dead_letters.extend(letters), no_answer)
        return await super().commit(msgspec.structs.replace(transaction, dead_letters=()))


class LeavingTask(PartitionTask):
    """Without taking over again: after any doubt the partition is left to somebody else, who does not come."""

    async def _leave(self, reason: TakeoverReason, cause: str, failures: int, at_least: float) -> None:
        await self._around.log.close()
        self.request_stop()


class HastyTask(PartitionTask):
    """Without stream time for timers: whenever nothing waits to be read, they fire by the wall clock."""

    def _begin(self, taken: TakenOver) -> Tenure:
        tenure = super()._begin(taken)
        tenure._pace = WallClock(self._around.options.quiet_after, self._around.clock.monotonic())
        return tenure


class WallClock(QuietPace):
    """Time goes on as it does for everybody."""

    def position(self, stream_time: int | None, wall: int, monotonic: float) -> int | None:
        return None if stream_time is None else max(stream_time, wall)


def kind_of_task(off: frozenset[Safety]) -> type[PartitionTask]:
    """The task with these safeties off."""
    if "retake" in off:
        return LeavingTask
    return HastyTask if "stream_time" in off else PartitionTask


def kind_of_view(off: frozenset[Safety]) -> type[MemoryView]:
    """The view with these safeties off."""
    return TrustingView if "load_mark" in off else MemoryView


def kind_of_log(off: frozenset[Safety]) -> type[MemoryLog]:
    """The log with these safeties off."""
    return ApartLog if "dead_letters" in off else MemoryLog
