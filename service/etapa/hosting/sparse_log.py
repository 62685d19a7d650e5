"""A log that does not say the same thousands of times."""

import logging
import time
from collections.abc import Callable

MOST_KINDS = 1_000
"""Messages that are remembered as having been let through."""


class Sparse(logging.Filter):
    """Lets a message through only once in a while, whatever its arguments, and says how often it came in between.

    While a broker is away, each of aiokafka's clients reports each of its tries, which makes thousands of lines a minute. So
    do records that cannot be judged.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._monotonic = monotonic
        self._last: dict[tuple[str, str], float] = {}
        self._held_back: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True when this one may be shown."""
        kind = record.name, str(record.msg)
        now = self._monotonic()
        if now - self._last.get(kind, -self._seconds) < self._seconds:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        if len(self._last) >= MOST_KINDS:
            # Some messages come with their arguments in them, so that there is no end of kinds.
            self._last.clear()
            self._held_back.clear()
        self._last[kind] = now
        held_back = self._held_back.pop(kind, 0)
        if held_back:
            record.msg = f"{record.getMessage()} ({held_back} more like this were not shown)"
            record.args = ()
        return True
