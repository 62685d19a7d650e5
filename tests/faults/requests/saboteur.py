"""One act against one producer, once: takes a request as it passes, and delivers it when the moment has come."""

import asyncio
import contextlib
import time
from random import Random

from tests.faults.requests.acts import ENDS, Act
from tests.faults.requests.crossing import Connection
from tests.faults.requests.frames import ApiKey, SentRequest

_WITHIN_A_TRANSACTION = 0.05
"""Seconds that a small transaction takes, roughly."""
_FIRST_SECONDS = 1.0
"""Seconds for which the second write is held back for the first. A producer waits longer for a response."""


class Saboteur:
    """Strikes soon after it was told to watch. Its progress may be read from any thread."""

    def __init__(self, act: Act, states: str, changes: str, session: float, random: Random, skip: int = 0) -> None:
        """`states` and `changes` are topics; `session` is the workers' session, in seconds. The first `skip` requests of the kind pass."""
        self.act = act
        self._random = random
        self._writes = (states, changes) if act.moment == "states-first" else (changes, states)
        # Longer than a producer waits for a response, shorter than the session.
        self._slowness = random.uniform(0.5, 0.75) * session
        self._to_skip = skip
        self._kept: tuple[SentRequest, Connection] | None = None
        self._is_next = False
        self._is_due = False
        self._first_write = asyncio.Event()
        self._late: asyncio.Task[None] | None = None
        self.struck_at: float | None = None
        """When the request was taken, by the monotonic clock."""
        self.over_at: float | None = None
        """When everything was over: the late request was answered, or nothing more is to come."""

    async def on_request(self, request: SentRequest, connection: Connection) -> None:
        if self._kept is not None:
            await self._await_the_moment(request, connection)
        elif request.api != self.act.api or self.struck_at is not None:
            await connection.pass_on(request)
        elif self._to_skip:
            self._to_skip -= 1
            await connection.pass_on(request)
        else:
            await self._strike(request, connection)

    async def _strike(self, request: SentRequest, connection: Connection) -> None:
        self.struck_at = time.monotonic()
        match self.act.how:
            case "dropped":
                (connection.reset if self._random.random() < 0.5 else connection.silence)()
                self.over_at = self.struck_at
                return
            case "slow":
                connection.slow_down(self._slowness)
                await connection.pass_on(request)
                self._late = asyncio.create_task(self._be_over_after(self._slowness))
                return
            case "held":
                connection.silence()
            case "reset":
                connection.reset()
            case "doubled":
                await connection.pass_on(request)
                self._is_next = request.api in ENDS
            case "unanswered":
                connection.lose_answer(request)
                await connection.pass_on(request)
                self._is_next = request.api in ENDS
        self._kept = request, connection

    async def _await_the_moment(self, request: SentRequest, connection: Connection) -> None:
        if self._is_due:
            await connection.pass_on(request)
        elif request.api in ENDS:
            # A retry, or the end of a transaction: what follows is the next one.
            self._is_next = True
            self._first_write.clear()
            await connection.pass_on(request)
        elif not self._is_next or request.api not in tuple(ApiKey):
            await connection.pass_on(request)
        elif self.act.moment in ("beginning", "random"):
            self._is_due = True
            await connection.pass_on(request)
            pause = self._random.uniform(0, _WITHIN_A_TRANSACTION) if self.act.moment == "random" else 0.0
            self._late = asyncio.create_task(self._deliver_after_answer(request, connection, pause))
        else:
            await self._come_between(request, connection)

    async def _come_between(self, request: SentRequest, connection: Connection) -> None:
        first, second = (request.api == ApiKey.Produce and request.names(topic) for topic in self._writes)
        if second and not first:
            try:
                async with asyncio.timeout(_FIRST_SECONDS):
                    await self._first_write.wait()
            except TimeoutError:
                # Nothing arrived first in this transaction; it may in the next.
                await connection.pass_on(request)
                return
            self._is_due = True
            await self._deliver_after(0)
            await connection.pass_on(request)
            return
        await connection.pass_on(request)
        if first and not second:
            await connection.answered(request)
            self._first_write.set()

    async def _deliver_after_answer(self, request: SentRequest, connection: Connection, seconds: float) -> None:
        # On another connection it might overtake what it must follow.
        await connection.answered(request)
        await self._deliver_after(seconds)

    async def _deliver_after(self, seconds: float) -> None:
        assert self._kept is not None
        request, connection = self._kept
        await asyncio.sleep(seconds)
        # A broker that does not answer it, or not in time, has received it nevertheless.
        with contextlib.suppress(OSError):
            await connection.deliver(request)
        self.over_at = time.monotonic()

    async def _be_over_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.over_at = time.monotonic()
