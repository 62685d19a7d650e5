"""When each customer is due: a calendar queue, which gives timers in order of (due, customer id).

Many timers are outdated before their time comes, so keeping all of them sorted at all times would be wasted work. An entry goes unsorted
into the span of its time, and a span is sorted only when its time has come. See R. Brown, "Calendar queues", Communications of the
ACM 31 (1988).
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, final

from etapa.journey.engine.facts.instant import NEVER

__all__ = ["Timers"]

_SPAN_BITS: Final = 34
"""A span is two to the power of this in microseconds: not quite five hours."""

_MANY: Final = 8192
"""A span with more entries becomes a heap, which spreads the work; sorting it would block the partition for too long at once."""


@final
class Timers:
    """Entries of (due, customer id), due in microseconds since 1970 and before `NEVER`. A customer may have several."""

    __slots__ = ("_entries", "_heap", "_opened", "_ordered", "_spans", "_unopened", "earliest")

    def __init__(self) -> None:
        self.earliest = NEVER
        """Nothing is due before this; `NEVER` when there is no entry. Comparing with it saves a call."""
        self._entries = 0
        # The later entries, by the number of their span, and a heap of these numbers.
        self._spans: dict[int, list[tuple[int, str]]] = {}
        self._unopened: list[int] = []
        # What is left of the span that was opened last, the first entry at its end; and a heap of what was added to it, or to
        # those before it, since then. The whole span is in the heap if it is a large one.
        self._opened = -NEVER
        self._ordered: list[tuple[int, str]] = []
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """How many entries there are."""
        return self._entries

    def add(self, due: int, customer_id: str) -> None:
        """Have the customer come up at `due`, which may have passed."""
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
        """Take out the first entry, after `any_due` has said that there is one."""
        self._entries -= 1
        return heappop(self._heap) if self._heap_is_first() else self._ordered.pop()

    def replace(self, entries: Iterable[tuple[int, str]]) -> None:
        """Have these entries instead of those that there are."""
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
        """Put the next span in order if it has begun at `by`. Nothing is left of those before it."""
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
