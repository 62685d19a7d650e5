"""One of several workers: a process that is restarted when it ends by itself, and stopped with the supervisor."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from etapa.errors import EtapaError
from etapa.supervise.worker_processes import WorkerPlace, WorkerProcesses

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Longest pause before a restart, in seconds; the pause doubles each time up to this."""
STEADY_SECONDS = 10.0
"""A worker that ran for this many seconds did not fail at its start: it is started again at once, since its partitions wait for it."""
WRONG_USE = 2
"""The exit code of a command whose settings are wrong; another try would end the same way."""

logger = logging.getLogger(__name__)


class WrongSettings(EtapaError):
    """A worker ended because its settings are wrong; its own message says which."""


class SupervisedWorker:
    """A worker with a number, which serves HTTP on a Unix socket."""

    def __init__(self, place: WorkerPlace, processes: WorkerProcesses, restarted: Callable[[int], None]) -> None:
        """`restarted` is called with its number at each restart."""
        self.number = place.number
        self.socket = Path(place.socket)
        self.starts = 0
        """How many times it was started. A new number means a new process, whose counters begin at 0."""
        self._place = place
        self._processes = processes
        self._restarted = restarted
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process now."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        return self._process.pid if self._process is not None and self.is_running else None

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep it running until told to stop, then stop it. Raises `WrongSettings` when no start can succeed."""
        pause = 0.0
        asked = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                began = time.monotonic()
                process = await self._start()
                ended = asyncio.ensure_future(process.wait())
                await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.is_set():
                    await self._stop(process, ended)
                    return
                if process.returncode == WRONG_USE:
                    raise WrongSettings(f"worker {self.number} cannot run with these settings; its message stands above")
                pause = 0.0 if time.monotonic() - began >= STEADY_SECONDS else min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
                when = f"in {pause:g} s" if pause else "at once"
                logger.error("worker %d ended (%s); it is started again %s", self.number, _how(process.returncode), when)
                await asyncio.wait({asked}, timeout=pause)
                if not stopping.is_set():
                    self._restarted(self.number)
        finally:
            asked.cancel()
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self.socket.unlink(missing_ok=True)
        self.starts += 1
        self._process = await self._processes.start(self._place)
        return self._process

    async def _stop(self, process: asyncio.subprocess.Process, ended: asyncio.Future[int]) -> None:
        # Ctrl-C in a terminal has reached it already; a second signal does no harm.
        if process.returncode is None:
            process.terminate()
        # A worker limits by itself how long it takes to stop.
        await ended


def _how(code: int | None) -> str:
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
