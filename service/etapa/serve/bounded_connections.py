"""Keeps connections from disturbing the work: their number and idle time are limited, and nothing that they send gets into the log."""

import asyncio
import logging
import resource
import sys
from collections.abc import Callable
from typing import cast

from aiohttp import web

from etapa.hosting.sparse_log import Sparse

IDLE_SECONDS = 15.0
"""How long a connection may take to send a complete head, and how long it may be idle after an answer."""
LINGER_SECONDS = 5.0
"""How long to wait, after the answer, for the rest of a request's body."""
MOST = 250
"""A hundred open pages hold a stream each, which may be half of all connections, and ask for the map besides."""
_SHARE = 8
_SAME_SECONDS = 10.0
"""Pause between two log lines that say the same thing."""

logger = logging.getLogger(__name__)


def most_connections() -> int:
    """How many may be open at a time: the other file descriptors are reserved for Kafka and Redis."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(4, min(MOST, soft // _SHARE))


class Entrance:
    """Called by `loop.create_server` for each connection: it passes the connection to aiohttp's server, or closes it at once."""

    def __init__(self, server: web.Server, most: int, connection: Callable[[], asyncio.BaseProtocol]) -> None:
        """`connection` makes the protocol of one that is taken; it belongs to `server`."""
        self._server = server
        self._connection = connection
        self._most = most
        self._on_their_way = 0
        """Connections passed to the server that it does not count yet: the loop accepts many before it reports the first."""

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol for one more connection."""
        if len(self._server.connections) + self._on_their_way < self._most:
            self._on_their_way += 1
            asyncio.get_running_loop().call_soon(self._arrived)
            return self._connection()
        logger.warning("%d HTTP connections are open, the most allowed; further ones are closed", self._most)
        return _Closed()

    def _arrived(self) -> None:
        # Called in the same turn of the loop in which the server learns of it.
        self._on_their_way -= 1


class _Closed(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's, but do not inherit from its classes.
        cast("asyncio.Transport", transport).abort()


class _WithoutWhatWasSent(logging.Filter):
    """When aiohttp cannot read a request, it logs a trace that repeats it, with tokens and customer ids. The type of the error is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        # `True` stands for the error that is being handled.
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else sys.exc_info()[1]
        record.msg = "a request failed (%s)" if error is not None else "something was odd about a request"
        record.args = (type(error).__name__,) if error is not None else ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def request_logger() -> logging.Logger:
    """The logger for aiohttp: it repeats nothing that was sent, and logs each kind of error at most every ten seconds."""
    own = logging.getLogger(f"{__name__}.requests")
    if not own.filters:
        own.addFilter(_WithoutWhatWasSent())
        own.addFilter(Sparse(_SAME_SECONDS))
        logger.addFilter(Sparse(_SAME_SECONDS))
    return own
