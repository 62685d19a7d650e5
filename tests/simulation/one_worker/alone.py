"""One worker on its partition without faults, driven step by step: for tests of one behaviour each."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any, TypeVar

import msgspec

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import Mark, decode_mark
from etapa.journey.engine.judging.program import Program
from etapa.journey.ledger.tables import CampaignGroup
from etapa.journey.units import SECOND
from etapa.stream.protocol.observer import BatchCommitted, NullObserver
from etapa.stream.protocol.ports import TakeoverReason
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.protocol.tenures.task import PartitionTask
from tests.simulation.machines.loop import simulation_loop
from tests.simulation.machines.memory_log import MemoryBroker, MemoryLog
from tests.simulation.machines.memory_view import MemoryRedis, MemoryView
from tests.simulation.machines.network import SeededNetwork, Weather
from tests.simulation.machines.process import Process
from tests.simulation.worlds.scenario import PROGRAM

T = TypeVar("T")
START = 1_795_000_000 * SECOND
OPTIONS = TaskOptions(group="alone", quiet_after=20 * SECOND)
GIVES_UP_AFTER = 300.0
"""Virtual seconds that a condition may take to come true."""


class Told(NullObserver):
    """Everything that the task reported."""

    def __init__(self) -> None:
        self.batches: list[BatchCommitted] = []
        self.takeovers: list[TakeoverReason] = []
        self.finished: list[tuple[int, dict[str, int]]] = []
        self.groups: list[dict[CampaignGroup, int]] = []
        self.gone: list[int] = []
        self.disagreements: list[tuple[int, int]] = []
        self.damage: list[str] = []
        self.refusals: list[str] = []
        self.timer_failures: list[str] = []
        self.fences = 0
        self.releases = 0

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        self.takeovers.append(reason)

    def takeover_finished(self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]) -> None:
        self.finished.append((customers, dict(counts)))

    def enrolled(self, partition: int, customers: Mapping[CampaignGroup, int]) -> None:
        self.groups.append(dict(customers))

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        self.batches.append(batch)

    def fenced(self, partition: int) -> None:
        self.fences += 1

    def touchpoints_gone(self, partition: int, count: int) -> None:
        self.gone.append(count)

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None:
        self.disagreements.append((group_offset, next_offset))

    def damaged(self, partition: int, kind: str, message: str) -> None:
        self.damage.append(kind)

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None:
        self.timer_failures.append(customer_id)

    def refused(self, partition: int, message: str) -> None:
        self.refusals.append(message)

    def released(self, partition: int) -> None:
        self.releases += 1


class Alone:
    """A partition and one worker at a time. Several may follow each other on the same broker and Redis."""

    def __init__(self, options: TaskOptions = OPTIONS) -> None:
        self.options = options
        self.loop = simulation_loop(Random(1))
        self.broker = MemoryBroker()
        self.redis = MemoryRedis()
        self.told = Told()
        self.trace: list[str] = []
        self.network = SeededNetwork(Random(2), Weather())
        self.portion: Callable[[int], int] = lambda available: available
        self.skew = 0
        """By how many microseconds the worker's wall clock is ahead of the true one."""
        self.process = Process("w", self.network, self.trace.append)
        self.task = self.worker()

    def worker(self, options: TaskOptions | None = None, program: Program = PROGRAM) -> PartitionTask:
        """Start a worker now, in its own process."""
        self.process = Process("w", self.network, self.trace.append)
        log = MemoryLog(self.broker, self.process, self.portion)
        view = MemoryView(self.redis, self.process)
        self.task = PartitionTask(0, program, log, view, AloneClock(self), self.told, options or self.options, log.transfers())
        return self.task

    def now(self) -> int:
        """The true time, which is the timestamp of touchpoints."""
        return START + round(self.loop.time() * SECOND)

    def touch(self, customer_id: str, kind: str = "purchase", at: int | None = None, **fields: Any) -> int:
        """A touchpoint arrives, by default one that occurs now. Returns its offset."""
        touchpoint = {
            "id": f"e{self.broker.end_offset}",
            "customer_id": customer_id,
            "type": kind,
            "occurred_at": format_time(self.now() if at is None else at),
            **fields,
        }
        return self.broker.append(customer_id.encode(), json.dumps(touchpoint).encode(), (), self.now())

    def run(self, steps: Coroutine[Any, Any, T]) -> T:
        """Run the steps of a test."""
        result = self.loop.run_until_complete(steps)
        assert self.loop.errors == []
        return result

    async def until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition holds."""
        end = self.loop.time() + GIVES_UP_AFTER
        while not condition():
            assert self.loop.time() < end, f"did not come about; {self.told.takeovers}, log {self.last_mark()}, view {self.redis.mark}"
            await asyncio.sleep(0.001)

    async def work_until(self, condition: Callable[[], object]) -> None:
        """Run the worker until the condition holds, then stop it as the group would."""
        running = asyncio.get_running_loop().create_task(self.task.run())
        await self.until(lambda: condition() or running.done())
        self.task.request_stop()
        await running

    async def drain(self) -> None:
        """Run the worker until it has read everything."""
        await self.work_until(lambda: self.task.ready and self.drained())

    def drained(self) -> bool:
        """Whether everything that arrived was processed and is shown."""
        mark = self.last_mark()
        if mark is None or self.redis.mark is None or not self.broker.touchpoints:
            return mark is not None and self.redis.mark is not None
        return mark.through == self.broker.touchpoints[-1].offset and self.redis.mark.state_offset == self.broker.committed[-1].state_offset

    def last_mark(self) -> Mark | None:
        """The last mark in the log."""
        return decode_mark(self.broker.committed[-1].transaction.mark_value) if self.broker.committed else None

    def changes(self) -> list[StageChangeMessage]:
        """The stage changes that were published."""
        outgoing = [one for committed in self.broker.committed for one in committed.transaction.stage_changes]
        return [decode_stage_change(one.value or b"") for one in outgoing]

    def stages(self) -> dict[str, str]:
        """What the view shows."""
        return {customer_id: customer.stage for customer_id, customer in sorted(self.redis.customers.items())}

    def rewrite_mark(self, *states: Outgoing, **fields: Any) -> None:
        """Commit a mark, and states before it, as another worker would have written them."""
        last = self.broker.committed[-1].transaction
        mark = msgspec.structs.replace(decode_mark(last.mark_value), **fields)
        epoch = self.broker.fence()
        self.broker.write(epoch, msgspec.structs.replace(last, stage_changes=(), states=states, mark_value=msgspec.json.encode(mark)))
        self.broker.end(epoch)


class AloneClock:
    """The wall clock of the only process."""

    def __init__(self, alone: Alone) -> None:
        self._alone = alone
        self._process = alone.process

    def now(self) -> int:
        return self._alone.now() + self._alone.skew

    def monotonic(self) -> float:
        return self._alone.loop.time()

    async def sleep(self, seconds: float) -> None:
        await self._process.sleep(seconds)
