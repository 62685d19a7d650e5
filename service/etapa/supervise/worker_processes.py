"""Starts the processes of workers, and keeps one in reserve: it has loaded everything, and waits to be told which worker it is.

Loading takes a second of processor time, and longest where the machine has most to do. What a killed worker had need not wait for it.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

RESERVE_AFTER = 5.0
"""Seconds after a start until there is a process in reserve again: its loading must not slow the worker down that was just started."""

logger = logging.getLogger(__name__)


class WorkerPlace(msgspec.Struct, frozen=True):
    """Which worker a process is."""

    number: int
    name: str
    """In the group, also after the next start."""
    socket: str
    """Where it serves HTTP."""


class WorkerProcesses:
    """The processes of one supervisor."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` runs a worker that calls `assigned_place`."""
        self._command = command
        self._reserve: asyncio.subprocess.Process | None = None
        self._loading: asyncio.Task[None] | None = None

    async def start(self, place: WorkerPlace) -> asyncio.subprocess.Process:
        """A process that is this worker from now on: the one in reserve, if there is one."""
        process, self._reserve = self._reserve, None
        if process is None or process.returncode is not None:
            process = await self._load()
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(place) + b"\n")
            # If it has ended just now, its end is noticed as any other.
            with suppress(ConnectionError):
                await process.stdin.drain()
        if self._loading is not None:
            self._loading.cancel()
        self._loading = asyncio.create_task(self._keep_one_in_reserve(), name="etapa reserve")
        logger.info("worker %d is process %d", place.number, process.pid)
        return process

    async def stop(self) -> None:
        """End the one in reserve."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait({self._loading})
        if self._reserve is not None and self._reserve.returncode is None:
            self._reserve.kill()
            await self._reserve.wait()

    async def _keep_one_in_reserve(self) -> None:
        await asyncio.sleep(RESERVE_AFTER)
        if self._reserve is None or self._reserve.returncode is not None:
            self._reserve = await self._load()

    async def _load(self) -> asyncio.subprocess.Process:
        # The pipe closes when the supervisor is gone, however it ended, which tells the worker.
        return await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.PIPE)


def assigned_place() -> WorkerPlace:
    """In the process of a worker: wait until the supervisor says which worker it is. Ends the process if the supervisor ends before."""
    # Ctrl-C in a terminal reaches it as well; its supervisor ends it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    signal.signal(signal.SIGINT, before)
    if not line:
        sys.exit(0)
    return msgspec.json.decode(line, type=WorkerPlace)
