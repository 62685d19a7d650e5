"""Limits how many requests are answered in a second. Others must wait, so that a client that loops over all customers cannot overload Redis."""

import time
from collections.abc import Callable


class Allowance:
    """A token bucket: it holds one second's worth of requests, and refills at that rate."""

    def __init__(self, a_second: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` returns seconds that never go back."""
        self._rate = float(a_second)
        self._left = self._rate
        self._monotonic = monotonic
        self._filled_at = monotonic()

    def take(self) -> float:
        """0 when one more request may be answered now, otherwise the seconds until one may."""
        now = self._monotonic()
        self._left = min(self._rate, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0
