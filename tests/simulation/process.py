"""A worker process as the rest of the world sees it: it can die, stop for a while and wake up, and its calls take time.

A call has three moments: it is sent, it takes effect at the server, and its answer arrives. Between any two of them the
process may die or sleep; what was sent may take effect long after its sender is gone.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone. Not an `Exception`: nothing that a dying process runs may catch it."""


When = Literal["before", "after"]


class Network(Protocol):
    """How long calls take and what goes wrong with them."""

    def delays(self, process: "Process", call: str) -> tuple[float, float]:
        """Seconds until the effect, and from there to the answer."""

    def lost(self, process: "Process", call: str) -> Literal["request", "answer"] | None:
        """Whether the caller gets an error instead of an answer, and on which way it was lost."""

    def kills(self, process: "Process", call: str, number: int, when: When) -> bool:
        """Whether the process dies now, before its call of this number (from 0) is sent or after it took effect."""

    def survives(self, process: "Process", call: str) -> bool:
        """Whether a call on its way takes effect although its sender has died."""


def finish(future: "asyncio.Future[None]") -> None:
    """Let whoever waits for `future` go on, if nobody has done so."""
    if not future.done():
        future.set_result(None)


class Process:
    """One worker process. Its ports do everything through `call`."""

    def __init__(self, name: str, network: Network, trace: Callable[[str], None]) -> None:
        self.name = name
        self.alive = True
        self._network = network
        self._trace = trace
        # A dict for its order: what is done first must not depend on where in memory things lie.
        self._pending: dict[asyncio.Future[None], None] = {}
        self._asleep_until = 0.0
        self._calls = 0

    def kill(self) -> None:
        """Die. Whatever the process waits for never arrives."""
        if not self.alive:
            return
        self.alive = False
        self._trace(f"{self.name} dies")
        for future in list(self._pending):
            if not future.done():
                future.set_exception(Killed)
        self._pending.clear()

    def sleep_until(self, time: float) -> None:
        """Stop as a whole (as SIGSTOP does): nothing of the process runs before `time`."""
        self._asleep_until = max(self._asleep_until, time)
        self._trace(f"{self.name} sleeps")

    async def call(self, name: str, effect: Callable[[], T], error: Callable[[], Exception]) -> T:
        """Let `effect` happen at the server and give what it gives; `error()` is raised when request or answer is lost."""
        self._check()
        if self._asleep_until > asyncio.get_running_loop().time():
            # Another task of the process has something to send, which a stopped process cannot.
            await self.sleep(0)
        number = self._calls
        self._calls += 1
        if self._network.kills(self, name, number, "before"):
            self.kill()
            raise Killed
        there, back = self._network.delays(self, name)
        lost = self._network.lost(self, name)
        outcome: list[T | Exception] = []
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take_effect() -> None:
            if lost != "request" and (self.alive or self._network.survives(self, name)):
                try:
                    outcome.append(effect())
                except Exception as raised:  # noqa: BLE001 - it is the answer
                    outcome.append(raised)
                self._trace(f"{self.name} {name} {'fails' if isinstance(outcome[0], Exception) else 'done'}")
            if self.alive and self._network.kills(self, name, number, "after"):
                self.kill()
            finish(arrived)

        asyncio.get_running_loop().call_later(there, take_effect)
        await self._wait(arrived)
        await self.sleep(back)
        if lost:
            self._trace(f"{self.name} {name} {lost} lost")
            raise error()
        (answer,) = outcome
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float, until: "asyncio.Future[None] | None" = None) -> None:
        """Wait in virtual time, or until `until` is done before, and in any case until the process is awake."""
        self._check()
        loop = asyncio.get_running_loop()
        while True:
            future: asyncio.Future[None] = until or loop.create_future()
            loop.call_later(seconds, finish, future)
            await self._wait(future)
            until = None
            seconds = self._asleep_until - loop.time()
            if seconds <= 0:
                return

    async def _wait(self, future: asyncio.Future[None]) -> None:
        self._pending[future] = None
        try:
            await future
        finally:
            self._pending.pop(future, None)
        self._check()

    def _check(self) -> None:
        if not self.alive:
            raise Killed
