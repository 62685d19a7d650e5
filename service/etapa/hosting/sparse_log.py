"""A log filter that does not repeat the same message thousands of times."""

import logging
import time
from collections.abc import Callable

MOST_KINDS = 1_000
"""How many distinct messages are remembered."""


class Sparse(logging.Filter):
    """Lets a message through only once in a while, whatever its arguments, and says how many were held back.

    While a broker is unreachable, every aiokafka client reports every attempt, which makes thousands of lines a minute. So
    do records that cannot be judged.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._monotonic = monotonic
        self._last: dict[tuple[str, str], float] = {}
        self._held_back: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this message may be shown."""
        kind = record.name, str(record.msg)
        now = self._monotonic()
        if now - self._last.get(kind, -self._seconds) < self._seconds:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        if len(self._last) >= MOST_KINDS:
            # Some messages already contain their arguments, so their number has no limit.
            self._last.clear()
            self._held_back.clear()
        self._last[kind] = now
        held_back = self._held_back.pop(kind, 0)
        if held_back:
            record.msg = f"{record.getMessage()} ({held_back} more like this were not shown)"
            record.args = ()
        return True
