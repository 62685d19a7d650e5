"""Measures the memory of a process continuously, and limits its share of a processor as a container does."""

import contextlib
import signal
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

MEBIBYTE = 1024 * 1024
_EVERY = 0.1
_PERIOD = 0.1
"""The period in which a process gets its share, in seconds, as Linux has it for containers."""


def resident(pid: int, field: str = "VmRSS") -> int:
    """Bytes of a process's memory: now, or with `VmHWM` the peak so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    message = f"process {pid} has no {field}"
    raise ProcessLookupError(message)


class MemoryWatch(AbstractContextManager["MemoryWatch"]):
    """Watches a process's memory continuously."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most = 0
        """The peak in bytes since the watch began or `begin` was called."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def begin(self) -> None:
        """Forget what was seen before."""
        self.most = 0

    def _run(self) -> None:
        # Other checks find that the process has ended.
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            while not self._stopped.wait(_EVERY):
                self.most = max(self.most, resident(self._pid))


class SignalSender(Protocol):
    """A process that signals can be sent to."""

    def signal(self, number: int) -> None: ...


class Throttle(AbstractContextManager["Throttle"]):
    """Lets a process run for only a `share` of the time: it is stopped and continued ten times a second."""

    def __init__(self, process: SignalSender, share: float) -> None:
        self._signal = process.signal
        self._share = share
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """Let it run all the time again."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._signal(signal.SIGSTOP)
                time.sleep(_PERIOD * (1 - self._share))
                self._signal(signal.SIGCONT)
                time.sleep(_PERIOD * self._share)
        finally:
            self._signal(signal.SIGCONT)
