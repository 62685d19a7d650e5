"""The point that clients' connections to one broker pass through: a watcher sees each request and response and decides about it."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Protocol

from tests.faults.installation.network import reset_connection
from tests.faults.requests.frames import SentRequest, correlation_of, read_frame, request_of

_ANSWER_SECONDS = 5.0
_LOOK = 0.02


class Watcher(Protocol):
    """Decides about the requests of one client, in the thread of the network."""

    async def on_request(self, request: SentRequest, connection: "Connection") -> None:
        """Only this decides what happens to the request. Later ones on the same connection wait meanwhile."""


class Crossings:
    """The crossings of all brokers, and which watcher watches which client."""

    def __init__(self) -> None:
        self.watchers: dict[str, Watcher] = {}
        """By client id. Requests of others pass."""


class Crossing:
    """Listens on `port` of 127.0.0.1 for one broker's clients."""

    def __init__(self, crossings: Crossings) -> None:
        self.port = 0
        self.target: int | None = None
        """The broker's own port; without one, connections are refused."""
        self._crossings = crossings
        self._writers: set[asyncio.StreamWriter] = set()
        self._leading: set[asyncio.Task[None]] = set()

    async def listen(self) -> asyncio.Server:
        """Start; call it once, in the thread of the network."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def abort(self) -> None:
        """Close every connection; call it in the thread of the network."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Here and not in the task: a task that is cancelled before it starts does nothing at all.
        self._writers.add(writer)
        # Our own task: asyncio's own would complain when it is cancelled.
        task = asyncio.create_task(self._lead_on(reader, writer))
        self._leading.add(task)
        task.add_done_callback(self._leading.discard)

    async def _lead_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.target is None:
                raise ConnectionRefusedError
            answers, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            reset_connection(writer)
            self._writers.discard(writer)
            return
        self._writers.add(onward)
        try:
            await Connection(self._crossings.watchers, self.target, (reader, writer), (answers, onward)).run()
        finally:
            self._writers -= {writer, onward}


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """One connection of a client, and its counterpart to the broker."""

    def __init__(self, watchers: dict[str, Watcher], target: int, client: _Ends, broker: _Ends) -> None:
        self._watchers = watchers
        self._target = target
        self._requests, self._writer = client
        self._answers, self._onward = broker
        self._pending: dict[int, SentRequest] = {}
        self._unanswered: set[int] = set()
        self._is_silent = False
        self._delay = 0.0
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until the client or the broker ends it, and what is on its way has arrived."""
        ways = {asyncio.create_task(self._pass_requests()), asyncio.create_task(self._pass_answers())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (*ways, *self._under_way):
                one.cancel()
            try:
                await asyncio.gather(*ways, *self._under_way, return_exceptions=True)
            finally:
                self._writer.close()
                self._onward.close()

    async def pass_on(self, request: SentRequest) -> None:
        """Send a request to the broker, at once or with the delay of the connection."""
        if self._is_silent:
            return
        if self._delay:
            # All have the same delay, so they keep their order.
            self._spawn(self._send_later(request, self._delay))
        else:
            await self._send(request)

    def reset(self) -> None:
        """Break the client's connection."""
        self._is_silent = True
        reset_connection(self._writer)

    def silence(self) -> None:
        """Let nothing pass in either direction, without telling the client."""
        self._is_silent = True

    def slow_down(self, seconds: float) -> None:
        """Delay all requests from now on by so much. They arrive even if the client has abandoned the connection meanwhile."""
        self._delay = seconds

    def lose_answer(self, request: SentRequest) -> None:
        """Break the connection instead of passing on the response to this request."""
        self._unanswered.add(request.correlation)

    async def answered(self, request: SentRequest) -> None:
        """Wait until the broker has answered a forwarded request, or the connection has ended."""
        while self._pending.get(request.correlation) is request and not self._writer.is_closing():
            await asyncio.sleep(_LOOK)

    async def deliver(self, request: SentRequest) -> None:
        """Deliver the request on a separate connection, as a late one looks to a broker. Returns when it is answered."""
        answers, onward = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            onward.write(request.raw)
            async with asyncio.timeout(_ANSWER_SECONDS):
                await read_frame(answers)
        finally:
            onward.close()

    async def _pass_requests(self) -> None:
        while (raw := await read_frame(self._requests)) is not None:
            request = request_of(raw)
            watcher = self._watchers.get(request.client)
            if watcher is None or self._is_silent:
                await self.pass_on(request)
            else:
                await watcher.on_request(request, self)
        if self._delay:
            await self._drain()

    async def _pass_answers(self) -> None:
        while (raw := await read_frame(self._answers)) is not None:
            request = self._pending.pop(correlation_of(raw), None)
            if request is not None and request.correlation in self._unanswered:
                self.reset()
            if not self._is_silent and not self._writer.is_closing():
                self._writer.write(raw)
                with contextlib.suppress(ConnectionError):
                    await self._writer.drain()

    async def _send_later(self, request: SentRequest, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._send(request)

    async def _send(self, request: SentRequest) -> None:
        self._pending[request.correlation] = request
        self._onward.write(request.raw)
        with contextlib.suppress(ConnectionError):
            await self._onward.drain()

    async def _drain(self) -> None:
        """Let what was sent before the client abandoned the connection arrive."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        # Closed with unread responses, it would be reset, and the broker would lose what it has not read yet.
        deadline = asyncio.get_running_loop().time() + _ANSWER_SECONDS
        while self._pending and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
