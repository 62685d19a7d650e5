"""The network between a worker and a server, made to be disturbed: TCP connections forwarded through links with two directions.

A held link keeps what was sent and forwards it when it is released, as TCP does when packets were lost for a while.
All links run in one separate thread; their methods may be called from any other.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Literal, Protocol, TypeVar

Direction = Literal["to", "from"]
"""As seen by the client: towards the server, or from it."""
DIRECTIONS: tuple[Direction, ...] = ("to", "from")

_CHUNK = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_T = TypeVar("_T")


class Listener(Protocol):
    """What connections pass through."""

    async def listen(self) -> asyncio.Server: ...

    def abort(self) -> None: ...


_Listening = TypeVar("_Listening", bound=Listener)


class Network:
    """The thread in which all links run, until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._listeners: list[Listener] = []
        self._thread.start()

    def link(self, name: str) -> "NetworkLink":
        """A new link; it refuses connections until it is given a port to forward to."""
        return self.add(NetworkLink(name, self))

    def add(self, listener: _Listening) -> _Listening:
        """Make it listen; it ends with the network."""
        self._listeners.append(listener)
        self._servers.append(self.run(listener.listen()))
        return listener

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run `work` in the thread of the links, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.abort()
        # A transport closes its socket one loop iteration after `close`.
        for _ in range(3):
            await asyncio.sleep(0)


class NetworkLink:
    """Listens on `port` of 127.0.0.1 and forwards connections."""

    def __init__(self, name: str, network: Network) -> None:
        self.name = name
        self.port = 0
        self._network = network
        self._target: int | None = None
        self._cut = False
        self._delay = 0.0
        self._open: dict[Direction, asyncio.Event] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    def lead_to(self, port: int) -> None:
        """Forward new connections to this port; reset those that lead elsewhere."""
        self._target = port
        self.reset()

    def lead_new_to(self, port: int) -> None:
        """Forward new connections to this port; leave those that lead elsewhere."""
        self._target = port

    def cut(self) -> None:
        """Reset every connection, and every new one, until `mend`."""
        self._cut = True
        self.reset()

    def hold(self, direction: Direction) -> None:
        """Forward nothing in this direction, until `mend`. Connections stay open."""
        self._network.run(self._set(direction, is_open=False))

    def delay(self, seconds: float) -> None:
        """Delay everything by this much, in each direction, until `mend`."""
        self._delay = seconds

    def mend(self) -> None:
        """Work normally again. What was held is forwarded."""
        self._cut = False
        self._delay = 0.0
        for direction in DIRECTIONS:
            self._network.run(self._set(direction, is_open=True))

    def reset(self) -> None:
        """Reset every connection, once."""
        self._network.run(self._reset())

    async def listen(self) -> asyncio.Server:
        """Start; call it once, in the thread of the links."""
        self._open = {direction: asyncio.Event() for direction in DIRECTIONS}
        for gate in self._open.values():
            gate.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _set(self, direction: Direction, *, is_open: bool) -> None:
        gate = self._open[direction]
        if is_open:
            gate.set()
        else:
            gate.clear()

    async def _reset(self) -> None:
        for writer in tuple(self._writers):
            reset_connection(writer)

    def abort(self) -> None:
        """Close every connection, whatever its state; call it in the thread of the links."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Here and not in the task: a task that is cancelled before it starts does nothing at all.
        self._writers.add(writer)
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut or self._target is None:
            self._refuse(writer)
            return
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            # The server is not there: the client learns of it in the same way.
            self._refuse(writer)
            return
        self._writers.add(onward)
        pumps = {asyncio.create_task(self._pump(reader, onward, "to")), asyncio.create_task(self._pump(answers, writer, "from"))}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Neither our clients nor our servers close only one direction.
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= {writer, onward}
            writer.close()
            onward.close()

    def _refuse(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        reset_connection(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction) -> None:
        """Forward until the sender ends, or either end is reset."""
        while True:
            data = await reader.read(_CHUNK)
            await self._open[direction].wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            if not data:
                return
            writer.write(data)
            await writer.drain()


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Break the connection, as seen from its other end; call it in the thread of the network."""
    with contextlib.suppress(OSError):
        connection: socket.socket | None = writer.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
