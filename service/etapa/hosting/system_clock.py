"""The real clock behind `ports.Clock`."""

import asyncio
import time

_GOES_ON_ASLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's wall clock, and the event loop's way of waiting."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def elapsed(self) -> float:
        """Seconds of a clock that is never set, and that keeps running while the machine sleeps (where the system has one)."""
        return time.monotonic() if _GOES_ON_ASLEEP is None else time.clock_gettime(_GOES_ON_ASLEEP)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
