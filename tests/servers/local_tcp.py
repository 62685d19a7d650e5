"""A server of a few lines on a free port of 127.0.0.1, for what speaks a protocol of its own, or breaks one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_LAST_SECONDS = 5.0
"""How long the handlers may take to notice that their clients have gone."""


@asynccontextmanager
async def tcp_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run `handler` for each connection, over TLS if that is given; yields the port. At the end every handler has ended and every connection is closed.

    A handler may end with a lost connection. Before Python 3.12 `asyncio` leaves it to the loop's end to cancel handlers, and a
    transport whose handler is cancelled stays open until the garbage collector finds it, in the middle of another test.
    """
    at_work: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(asyncio.create_task(handle(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await _end(at_work)


async def _end(at_work: set[asyncio.Task[None]]) -> None:
    """Wait for all handlers, and cancel those that do not end by themselves. Raises what a handler raised."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            # A connection may be accepted while we wait for another one's handler.
            while not all(each.done() for each in at_work):
                await asyncio.wait(at_work)
    for each in at_work:
        each.cancel()
    for result in await asyncio.gather(*at_work, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
