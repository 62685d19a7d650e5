"""The HTTP server as a service that starts and stops with the worker."""

import asyncio
import errno
import logging
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from mode import Service

from etapa.errors import EtapaError
from etapa.serve.bounded_connections import IDLE_SECONDS, LINGER_SECONDS, Entrance, most_connections, request_logger
from etapa.serve.http_connection import HttpConnection

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long requests under way may take when the worker stops."""


class HttpServerError(EtapaError):
    """The server cannot listen at its address; the message says why and what to change."""


class HttpService(Service):
    """Serves an application at an address from start to stop."""

    def __init__(self, application: web.Application, host: str, port: int, socket: Path | None = None) -> None:
        """`socket`: listen on this Unix socket instead; only users who may enter its folder can connect."""
        super().__init__()
        self._socket = socket
        self._application = application
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on; with port 0, the free port that was chosen at the start."""
        if self._listening is not None and self._listening.sockets and self._socket is None:
            return int(self._listening.sockets[0].getsockname()[1])
        return self._port

    @property
    def url(self) -> str:
        """The URL for people. An address that means every interface is shown as localhost."""
        host = "localhost" if self._host in ("0.0.0.0", "::") else self._host  # noqa: S104 (compared with, not bound to)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    async def on_start(self) -> None:
        """Start listening. Raises HttpServerError when that is not possible."""
        runner = web.AppRunner(self._application, handle_signals=False, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        loop = asyncio.get_running_loop()
        server = cast("web.Server", runner.server)
        # No access log: its lines would contain customer ids.
        options: dict[str, Any] = {"access_log": None, "logger": request_logger()}
        connection = partial(HttpConnection, server, loop=loop, keepalive_timeout=IDLE_SECONDS, lingering_time=LINGER_SECONDS, **options)
        entrance = Entrance(server, most_connections(), connection)
        try:
            if self._socket is not None:
                self._listening = await loop.create_unix_server(entrance, str(self._socket))
            else:
                self._listening = await loop.create_server(entrance, self._host, self._port)
        except OSError as error:
            await runner.cleanup()
            raise HttpServerError(cannot_listen(self._host, self._port, error)) from None
        self._runner = runner
        if self._socket is None:
            logger.info("HTTP at %s", self.url)

    async def on_stop(self) -> None:
        """Release the port."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """The message for a person whose server cannot listen, with what to do about it."""
    where = f"cannot serve HTTP on {host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where}: another program listens there; stop it, or choose another port with ETAPA_HTTP_PORT or --http-port"
        case errno.EACCES:
            return f"{where}: ports below 1024 need special rights; choose another with ETAPA_HTTP_PORT or --http-port"
        case errno.EADDRNOTAVAIL:
            return f"{where}: this machine does not have that address; choose another with ETAPA_HTTP_HOST or --http-host"
    return f"{where}: {_reason(error)}; choose another address with ETAPA_HTTP_HOST and ETAPA_HTTP_PORT"


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
