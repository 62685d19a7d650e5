"""An event loop that owns time and interleaving.

Time stands still while anything can run, and then jumps to whatever is scheduled next, so a day takes no longer than what
happens in it. The seed decides which of several runnable callbacks goes first: asyncio promises no order between tasks, so
correct code must not depend on one.
"""

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple, cast

from tests.simulation.machines.process import Killed

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stuck(Exception):
    """Nothing can run and nothing is scheduled, but the end was not reached."""


class _Callback:
    """What asyncio needs of a handle. Millions are made; with asyncio's own, a run would take a fifth longer."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...], context: Context | None) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class SimulationLoop(asyncio.AbstractEventLoop):
    """Just enough of an event loop for tasks, futures and timers. `time()` is virtual and starts at 0."""

    wakes_at: Callable[[Context], float] | None = None
    """When the process of a callback runs again, where processes can be frozen."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._now = 0.0
        self._runnable: list[_Callback] = []
        self._scheduled: list[tuple[float, int, _Callback]] = []
        self._numbered = 0
        self.errors: list[str] = []
        """What asyncio reported as unnoticed, such as an exception that was never retrieved."""

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> asyncio.Handle:
        handle = _Callback(callback, args, context)
        self._runnable.append(handle)
        return cast("asyncio.Handle", handle)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> asyncio.TimerHandle:
        handle = _Callback(callback, args, context)
        self._numbered += 1
        heapq.heappush(self._scheduled, (when, self._numbered, handle))
        return cast("asyncio.TimerHandle", handle)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the stub of 3.11 has another order of overloads
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def run_until_complete(self, future: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]  # coroutines only
        """Run until `future` is done and return its result. Raises `Stuck`."""
        events._set_running_loop(self)
        try:
            task = self.create_task(future)
            while not task.done():
                self._run_one()
            return task.result()
        finally:
            events._set_running_loop(None)

    def _run_one(self) -> None:
        runnable = self._runnable
        if not runnable:
            scheduled = self._scheduled
            if not scheduled:
                raise Stuck("nothing is left to run")
            self._now = now = max(self._now, scheduled[0][0])
            while scheduled and scheduled[0][0] <= now:
                runnable.append(heapq.heappop(scheduled)[2])
        handle = runnable.pop(self._random.randrange(len(runnable)) if len(runnable) > 1 else 0)
        if handle.is_cancelled:
            return
        if self.wakes_at is not None and (wakes_at := self.wakes_at(handle.context)) > self._now:
            self._numbered += 1
            heapq.heappush(self._scheduled, (wakes_at, self._numbered, handle))
            return
        try:
            handle.context.run(handle.callback, *handle.args)
        except Exception as error:  # noqa: BLE001 - told as asyncio tells it
            self.call_exception_handler({"message": f"error in {handle.callback!r}", "exception": error})

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), Killed):
            return
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


def simulation_loop(random: Random) -> SimulationLoop:
    """A loop whose interleaving `random` decides."""
    return SimulationLoop(random)  # type: ignore[abstract]  # sockets, signals, threads and processes have no place in it
