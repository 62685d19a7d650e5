"""When each customer is due: a calendar queue that yields timers in order of (due, customer id).

Many timers are outdated before they are due, so keeping all of them sorted would be wasted work. Entries go unsorted into the span
that holds their time, and a span is sorted only when its time has come. See R. Brown, "Calendar queues", Communications of the
ACM 31 (1988).
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, final

from etapa.journey.engine.facts.instant import NEVER

__all__ = ["Timers"]

_SPAN_BITS: Final = 34
"""A span is two to the power of this in microseconds: almost five hours."""

_MANY: Final = 8192
"""A span with more entries becomes a heap, which spreads the work; sorting it at once would block the partition for too long."""


@final
class Timers:
    """Entries of (due, customer id), due in microseconds since 1970 and before `NEVER`. A customer may have several."""

    __slots__ = ("_entries", "_heap", "_opened", "_ordered", "_spans", "_unopened", "earliest")

    def __init__(self) -> None:
        self.earliest = NEVER
        """Nothing is due before this; `NEVER` if there is no entry. Comparing with it saves a call."""
        self._entries = 0
        # Entries of later spans, by span number, and a heap of these numbers.
        self._spans: dict[int, list[tuple[int, str]]] = {}
        self._unopened: list[int] = []
        # What is left of the span opened last, with the first entry at the end of the list; and a heap of what was added since to
        # this span or earlier ones. A large span is entirely in the heap.
        self._opened = -NEVER
        self._ordered: list[tuple[int, str]] = []
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """How many entries there are."""
        return self._entries

    def add(self, due: int, customer_id: str) -> None:
        """Add a timer for the customer at `due`, which may be in the past."""
        self._entries += 1
        if due < self.earliest:
            self.earliest = due
        number = due >> _SPAN_BITS
        if number <= self._opened:
            heappush(self._heap, (due, customer_id))
            return
        span = self._spans.get(number)
        if span is None:
            self._spans[number] = [(due, customer_id)]
            heappush(self._unopened, number)
        else:
            span.append((due, customer_id))

    def any_due(self, by: int) -> bool:
        """Whether an entry is due at `by`."""
        while self.earliest <= by:
            if self._heap or self._ordered:
                self.earliest = self._heap[0][0] if self._heap_is_first() else self._ordered[-1][0]
                return self.earliest <= by
            self._open_next(by)
        return False

    def take(self) -> tuple[int, str]:
        """Remove and return the first entry. Call only after `any_due` has returned true."""
        self._entries -= 1
        return heappop(self._heap) if self._heap_is_first() else self._ordered.pop()

    def replace(self, entries: Iterable[tuple[int, str]]) -> None:
        """Replace all entries by these."""
        self.earliest = NEVER
        self._entries = 0
        self._spans.clear()
        self._unopened.clear()
        self._ordered.clear()
        self._heap.clear()
        for due, customer_id in entries:
            self.add(due, customer_id)

    def _heap_is_first(self) -> bool:
        return bool(self._heap) and (not self._ordered or self._heap[0] < self._ordered[-1])

    def _open_next(self, by: int) -> None:
        """Open and sort the next span if it has begun by `by`. All spans before it must be empty."""
        if not self._unopened:
            self.earliest = NEVER
            return
        number = self._unopened[0]
        start = number << _SPAN_BITS
        if start > by:
            self.earliest = start
            return
        heappop(self._unopened)
        self._opened = number
        span = self._spans.pop(number)
        if len(span) > _MANY:
            heapify(span)
            self._heap = span
        else:
            span.sort(reverse=True)
            self._ordered = span
