"""The real worker in its own process, set up for the private broker and the private Redis."""

import os
import secrets
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from etapa.embedded.broker import CHECK_CRCS
from etapa.embedded.child_process import ChildProcess
from etapa.settings import PREFIX

_STOP_SECONDS = 15.0
_LOCALHOST = "127.0.0.1"


class WorkerProcess:
    """Started by `with`, and asked to stop at its end. It serves HTTP at `url`: on `usual_port` if that is free, otherwise on another port."""

    def __init__(self, kafka: str, redis_url: str, usual_port: int, journey: Path) -> None:
        self._port = _free_port(usual_port)
        self._usual_port = usual_port
        self._has_moved = False
        # Settings for a real worker on this machine must not affect this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.token = secrets.token_urlsafe(24)
        """The token for customer data over HTTP, made for this run."""
        self._environment = environment | {
            "ETAPA_API_TOKEN": self.token,
            "ETAPA_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "ETAPA_KAFKA_CHECK_CRCS": "on" if CHECK_CRCS else "off",
            "ETAPA_REDIS_URL": redis_url,
            "ETAPA_JOURNEY": str(journey.resolve()),
            "ETAPA_LOG_LEVEL": "warning",
        }
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Where it serves its page, its metrics and its API."""
        return f"http://{_LOCALHOST}:{self._port}/"

    @property
    def is_elsewhere(self) -> bool:
        """Whether another program uses the usual port."""
        return self._port != self._usual_port

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.stop(_STOP_SECONDS)

    def move(self) -> bool:
        """Start once more on another port, if it ended because another program took its port first. Returns whether it was restarted."""
        if self._has_moved or self._process is None or self.exit_code() is None:
            return False
        if "another program listens there" not in self.said():
            return False
        self._has_moved = True
        self._process.stop(_STOP_SECONDS)
        self._port = _free_port(0)
        self._start()
        return True

    def _start(self) -> None:
        environment = self._environment | {"ETAPA_HTTP_PORT": str(self._port)}
        self._process = ChildProcess([sys.executable, "-m", "etapa", "run"], environment=environment)

    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.exit_code()

    def said(self) -> str:
        """The end of its log."""
        return "" if self._process is None else self._process.said()


def _free_port(usual: int) -> int:
    for port in (usual, 0):
        with socket.socket() as probe:
            # Like servers do: a port whose last connections are still closing counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_LOCALHOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError(f"{_LOCALHOST} has no free port")
