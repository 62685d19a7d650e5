"""Notices when somebody else's open transaction holds back what readers of committed records may read."""

from collections.abc import Callable

from etapa.journey.units import SECOND

STANDS_STILL: int = 5 * SECOND
"""A partition's stable end that has not moved for so long, with records behind it, is told: transactions take a moment in any case."""


class StableEnd:
    """Follows a partition through the brokers' answers. `tell` gets the time since when the stable end stands still, once it is certain, and none
    as soon as it moves on.
    """

    def __init__(self, tell: Callable[[int | None], None]) -> None:
        self._tell = tell
        self._stable = -1
        self._since = 0
        self._is_told = False

    def look(self, position: int, stable: int | None, end: int | None, now: int) -> None:
        """The last answer: up to where committed records may be read, and where the partition ends; none before the first answer.

        `position` is where we read next, and `now` in microseconds since 1970.
        """
        if stable is None or end is None or not position >= stable < end:
            # Nothing is behind it, or there is still something to read before it.
            self._stable = -1
            self._moves_on()
        elif stable != self._stable:
            self._stable, self._since = stable, now
            self._moves_on()
        elif not self._is_told and now - self._since >= STANDS_STILL:
            self._is_told = True
            self._tell(self._since)

    def _moves_on(self) -> None:
        if self._is_told:
            self._is_told = False
            self._tell(None)
