"""Redis connections that are all dropped when a server says that it is no longer the right one.

An address outlives the server behind it: a primary is demoted, a replica is promoted, and older connections stay open and lead to
the old server for ever. redis-py treats most such answers as an error of the command and keeps the connection.
"""

import re
from collections.abc import Iterable
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from etapa.errors import EtapaError

# A replica; a replica that lost its primary; a server that is still loading; a primary that lacks replicas; a cluster that is
# incomplete, or is moving the keys in question. Older servers say so in the middle of a script's error message.
_ELSEWHERE = re.compile(r"(?:^|-)(READONLY|MASTERDOWN|LOADING|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)\b")


class NotTheOne(EtapaError, RedisConnectionError):
    """The server answers but does not act as a primary: its connections count as lost."""


def is_not_the_one(error: BaseException | None) -> bool:
    """Whether a server said with this error that we should use another one, or try again later."""
    if not isinstance(error, RedisError):
        return False
    # redis-py cuts off the first word and keeps it separately.
    return isinstance(error, NotTheOne) or _ELSEWHERE.search(f"{getattr(error, 'status_code', None) or ''} {error}".strip()) is not None


class Era:
    """Shared by all connections of a client: connections of an era that is over are not used again."""

    def __init__(self) -> None:
        self.number = 0

    def end(self, number: int) -> None:
        """End era `number`, if it is not over yet."""
        self.number = max(self.number, number + 1)


class _LosesCleanly(AbstractConnection):
    """A connection that is lost, or closed by another task, while a command is being written: the command's error says so.

    redis-py would let an `AttributeError` or a `TypeError` out, which nobody takes for a lost connection (its issue 4287).
    """

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        writer = self._writer
        if writer is None:
            message = "the connection was closed before the command was sent"
            raise RedisConnectionError(message)
        try:
            writer.writelines(command)
        except (AttributeError, TypeError) as error:
            # The transport of some Python versions, once its peer has gone.
            if not writer.is_closing():
                raise
            message = "the connection was lost before the command was sent"
            raise RedisConnectionError(message) from error
        await writer.drain()


class _Wary(_LosesCleanly):
    """All our commands may be repeated, so redis-py reconnects and tries again, as after any lost connection."""

    def __init__(self, *, era: Era, **options: Any) -> None:
        super().__init__(**options)
        self._era = era
        self._made_in = era.number

    async def connect(self) -> None:
        """Called by the pool before each use."""
        if self.is_connected and self._made_in != self._era.number:
            await self.disconnect()
        await super().connect()  # type: ignore[no-untyped-call]

    async def connect_check_health(self, *arguments: Any, **options: Any) -> None:
        if not self.is_connected:
            self._made_in = self._era.number
        await super().connect_check_health(*arguments, **options)

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except RedisError as error:
            # A Sentinel connection wraps the original error in another one.
            told = next((each for each in (error, error.__context__) if is_not_the_one(each)), None)
            if told is None:
                raise
            self._era.end(self._made_in)
            await self.disconnect(nowait=True)
            word = getattr(told, "status_code", None)
            message = f"{word} {told}" if word else str(told)
            raise NotTheOne(message) from error


class PlainConnection(_Wary, Connection):
    pass


class NodeConnection(_LosesCleanly, Connection):
    """To a node of a Cluster, or to a Sentinel. Their clients drop connections by themselves when a server is no longer the right one."""


class _ReadsFiles(SSLConnection):
    """Reads the certificate files again for each new connection, since they may be replaced at any time."""

    def _connection_arguments(self) -> Any:
        self.ssl_context.context = None
        return super()._connection_arguments()


class TlsConnection(_Wary, _ReadsFiles):
    pass


class NodeTlsConnection(_LosesCleanly, _ReadsFiles):
    """The same with TLS."""


class SentinelConnection(_Wary, SentinelManagedConnection):
    pass


class SentinelTlsConnection(_Wary, _ReadsFiles, SentinelManagedSSLConnection):
    pass
