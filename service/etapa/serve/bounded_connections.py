"""Connections that cannot stop the work: few at a time, none that idles for long, and nothing of what they send in the log."""

import asyncio
import logging
import resource
import sys
from collections.abc import Callable
from typing import cast

from aiohttp import web

from etapa.hosting.sparse_log import Sparse

IDLE_SECONDS = 15.0
"""How long a connection may take to send a whole head, and how long it may be idle after an answer."""
LINGER_SECONDS = 5.0
"""How long what is left of a request's body is waited for after the answer."""
MOST = 100
_SHARE = 8
_SAME_SECONDS = 10.0
"""Between two lines of the log that say the same."""

logger = logging.getLogger(__name__)


def most_connections() -> int:
    """How many may be open at a time: the rest of the descriptors is kept for Kafka and Redis."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(4, min(MOST, soft // _SHARE))


class Entrance:
    """What `loop.create_server` calls for each connection: aiohttp's server takes it, or it is closed at once."""

    def __init__(self, server: web.Server, most: int, connection: Callable[[], asyncio.BaseProtocol]) -> None:
        """`connection` makes the protocol of one that is taken; it belongs to `server`."""
        self._server = server
        self._connection = connection
        self._most = most
        self._on_their_way = 0
        """Connections that the server was given and does not know yet: the loop accepts many before it tells of the first."""

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol for one more connection."""
        if len(self._server.connections) + self._on_their_way < self._most:
            self._on_their_way += 1
            asyncio.get_running_loop().call_soon(self._arrived)
            return self._connection()
        logger.warning("%d HTTP connections are open, the most allowed; further ones are closed", self._most)
        return _Closed()

    def _arrived(self) -> None:
        # Called in the turn in which the server is told of it.
        self._on_their_way -= 1


class _Closed(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do what asyncio's do, and are of none of its classes.
        cast("asyncio.Transport", transport).abort()


class _WithoutWhatWasSent(logging.Filter):
    """aiohttp tells of a request that it cannot read with a trace that repeats it: a token, a customer's id. The kind of error says enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Where it is given as `True`, the error is the one being dealt with.
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else sys.exc_info()[1]
        record.msg = "a request failed (%s)" if error is not None else "something was odd about a request"
        record.args = (type(error).__name__,) if error is not None else ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def request_logger() -> logging.Logger:
    """Where aiohttp logs: nothing that somebody sent, and no kind of error more often than every ten seconds."""
    own = logging.getLogger(f"{__name__}.requests")
    if not own.filters:
        own.addFilter(_WithoutWhatWasSent())
        own.addFilter(Sparse(_SAME_SECONDS))
        logger.addFilter(Sparse(_SAME_SECONDS))
    return own
