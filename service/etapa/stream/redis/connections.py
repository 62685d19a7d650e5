"""Connections to Redis that are given up, all of them, when a server says that it is no longer the one to talk to.

An address outlives what is behind it: a primary is demoted, a replica is promoted, and connections that were made before stay open and
lead to the old one for ever. redis-py takes most such answers for an error of the command and keeps the connection.
"""

import re
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from etapa.errors import EtapaError

# A replica; a replica that lost its primary; a server that still reads its data; a primary that its replicas left; a cluster that is
# not whole, or moves what was asked for. Older servers say it in the middle of what went wrong in a script.
_ELSEWHERE = re.compile(r"(?:^|-)(READONLY|MASTERDOWN|LOADING|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)\b")


class NotTheOne(EtapaError, RedisConnectionError):
    """The server is there and will not do what a primary does: its connections are as good as lost."""


def is_not_the_one(error: BaseException | None) -> bool:
    """Whether a server said with this error that another one should be asked, or this one later."""
    if not isinstance(error, RedisError):
        return False
    # redis-py takes the first word off and keeps it apart.
    return isinstance(error, NotTheOne) or _ELSEWHERE.search(f"{getattr(error, 'status_code', None) or ''} {error}".strip()) is not None


class Era:
    """What all connections of a client have in common: those of an era that is over are not used again."""

    def __init__(self) -> None:
        self.number = 0

    def end(self, number: int) -> None:
        """End this era, if it is not over yet."""
        self.number = max(self.number, number + 1)


class _Wary(AbstractConnection):
    """Every command of ours may be repeated, so redis-py connects anew and tries again, as after any lost connection."""

    def __init__(self, *, era: Era, **options: Any) -> None:
        super().__init__(**options)
        self._era = era
        self._made_in = era.number

    async def connect(self) -> None:
        """As a pool asks for before each use."""
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
            # That of a Sentinel's connection has been given another name on the way.
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


class _ReadsFiles(SSLConnection):
    """Certificates may be replaced while connections come and go: each new one looks at the files again."""

    def _connection_arguments(self) -> Any:
        self.ssl_context.context = None
        return super()._connection_arguments()


class TlsConnection(_Wary, _ReadsFiles):
    pass


class SentinelConnection(_Wary, SentinelManagedConnection):
    pass


class SentinelTlsConnection(_Wary, _ReadsFiles, SentinelManagedSSLConnection):
    pass
