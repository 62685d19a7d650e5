"""The simulation's event loop for processes with tasks of which they do not know: those that aiokafka starts.

A task belongs to the process that its context names. A frozen process runs nothing until it wakes up, wherever it was. When a process is
killed, all its tasks are cancelled, and nothing that they do while they end has any effect outside.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

from tests.simulation.machines.loop import SimulationLoop
from tests.simulation.machines.process import Process, SimulatedNetwork

T = TypeVar("T")
_MOST_TASKS = 500


class TaskedProcess(Process):
    """A worker process with all its tasks."""

    def __init__(self, name: str, network: SimulatedNetwork, trace: Callable[[str], None], events: Any) -> None:
        super().__init__(name, network, trace, events)
        self.awake_at = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self.on_kill: list[Callable[[], None]] = []
        self.context = copy_context()
        self.context.run(RUNNING.set, self)

    def sleep_until(self, time: float) -> None:
        super().sleep_until(time)
        self.awake_at = max(self.awake_at, time)

    def kill(self) -> None:
        if not self.alive:
            return
        super().kill()
        for tell in self.on_kill:
            tell()
        for task in self.tasks:
            task.cancel()
        self.tasks.clear()

    def own(self, task: "asyncio.Task[Any]") -> None:
        """Another task of the process."""
        if len(self.tasks) > _MOST_TASKS:
            self.tasks = [one for one in self.tasks if not one.done()]
        self.tasks.append(task)


RUNNING: ContextVar[TaskedProcess | None] = ContextVar("running", default=None)


def tasks_of_the_process() -> list[asyncio.Task[Any]]:
    """All tasks of the running process; asyncio would return those of all runs since the last garbage collection."""
    process = RUNNING.get()
    return [] if process is None else [task for task in process.tasks if not task.done()]


class ProcessLoop(SimulationLoop):
    """Knows which process each callback belongs to."""

    def create_task(  # type: ignore[override]  # as in SimulationLoop
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        task = super().create_task(coro, name=name, context=context)
        process = RUNNING.get() if context is None else context.get(RUNNING)
        if process is not None:
            process.own(task)
            if not process.alive:
                # Started by something that is ending.
                task.cancel()
        return task

    def wakes_at(self, context: Context) -> float:
        process = context.get(RUNNING)
        return 0.0 if process is None or not process.alive else process.awake_at


def process_loop(random: Random) -> ProcessLoop:
    """A loop whose interleaving `random` decides."""
    return ProcessLoop(random)  # type: ignore[abstract]  # as in SimulationLoop
