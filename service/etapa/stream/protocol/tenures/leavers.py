"""Finds the customers whose home is elsewhere: in portions, and not faster than a rate. As with the reclassifier, each tenure begins anew."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from etapa.stream.protocol.ports import View

_NEVER: Final = 3600.0
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of states in one portion; one state may be larger."""


class Leavers(NamedTuple):
    """Customers who leave now. `all_seen`: nobody else has to."""

    customer_ids: Sequence[str]
    all_seen: bool


class LeaverSearch:
    """`most` customers at a time, `rate` in a second. Times are seconds of a monotonic clock, read by the caller."""

    def __init__(self, view: View, most: int, rate: float, announced: float | None = None) -> None:
        """`announced`: the rate to keep to from the start, as in `keep_to`."""
        self._view = view
        self._most = most
        self._usual_rate = rate
        self._rate = rate if announced is None else announced
        self._allowed_at = 0.0
        self._found: list[tuple[str, int]] = []
        """Those who have to leave, and the bytes of their states."""
        self._cursor: int | None = 0
        """Where to go on; none: all were seen."""
        self.customers = 0
        """How many live here, as of the last portion."""

    def begin_anew(self) -> None:
        """Homes have changed."""
        self._cursor, self._found = 0, []

    def keep_to(self, rate: float | None) -> None:
        """From now on so many leave in a second; nobody with 0, the usual number with none."""
        self._rate = self._usual_rate if rate is None else rate

    def idle_for(self, now: float) -> float:
        """Seconds until the rate allows more customers to leave."""
        return max(0.0, self._allowed_at - now) if self._rate else _NEVER

    async def next(self, now: float, has_to_leave: Callable[[str, bytes], bool]) -> Leavers:
        """The next to leave, perhaps none. `has_to_leave` is asked of each id and its state, or the address in place of one.

        The view must show all that was committed. Raises `ViewError`.
        """
        if now < self._allowed_at or not self._rate:
            return Leavers([], all_seen=False)
        if not self._found and self._cursor is not None:
            scanned = await self._view.scan(self._cursor, self._most)
            self._cursor = scanned.cursor
            self.customers = scanned.customers
            seen = dict(scanned.states).items()
            self._found = sorted((customer_id, len(state)) for customer_id, state in seen if has_to_leave(customer_id, state))
        # Never more than a second's worth at once.
        most = min(len(self._found), max(1, min(self._most, int(self._rate))))
        count = size = 0
        while count < most and size < MOST_BYTES:
            size += self._found[count][1]
            count += 1
        leaving, self._found = [customer_id for customer_id, _ in self._found[:count]], self._found[count:]
        if leaving:
            # Unused time is not made up for, so the rate is never exceeded.
            self._allowed_at = now + len(leaving) / self._rate
        return Leavers(leaving, all_seen=not leaving and self._cursor is None)
