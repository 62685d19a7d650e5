"""Parses a Redis URL: where to connect, and with which redis-py options."""

import ssl
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import RedisSSLContext, SSLConnection, parse_url

from etapa.errors import EtapaError
from etapa.settings.redis_url import OVERRULED
from etapa.settings.values import RedisUrl

_DEFAULT_PORT = 6379


class RedisUrlError(EtapaError):
    """The URL cannot be used. The message does not repeat it, because it may hold a password."""


class RedisAddress(NamedTuple):
    """Where and how to connect. It holds the password, so never show it."""

    kind: Literal["server", "cluster", "sentinel"]
    nodes: list[tuple[str, int]]
    """Host and port of the server, of some servers of the cluster, or of sentinels."""
    has_tls: bool
    options: Mapping[str, Any]
    """User, password, database and TLS options, under redis-py's names."""
    service: str = ""
    """The sentinels' name for the service."""
    sentinel_login: Mapping[str, str] = {}

    @property
    def tls_options(self) -> dict[str, Any]:
        """The options that concern TLS."""
        return {name: value for name, value in self.options.items() if name.startswith("ssl_")}

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS context, read from its files now; none without TLS. Raises `RedisUrlError` when a file cannot be used."""
        if not self.has_tls:
            return None
        given = {
            "cert_reqs": "required",
            "check_hostname": True,
            **{name.removeprefix("ssl_"): value for name, value in self.tls_options.items()},
        }
        try:
            return RedisSSLContext(**given).get()
        except (OSError, ValueError) as error:
            files = ", ".join(f"{name}={given[name.removeprefix('ssl_')]}" for name in _FILES if name in self.options)
            message = (
                f"ETAPA_REDIS_URL: {files or 'TLS'} cannot be used ({error}); needed: PEM files with certificates, and with Etapa's own key"
            )
            raise RedisUrlError(message) from None


_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")


def redis_address_of(url: RedisUrl) -> RedisAddress:
    """Parse the URL. Raises `RedisUrlError`."""
    parts = urlsplit(url.reveal())
    tls, _, kind = parts.scheme.partition("+")
    login, at, place = parts.netloc.rpartition("@")
    nodes = [_address(address) for address in place.split(",")]
    query = dict(parse_qsl(parts.query))
    sentinel_login = {name: query.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in query}
    if not kind and len(nodes) > 1:
        message = "ETAPA_REDIS_URL: names several hosts; needed: one host, or redis+cluster:// or redis+sentinel://"
        raise RedisUrlError(message)
    service, database = "", parts.path.strip("/")
    if kind == "sentinel":
        service, _, database = database.partition("/")
        if not service:
            message = "ETAPA_REDIS_URL: names no service; needed: redis+sentinel://host:port/service"
            raise RedisUrlError(message)
    # Login, TLS and query are left to redis-py's own URL parser.
    options = _options(f"{tls}://{login}{at}{place.split(',')[0]}/{database}?{urlencode(query)}")
    if kind == "cluster" and options.pop("db", 0):
        message = "ETAPA_REDIS_URL: names a database, and a Redis Cluster has none; needed: redis+cluster://host:port without one"
        raise RedisUrlError(message)
    for name in ("host", "port"):
        options.pop(name, None)
    has_tls = options.pop("connection_class", None) is SSLConnection
    found = RedisAddress(_KINDS[kind], nodes, has_tls, options, service, sentinel_login)
    found.tls_context()
    return found


_KINDS: Mapping[str, Literal["server", "cluster", "sentinel"]] = {"": "server", "cluster": "cluster", "sentinel": "sentinel"}


def _options(url: str) -> dict[str, Any]:
    try:
        options = dict(parse_url(url))
    except ValueError:
        # The original error may quote a piece of the password.
        message = (
            "ETAPA_REDIS_URL: cannot be read; needed: redis://user:password@host:port/database, with special characters percent-encoded"
        )
        raise RedisUrlError(message) from None
    for name in OVERRULED:
        options.pop(name, None)
    return options


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        host, port = text, str(_DEFAULT_PORT)
    return host.strip("[]"), int(port)
