"""The stream of a live map's figures: they are read once a second for all viewers, and not at all while there are none."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from etapa.errors import EtapaError
from etapa.serve.live_map import LiveFigures

EVERY_SECONDS = 1.0
"""Pause between two reads of the figures."""
BEAT_SECONDS = 5.0
"""How long a stream may be silent; a beat tells the page that unchanged figures are still fresh."""

logger = logging.getLogger(__name__)


class MapStream:
    """Server-sent events with changed figures. There is one set of figures in memory, however many viewers there are and however slow."""

    def __init__(
        self, read: Callable[[], Awaitable[LiveFigures]], most: int, every: float = EVERY_SECONDS, beat: float = BEAT_SECONDS
    ) -> None:
        """`most`: how many viewers there may be at a time. `every`, `beat`: seconds."""
        self._read = read
        self._most = most
        self._every = every
        self._beat = beat
        self._lookers = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._event = b""
        self._version = 0
        self._fresh_at = 0.0
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether no further viewer is admitted."""
        return self._lookers >= self._most

    async def events(self) -> AsyncGenerator[bytes]:
        """Figures whenever they change (slow viewers get only the latest), and a beat now and then. Ends when the server does."""
        clock = asyncio.get_running_loop().time
        self._lookers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        seen = 0
        try:
            while not self._closed:
                async with self._changed:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._beat):
                            while self._version == seen and not self._closed:
                                await self._changed.wait()
                if self._version != seen:
                    seen = self._version
                    yield self._event
                elif clock() - self._fresh_at < 2 * self._beat:
                    yield b"event: beat\ndata:\n\n"
        finally:
            self._lookers -= 1
            if not self._lookers:
                await self._stop()

    async def close(self) -> None:
        """End all streams."""
        self._closed = True
        await self._stop()
        async with self._changed:
            self._changed.notify_all()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _look(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                event = b"event: figures\ndata: " + msgspec.json.encode(await self._read()) + b"\n\n"
            except EtapaError as error:
                # Viewers get no event, and see how old their figures are.
                logger.debug("the figures of the map cannot be read: %s", error)
            else:
                self._fresh_at = clock()
                if event != self._event:
                    async with self._changed:
                        self._event = event
                        self._version += 1
                        self._changed.notify_all()
            await asyncio.sleep(self._every)
