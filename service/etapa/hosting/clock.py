"""The real clock behind `ports.Clock`."""

import asyncio
import time


class SystemClock:
    """The machine's wall clock, and the event loop's way of waiting."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
