"""A worker process in the simulation: the real task on in-memory ports, and the ways to switch its safeties off."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

import msgspec

from etapa.journey.engine.program import Program
from etapa.stream.observer import BatchCommitted, NullObserver
from etapa.stream.options import TaskOptions
from etapa.stream.ports import Applied, ApplyOutcome, Loaded, TakeoverReason, ViewMark
from etapa.stream.task import PartitionRefused, PartitionTask
from tests.simulation.loop import SimulationLoop
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from tests.simulation.memory_view import MemoryRedis, MemoryView
from tests.simulation.process import Killed, Process
from tests.simulation.scenario import PROGRAM

Safety = Literal["kafka_fence", "settled", "chain", "load_mark", "retake"]
SAFETIES: tuple[Safety, ...] = ("kafka_fence", "settled", "chain", "load_mark", "retake")


class Surroundings(msgspec.Struct, frozen=True):
    """What the workers of a run share."""

    loop: SimulationLoop
    broker: MemoryBroker
    redis: MemoryRedis
    options: TaskOptions
    now: Callable[[], int]
    note: Callable[[str], None]
    wrong: list[str]
    events: Counter[str]
    off: frozenset[Safety]
    step_in: Callable[[PartitionRefused], bool]
    """Do what a refusal asks an operator for, if the run is one that may need it."""


class Worker:
    """A process with a task in it, from the moment it is made."""

    def __init__(self, around: Surroundings, process: Process, random: Random, skew: int = 0, program: Program = PROGRAM) -> None:
        self._around = around
        self.process = process
        self.skew = skew
        """By how many microseconds the process's wall clock is wrong."""
        log = MemoryLog(around.broker, process, lambda available: random.randint(min(available, 1), available))
        view = (TrustingView if "load_mark" in around.off else MemoryView)(around.redis, process)
        kind = LeavingTask if "retake" in around.off else PartitionTask
        self._task = kind(0, program, log, view, ProcessClock(around, self), Bookkeeper(around), around.options)
        self.ended = around.loop.create_task(self._run(), name=process.name)

    @property
    def ready(self) -> bool:
        """Whether the worker lives and has taken the partition over."""
        return self.process.alive and self._task.ready

    def request_stop(self) -> None:
        """The group tells the process that the partition is another's. A sleeping process hears of it when it wakes up."""
        self._task.request_stop()

    async def _run(self) -> None:
        try:
            await self._task.run()
        except Killed:
            self._around.events["died"] += 1
        except PartitionRefused as refusal:
            self._around.events["refused"] += 1
            if not self._around.step_in(refusal):
                self._around.wrong.append(f"{self.process.name} refuses: {refusal}")
            self.process.kill()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._around.wrong.append(f"{self.process.name} ended with {error!r}")


class ProcessClock:
    """The wall clock as a process sees it."""

    def __init__(self, around: Surroundings, worker: Worker) -> None:
        self._around = around
        self._worker = worker

    def now(self) -> int:
        return self._around.now() + self._worker.skew

    def monotonic(self) -> float:
        return self._around.loop.time()

    async def sleep(self, seconds: float) -> None:
        await self._worker.process.sleep(seconds)


class Bookkeeper(NullObserver):
    """Counts what happens, and sees that every record of a batch is accounted for."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        self._around.events[f"takeover: {reason}"] += 1
        self._around.note(f"takeover: {reason}")

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        accounted = batch.applied + batch.duplicates + sum(batch.dead_letters.values())
        if accounted != len(batch.records):
            self._around.wrong.append(f"{accounted} records are accounted for, {len(batch.records)} were read")
        self._around.events["touchpoints"] += len(batch.records)
        self._around.events["timers"] += batch.timers_fired
        self._around.events["dead letters"] += sum(batch.dead_letters.values())
        self._around.events["cannot be judged"] += batch.dead_letters.get("evaluation_failed", 0)
        self._around.events["changes"] += len(batch.changes)


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


class LeavingTask(PartitionTask):
    """Without taking over again: after any doubt the partition is left to somebody else, who does not come."""

    async def _leave(self, reason: TakeoverReason, cause: str, failures: int, at_least: float) -> None:
        await self._around.log.close()
        self.request_stop()
