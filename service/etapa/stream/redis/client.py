"""The Redis client behind the view: one server, a Cluster, or whatever server the Sentinels name, by the URL's scheme."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import ConnectionPool, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff
from redis.exceptions import NoScriptError

from etapa.errors import EtapaError
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.settings.redis_url import OVERRULED
from etapa.settings.values import RedisUrl
from etapa.stream.redis.connections import Era, PlainConnection, SentinelConnection, SentinelTlsConnection, TlsConnection

_DEFAULT_PORT = 6379

RedisClient = Redis | RedisCluster


class RedisUrlError(EtapaError):
    """The URL cannot be used. The message does not repeat it, because it may hold a password."""


def connect(settings: Settings) -> RedisClient:
    """A client for the URL of the settings; nothing is sent yet. Raises `RedisUrlError`."""
    seconds = settings.redis_timeout / SECOND
    # Connections that a server or a firewall dropped while idle are replaced at once; longer trouble is the caller's to see.
    # Every command of ours may be repeated. RESP 2 is spoken by everything that calls itself Redis.
    common: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
        "health_check_interval": 15,
        "protocol": 2,
    }
    return _connect(settings.redis_url, common)


def _connect(url: RedisUrl, common: Mapping[str, Any]) -> RedisClient:
    parts = urlsplit(url.reveal())
    tls, _, kind = parts.scheme.partition("+")
    login, at, place = parts.netloc.rpartition("@")
    nodes = [_address(address) for address in place.split(",")]
    if not kind:
        options = _options(url.reveal())
        secured = options.pop("connection_class", None) is SSLConnection
        return Redis.from_pool(
            ConnectionPool(connection_class=TlsConnection if secured else PlainConnection, era=Era(), **{**options, **common})
        )
    query = dict(parse_qsl(parts.query))
    sentinel_login = {name: query.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in query}
    service, _, database = parts.path.strip("/").partition("/")
    # What login, TLS and query mean is left to redis-py's own reading of a URL.
    plain = f"{tls}://{login}{at}{place.split(',')[0]}/{database if kind == 'sentinel' else ''}?{urlencode(query)}"
    options = _options(plain)
    for name in ("host", "port"):
        options.pop(name, None)
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    if kind == "cluster":
        return _Cluster(nodes, {**options, **common})
    if not service:
        message = "ETAPA_REDIS_URL: names no service; needed: redis+sentinel://host:port/service"
        raise RedisUrlError(message)
    tls_options = {name: value for name, value in options.items() if name.startswith("ssl")}
    sentinel = Sentinel(nodes, sentinel_kwargs={**common, **sentinel_login, **tls_options}, **options, **common)  # type: ignore[no-untyped-call]
    connection_class = SentinelTlsConnection if options.get("ssl") else SentinelConnection
    return cast("Redis", sentinel.master_for(service, connection_class=connection_class, era=Era()))


def _options(url: str) -> dict[str, Any]:
    try:
        options = dict(parse_url(url))
        for name in OVERRULED:
            options.pop(name, None)
        return options
    except ValueError as error:
        message = f"ETAPA_REDIS_URL: {error}"
        raise RedisUrlError(message) from None


class _Cluster(RedisCluster):
    """Looks its nodes up again at the addresses of the URL, when none of those that it knows answers. redis-py forgets these addresses."""

    def __init__(self, seeds: Sequence[tuple[str, int]], options: Mapping[str, Any]) -> None:
        super().__init__(startup_nodes=[ClusterNode(host, port) for host, port in seeds], **options)
        self._seeds = seeds
        self._asks_seeds = True

    async def initialize(self, *arguments: Any, **options: Any) -> "RedisCluster":
        try:
            return await super().initialize(*arguments, **options)
        except BaseException:
            # Cancelled, too: nodes that are gone without a trace are waited for longer than our caller waits.
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
            # As redis-py does when a node does not answer in time; our caller's time may be up sooner.
            self._initialize = True
            raise


async def disconnect(client: RedisClient) -> None:
    """Close every connection of the client."""
    if isinstance(client, RedisCluster):
        # Once it knows the cluster it forgets the nodes that it asked first, with their connections open.
        for node in client.startup_nodes:
            await node.disconnect()
    elif isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
    await client.aclose()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        host, port = text, str(_DEFAULT_PORT)
    return host.strip("[]"), int(port)


class Script:
    """A Lua script beside this file, sent by its hash, and in full to a server that does not know it (any more)."""

    def __init__(self, name: str) -> None:
        self._text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        self._hash = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: RedisClient, keys: list[bytes], arguments: list[bytes]) -> Any:
        try:
            return await client.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            # After SCRIPT FLUSH, a restart or a failover.
            return await client.eval(self._text, len(keys), *keys, *arguments)
