"""Server processes that never outlive the tests, and ports that nothing else uses."""

import atexit
import ctypes
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LINUX_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerError(RuntimeError):
    """A server did not start or did not become ready; the message says what is missing or what the server said."""


_PORTS = range(12_000, 22_000)
"""Below the ports of outgoing connections, any of which could take a port before the server does. A node of a Redis Cluster also takes the
port 10,000 above its own, so those are left free."""
_tried = itertools.count(os.getpid() * 617)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now. Ports repeat only after all were used, and parallel test runs search in different ranges."""
    found: list[int] = []
    for number in itertools.islice(_tried, len(_PORTS)):
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe:
            # As servers do: a connection that has just ended does not block its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    message = f"no free port of 127.0.0.1 from {_PORTS[0]} to {_PORTS[-1]}"
    raise ServerError(message)


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float, what: str, poll: float = 0.05) -> None:
    """Poll until the condition holds. Raises a `ServerError` that names it if that takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"{what} did not happen within {seconds:g} s"
            raise ServerError(message)
        time.sleep(poll)


class ServerProcess:
    """A child process that writes its output to a file. It ends with the tests, however they end."""

    def __init__(self, command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        self.output = output
        with output.open("ab") as sink:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=environment,
                # A new session, so that Ctrl-C reaches only the tests, which stop their servers cleanly.
                start_new_session=True,
                # Python ignores SIGXFSZ, and so must servers: a file that cannot grow is then an error, as on a full disk.
                restore_signals=False,
                preexec_fn=_before_it_runs,  # noqa: PLW1509 - two system calls, and they take no lock that a thread might hold
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def wait_ready(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for `condition`; a process that ends meanwhile is an error with the end of its output."""

        def ready_or_dead() -> bool:
            return self.returncode is not None or condition()

        try:
            wait_until(ready_or_dead, seconds, what)
        except ServerError as error:
            message = f"{error}. Its last output:\n{self.tail()}"
            raise ServerError(message) from None
        if self.returncode is not None:
            message = f"{what} did not happen: the process ended with {self.returncode}. Its last output:\n{self.tail()}"
            raise ServerError(message)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def limit_files(self, size: int = resource.RLIM_INFINITY) -> None:
        """Let no file grow beyond `size` bytes, as if the disk were full; without a size, remove the limit."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def wait(self, seconds: float) -> int:
        """The exit code. Raises `subprocess.TimeoutExpired` if the process runs on."""
        return self._process.wait(seconds)

    def stop(self, seconds: float = 20) -> None:
        """Terminate the process, and kill it if it does not end."""
        if self.returncode is None:
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        atexit.unregister(self.kill)

    def kill(self) -> None:
        if self.returncode is None:
            self._process.kill()
            self._process.wait()


def heed_ctrl_c() -> None:
    """Runs in a child before its program: SIGINT ends it even if the tests ignore SIGINT, as in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _before_it_runs() -> None:
    heed_ctrl_c()
    # For a `kill -9` of the tests, when neither fixtures nor atexit handlers run.
    if _libc is not None:
        _libc.prctl(_LINUX_PR_SET_PDEATHSIG, signal.SIGKILL)
