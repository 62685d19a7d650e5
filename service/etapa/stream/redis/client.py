"""The Redis client behind the view: for one server, a Cluster, or the server that Sentinels name, depending on the URL's scheme."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError

from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.redis.address import RedisAddress, redis_address_of
from etapa.stream.redis.connections import (
    Era,
    NodeConnection,
    NodeTlsConnection,
    PlainConnection,
    SentinelConnection,
    SentinelTlsConnection,
    TlsConnection,
)

RedisClient = Redis | RedisCluster


def connect(settings: Settings) -> RedisClient:
    """A client for the URL in the settings; nothing is sent yet. Raises `RedisUrlError`."""
    seconds = settings.redis_timeout / SECOND
    # Connections that a server or a firewall dropped while idle are replaced at once; longer problems are left to the caller.
    # All our commands may be repeated. Every server that calls itself Redis speaks RESP 2.
    common: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
        "health_check_interval": 15,
        "protocol": 2,
    }
    address = redis_address_of(settings.redis_url)
    if "password" in address.options:
        # Read at each login, so that a password replaced in its file takes effect.
        others = {name: value for name, value in address.options.items() if name not in _LOGIN}
        address = address._replace(options={**others, "credential_provider": CurrentLogin(settings.redis_url)})
    return _connect(address, common)


_LOGIN = ("username", "password")


class CurrentLogin(CredentialProvider):
    """The user and password that the URL's file holds now."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """As redis-py asks for them."""
        return self.get_credentials()

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """As redis-py asks for them."""
        options = redis_address_of(self._url.current()).options
        password = str(options.get("password", ""))
        return (str(options["username"]), password) if "username" in options else (password,)


def _connect(address: RedisAddress, common: Mapping[str, Any]) -> RedisClient:
    options = {**address.options, **common}
    if address.kind == "server":
        [(host, port)] = address.nodes
        connection: type[Any] = TlsConnection if address.has_tls else PlainConnection
        return Redis.from_pool(ConnectionPool(connection_class=connection, era=Era(), host=host, port=port, **options))
    if address.has_tls:
        options["ssl"] = True
    if address.kind == "cluster":
        return _Cluster(address.nodes, options)
    tls_options = {**address.tls_options, "ssl": True} if address.has_tls else {}
    sentinel = Sentinel(address.nodes, sentinel_kwargs={**common, **address.sentinel_login, **tls_options}, **options)  # type: ignore[no-untyped-call]
    for each in sentinel.sentinels:
        # Their clients take no class of connection either.
        each.connection_pool.connection_class = NodeTlsConnection if address.has_tls else NodeConnection
    connection_class = SentinelTlsConnection if address.has_tls else SentinelConnection
    return cast("Redis", sentinel.master_for(address.service, connection_class=connection_class, era=Era()))


class _Cluster(RedisCluster):
    """Looks its nodes up again at the URL's addresses when none of the known nodes answers. redis-py forgets these addresses."""

    def __init__(self, seeds: Sequence[tuple[str, int]], options: Mapping[str, Any]) -> None:
        super().__init__(startup_nodes=[ClusterNode(host, port) for host, port in seeds], **options)
        # It takes no class of connection; nodes that it finds later are made of these arguments.
        connection_class = NodeTlsConnection if options.get("ssl") else NodeConnection
        self.connection_kwargs["connection_class"] = connection_class
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = connection_class
        self._seeds = seeds
        self._asks_seeds = True
        self._looking = asyncio.Lock()

    async def initialize(self, *arguments: Any, **options: Any) -> "RedisCluster":
        # Whoever only waits for the attempt of another must not take its failure for one of its own: an even number of failures
        # would have the same nodes asked again and again.
        async with self._looking:
            return await self._look(*arguments, **options)

    async def _look(self, *arguments: Any, **options: Any) -> "RedisCluster":
        try:
            return await super().initialize(*arguments, **options)
        except BaseException:
            # Cancellation, too: redis-py waits for vanished nodes longer than our caller does.
            self._asks_seeds = not (self._asks_seeds and self.nodes_manager.nodes_cache)
            nodes = [ClusterNode(host, port, **self.connection_kwargs) for host, port in self._seeds]
            self.nodes_manager.startup_nodes = (
                {node.name: node for node in nodes} if self._asks_seeds else dict(self.nodes_manager.nodes_cache)
            )
            raise

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*arguments, **options)
        except asyncio.CancelledError:
            # As redis-py does when a node does not answer in time; our caller may give up sooner.
            self._initialize = True
            raise
        except AttributeError as error:
            # A node that it was sent to, and does not know yet or any more (redis-py's issue 3835).
            self._initialize = True
            message = f"a node of the Cluster went away or is not known yet ({error})"
            raise RedisConnectionError(message) from error


async def disconnect(client: RedisClient) -> None:
    """Close every connection of the client."""
    if isinstance(client, RedisCluster):
        # Once it knows the cluster, it forgets the nodes that it asked first and leaves their connections open.
        for node in client.startup_nodes:
            await node.disconnect()
        # When it means to look its nodes up again, it would not close those that it has.
        await client.nodes_manager.aclose()
    elif isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
    await client.aclose()


class Script:
    """A Lua script beside this file, called by its hash, and sent in full to a server that does not have it."""

    def __init__(self, name: str) -> None:
        self._text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        self._hash = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: RedisClient, keys: list[bytes], arguments: list[bytes]) -> Any:
        try:
            return await client.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            # After SCRIPT FLUSH, a restart or a failover.
            return await client.eval(self._text, len(keys), *keys, *arguments)
