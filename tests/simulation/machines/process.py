"""A worker process as seen from outside: it can die, freeze for a while and wake up, and its calls take time.

A call has three moments: it is sent, it takes effect at the server, and its answer arrives. Between any two of them the
process may die or freeze; what was sent may take effect long after its sender is gone.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone. Not an `Exception`: no code in a dying process may catch it."""


When = Literal["before", "after"]


class SimulatedNetwork(Protocol):
    """How long calls take and what goes wrong with them."""

    def delays(self, process: "Process", call: str) -> tuple[float, float]:
        """Seconds until the effect, and from the effect to the answer."""

    def lost(self, process: "Process", call: str) -> Literal["request", "answer"] | None:
        """Whether the caller gets an error instead of an answer, and whether the request or the answer was lost."""

    def kills(self, process: "Process", call: str, number: int, when: When) -> bool:
        """Whether the process dies now, before its call of this number (from 0) is sent or after it took effect."""

    def survives(self, process: "Process", call: str) -> bool:
        """Whether a call on its way takes effect after its sender has died."""


def finish(future: "asyncio.Future[None]") -> None:
    """Complete `future`, unless that has been done already."""
    if not future.done():
        future.set_result(None)


SLOW = 0.5
"""Seconds that a call may take before it counts as a slow one."""


class Process:
    """One worker process. Its ports do everything through `call`. `events` counts what happens to it and to its calls."""

    def __init__(self, name: str, network: SimulatedNetwork, trace: Callable[[str], None], events: Counter[str] | None = None) -> None:
        self.name = name
        self.alive = True
        self.events: Counter[str] = Counter() if events is None else events
        self._network = network
        self._trace = trace
        # A dict for its order: nothing may depend on memory addresses.
        self._pending: dict[asyncio.Future[None], None] = {}
        self._asleep_until = 0.0
        self._calls = 0
        self._under_way: dict[int, str] = {}

    @property
    def calls_under_way(self) -> Collection[str]:
        """The names of the calls that it waits for."""
        return self._under_way.values()

    def kill(self) -> None:
        """Die. Nothing that the process waits for arrives any more."""
        if not self.alive:
            return
        self.alive = False
        self._trace(f"{self.name} dies")
        self.events.update(f"dies in {call}" for call in self._under_way.values())
        for future in list(self._pending):
            if not future.done():
                future.set_exception(Killed)
        self._pending.clear()

    def sleep_until(self, time: float) -> None:
        """Freeze (as SIGSTOP does): nothing in the process runs before `time`."""
        self._asleep_until = max(self._asleep_until, time)
        self._trace(f"{self.name} sleeps")

    async def call(self, name: str, effect: Callable[[], T], error: Callable[[], Exception]) -> T:
        """Let `effect` happen at the server and return its result; raises `error()` if the request or the answer is lost."""
        self._check()
        if self._asleep_until > asyncio.get_running_loop().time():
            # Another task of the process wants to send something, which a frozen process cannot.
            await self.sleep(0)
        number = self._calls
        self._calls += 1
        self._under_way[number] = name
        if self._network.kills(self, name, number, "before"):
            self.kill()
            raise Killed
        there, back = self._network.delays(self, name)
        lost = self._network.lost(self, name)
        self.events["slow call"] += there + back > SLOW
        outcome: list[T | Exception] = []
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()

        def take_effect() -> None:
            if lost != "request" and (self.alive or self._network.survives(self, name)):
                try:
                    outcome.append(effect())
                except Exception as raised:  # noqa: BLE001 - it is the answer
                    outcome.append(raised)
                self._trace(f"{self.name} {name} {'fails' if isinstance(outcome[0], Exception) else 'done'}")
            if self.alive and self._network.kills(self, name, number, "after"):
                self.kill()
            loop.call_later(back, finish, answered)

        loop.call_later(there, take_effect)
        try:
            await self._wait(answered)
        finally:
            del self._under_way[number]
        if self._asleep_until > loop.time():
            await self.sleep(0)
        if lost:
            self.events[f"{lost} lost"] += 1
            self.events[f"{lost} lost: {name}"] += 1
            self._trace(f"{self.name} {name} {lost} lost")
            raise error()
        (answer,) = outcome
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float, until: "asyncio.Future[None] | None" = None) -> None:
        """Wait in virtual time, or until `until` is done if that is sooner; in any case until the process is awake."""
        self._check()
        if seconds > 0 or until is not None:
            await self._wait_at_most(seconds, until)
        else:
            await asyncio.sleep(0)
            self._check()
        while (left := self._asleep_until - asyncio.get_running_loop().time()) > 0:
            await self._wait_at_most(left)

    async def _wait_at_most(self, seconds: float, until: "asyncio.Future[None] | None" = None) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = until or loop.create_future()
        loop.call_later(seconds, finish, future)
        await self._wait(future)

    async def wait_for(self, news: "asyncio.Future[None]") -> None:
        """Wait until `news` is done, and in any case until the process is awake."""
        self._check()
        await self._wait(news)
        await self.sleep(0)

    async def _wait(self, future: "asyncio.Future[None]") -> None:
        self._pending[future] = None
        try:
            await future
        finally:
            self._pending.pop(future, None)
        self._check()

    def _check(self) -> None:
        if not self.alive:
            raise Killed
