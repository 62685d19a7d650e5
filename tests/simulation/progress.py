"""How far a long run has got: on a terminal one line that is overwritten, elsewhere a line now and then."""

from typing import TextIO

EVERY_ON_A_TERMINAL = 1.0
EVERY_ELSEWHERE = 30.0


class SeedProgress:
    """Progress over `total` seeds, written to `stream`. Times are seconds of a clock that never goes back."""

    def __init__(self, total: int, stream: TextIO, now: float) -> None:
        self._total = total
        self._stream = stream
        self._overwrites = stream.isatty()
        self._every = EVERY_ON_A_TERMINAL if self._overwrites else EVERY_ELSEWHERE
        self._started = now
        self._told = now
        self._done = 0
        self._failing = 0

    def step(self, now: float, *, failed: bool) -> None:
        """Another seed is done."""
        self._done += 1
        self._failing += failed
        if now - self._told < self._every or self._done == self._total:
            return
        self._told = now
        rate = self._done / (now - self._started)
        left = round((self._total - self._done) / rate)
        text = f"{self._done} of {self._total} seeds, {self._failing} failing, {rate:.0f} seeds/s, {left // 60}:{left % 60:02d} min left"
        self._stream.write(f"\r{text}\x1b[K" if self._overwrites else text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Make room for another line of output."""
        if self._overwrites:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
