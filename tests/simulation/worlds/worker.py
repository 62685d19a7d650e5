"""A worker process that owns one partition, and the core of every simulated worker process: the real task on in-memory ports."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

import msgspec

from etapa.journey.engine.judging.program import Program
from etapa.stream.protocol.observer import BatchCommitted, NullObserver
from etapa.stream.protocol.ports import Log, TakeoverReason
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.protocol.tenures.task import PartitionRefused, PartitionTask
from tests.simulation.checking.controls import Safeguard, kind_of_log, kind_of_task, kind_of_view
from tests.simulation.machines.loop import SimulationLoop
from tests.simulation.machines.memory_log import MemoryLog
from tests.simulation.machines.process import Killed, Process
from tests.simulation.worlds.scenario import PROGRAM
from tests.simulation.worlds.watched import WatchedPartition


class RunContext(msgspec.Struct, frozen=True):
    """What the workers of a run share."""

    loop: SimulationLoop
    partitions: Sequence[WatchedPartition]
    options: TaskOptions
    now: Callable[[], int]
    note: Callable[[str], None]
    find: Callable[[str], None]
    events: Counter[str]
    off: frozenset[Safeguard]
    step_in: Callable[[int, str], bool]
    """Do what the refusal of a partition asks of an operator, in runs that may need it."""


class ProcessClock:
    """The wall clock as a process sees it. `skew` is its error in microseconds."""

    def __init__(self, around: RunContext, process: Process, skew: int) -> None:
        self.skew = skew
        self._around = around
        self._process = process

    def now(self) -> int:
        return self._around.now() + self.skew

    def monotonic(self) -> float:
        return self._around.loop.time()

    async def sleep(self, seconds: float) -> None:
        await self._process.sleep(seconds)


class Bookkeeper(NullObserver):
    """Counts events, and checks that every record of a batch is accounted for and that a process reports only on its own partitions."""

    def __init__(self, around: RunContext) -> None:
        self._around = around
        self._owned: set[int] = set()

    @property
    def owned(self) -> Collection[int]:
        """The partitions that the process has reported on and not released."""
        return self._owned

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        if reason == "assigned" and partition in self._owned:
            self._around.find(f"partition {partition} is processed twice in one process")
        self._owned.add(partition)
        self._around.events[f"takeover: {reason}"] += 1
        self._around.note(f"takeover: {reason}")

    def takeover_finished(self, partition: int, *_: object) -> None:
        self._must_be_owned(partition, "ready")

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        self._must_be_owned(partition, "committed")
        unusable, source = sum(batch.dead_letters.values()), batch.source
        if source is not None:
            unusable = source.rejected + sum(source.skipped.values())
        accounted = batch.applied + batch.duplicates + unusable + batch.forwarded + batch.forgotten + batch.forget_requests
        if accounted != batch.arrivals.count:
            self._around.find(f"{accounted} records are accounted for, {batch.arrivals.count} were read")
        self._around.events["touchpoints"] += batch.arrivals.count
        self._around.events["duplicates"] += batch.duplicates
        self._around.events["forwarded"] += batch.forwarded
        self._around.events["timers"] += batch.timers_fired
        self._around.events["dead letters"] += sum(batch.dead_letters.values())
        self._around.events["cannot be judged"] += batch.dead_letters.get("evaluation_failed", 0)
        self._around.events["of the forgotten"] += batch.forgotten
        self._around.events["changes"] += batch.changes.total
        self._around.events["triggers"] += sum(
            number for (_, outcome), number in batch.changes.offers.items() if outcome in ("published", "holdout")
        )

    def view_applied(self, partition: int, delay: float, apply: float) -> None:
        self._must_be_owned(partition, "shown")

    def fenced(self, partition: int) -> None:
        self._around.events["fenced"] += 1

    def damaged(self, partition: int, kind: str, message: str) -> None:
        self._around.events[f"damage: {kind}"] += 1
        self._around.note(f"damage: {message}")

    def refused(self, partition: int, message: str) -> None:
        self._around.events["refused"] += 1
        if not self._around.step_in(partition, message):
            self._around.find(f"partition {partition} is refused: {message}")

    def released(self, partition: int) -> None:
        self._owned.discard(partition)

    def _must_be_owned(self, partition: int, what: str) -> None:
        if partition not in self._owned:
            self._around.find(f"partition {partition} is said to be {what} after it was released")


def make_task(
    around: RunContext, partition: int, log: Log, clock: ProcessClock, process: Process, observer: Bookkeeper, program: Program
) -> PartitionTask:
    """The real task, without the safeguards that are off."""
    view = kind_of_view(around.off)(around.partitions[partition].redis, process)
    transfers = log.transfers() if isinstance(log, MemoryLog) else None
    return kind_of_task(around.off)(partition, program, log, view, clock, observer, around.options, transfers)


def portions(random: Random) -> Callable[[int], int]:
    """How many of the waiting records arrive at once."""
    return lambda available: random.randint(min(available, 1), available)


class SimulatedWorker:
    """A process whose only task is that of partition 0, from its creation on."""

    def __init__(self, around: RunContext, process: Process, random: Random, skew: int = 0, program: Program = PROGRAM) -> None:
        self.around = around
        self.process = process
        self.clock = ProcessClock(around, process, skew)
        self._task = make_task(around, 0, self.make_log(portions(random)), self.clock, process, Bookkeeper(around), program)
        self.ended = self.start()

    def make_log(self, portion: Callable[[int], int]) -> Log:
        """The process's access to the log."""
        return kind_of_log(self.around.off)(self.around.partitions[0].broker, self.process, portion)

    def start(self) -> "asyncio.Task[None]":
        """Begin."""
        return self.around.loop.create_task(self.run(), name=self.process.name)

    @property
    def ready(self) -> bool:
        """Whether the worker lives and has taken the partition over."""
        return self.process.alive and self._task.ready

    def request_stop(self) -> None:
        """The group revokes the partition. A frozen process learns of it when it wakes up."""
        self._task.request_stop()

    async def run(self) -> None:
        """Its whole life."""
        try:
            await self._task.run()
        except Killed:
            self.around.events["died"] += 1
        except PartitionRefused:
            # It has nothing else to do, so it ends.
            self.process.kill()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.around.find(f"{self.process.name} ended with {error!r}")
