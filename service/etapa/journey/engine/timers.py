"""When each customer is due: a calendar queue that yields timers in order of (due, customer id).

Most timers are put off before they are due, so keeping all of them sorted would be wasted work. A timer goes unsorted into the span that
holds its time, and a span is sorted only when its time has come; who was put off by then goes on to a later span. See R. Brown, "Calendar
queues", Communications of the ACM 31 (1988).
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.nearness import IS_POSSIBLE, bring_all_near, bring_places_near

__all__ = ["CustomerTimer", "Timers"]

_SPAN_BITS: Final = 34
"""A span is two to the power of this in microseconds: almost five hours."""

_PLACE_BITS: Final = 13
_MANY: Final = 1 << _PLACE_BITS
"""A span with more timers becomes a heap, which spreads the work; sorting it at once would block the partition for too long."""

_TOGETHER: Final = 32
"""Timers whose customers are brought near together: what they hold fits into all but the nearest cache."""

_NUMBER_OF_NEVER: Final = NEVER >> _SPAN_BITS

_HeapEntry = tuple[int, str, int, "CustomerTimer"]
"""Due time, customer id, how many came into a heap before, and the timer."""


@mypyc_attr(acyclic=True)
class CustomerTimer:
    """When a customer is due. It can be put off, or brought forward by `Timers.schedule`, at any time."""

    __slots__ = ("due", "filed", "id")

    def __init__(self, customer_id: str) -> None:
        self.id: Final = customer_id
        self.due = NEVER
        """In microseconds since 1970; after the end of time if the customer is never due."""
        self.filed = NEVER
        """The time under which `Timers` has it: `due`, or earlier if it was put off since; `NEVER` if `Timers` does not have it."""

    def cancel(self) -> None:
        """Let it never be due, and `Timers` pass over it."""
        self.due = self.filed = NEVER


@final
class Timers:
    """Timers of customers, each at most once as far as can be seen from outside."""

    __slots__ = ("_added", "_entries", "_heap", "_keys", "_near", "_next", "_opened", "_ordered", "_spans", "_unopened", "earliest")

    def __init__(self) -> None:
        self.earliest = NEVER
        """Nothing is due before this; `NEVER` if there is no entry. Comparing with it saves a call."""
        self._entries = 0
        # Timers of later spans, by span number, and a heap of these numbers. One that was brought forward since is passed over.
        self._spans: dict[int, list[CustomerTimer]] = {}
        self._unopened: list[int] = []
        # The span opened last: its timers in the order in which they are due, and for each a number that holds the time from the span's
        # beginning. What comes before `_next` was taken.
        self._opened = -_NUMBER_OF_NEVER
        self._ordered: list[CustomerTimer] = []
        self._keys: list[int] = []
        self._next = 0
        # Of how many of the next timers the customers are near.
        self._near = 0
        # What was added since to this span or earlier ones. A large span is entirely in the heap.
        self._heap: list[_HeapEntry] = []
        self._added = 0

    def __len__(self) -> int:
        """How many entries there are, with those that will be passed over."""
        return self._entries

    def schedule(self, timer: CustomerTimer, due: int) -> None:
        """Let the timer be due at `due`, which may be in the past; after the end of time: never."""
        timer.due = due
        filed = timer.filed
        if due >= filed or due > END_OF_TIME:
            # It is found to be put off when its time comes.
            return
        timer.filed = due
        if due < self.earliest:
            self.earliest = due
        number = due >> _SPAN_BITS
        if number <= self._opened:
            self._entries += 1
            self._push(timer, due)
        elif filed >> _SPAN_BITS != number:
            self._entries += 1
            span = self._spans.get(number)
            if span is None:
                self._spans[number] = [timer]
                heappush(self._unopened, number)
            else:
                span.append(timer)

    def any_due(self, by: int) -> bool:
        """Whether a timer is due at `by`."""
        timer = self.take_due(by)
        if timer is None:
            return False
        self.schedule(timer, timer.due)
        return True

    def take_due(self, by: int) -> CustomerTimer | None:
        """Remove and return the timer that is due first, by its time and its customer's id, if it is due at `by`. Its `due` still tells when."""
        while self.earliest <= by:
            in_heap = self._heap_is_first()
            if in_heap:
                at, _, _, timer = self._heap[0]
            elif self._next < len(self._keys):
                key = self._keys[self._next]
                at = (self._opened << _SPAN_BITS) + (key >> _PLACE_BITS)
                timer = self._ordered[self._next]
            else:
                self._open_next(by)
                continue
            self.earliest = at
            if at > by:
                break
            self._entries -= 1
            if in_heap:
                heappop(self._heap)
            else:
                self._next += 1
            if timer.filed == at:
                timer.filed = NEVER
                if timer.due == at:
                    if IS_POSSIBLE:  # only compiled
                        self._bring_near(timer)
                    return timer
                self.schedule(timer, timer.due)
        return None

    def next_timers(self, most: int) -> list[CustomerTimer]:
        """Which timers come next, up to `most` of them. A guess: some may be put off, and of those in the heap it takes any that are early."""
        timers = self._ordered[self._next : self._next + most]
        return timers or [entry[3] for entry in self._heap[:most]]

    def _bring_near(self, timer: CustomerTimer) -> None:  # only compiled
        """Have the customers of this timer and the next near, also of those that are not due yet: their time mostly comes soon."""
        if self._near == 0:
            bring_all_near([timer, *self.next_timers(_TOGETHER - 1)])
            self._near = _TOGETHER
        self._near -= 1

    def refile(self, timers: Iterable[CustomerTimer]) -> None:
        """Have those of these that it has, and nothing that will be passed over. It must have no others."""
        self.earliest = NEVER
        self._entries = 0
        self._spans.clear()
        self._unopened.clear()
        self._empty_ordered()
        self._heap.clear()
        for timer in timers:
            if timer.filed != NEVER:
                timer.filed = NEVER
                self.schedule(timer, timer.due)

    def _push(self, timer: CustomerTimer, due: int) -> None:
        # The number decides between two timers of one customer, of which one was cancelled.
        self._added += 1
        heappush(self._heap, (due, timer.id, self._added, timer))

    def _heap_is_first(self) -> bool:
        if not self._heap:
            return False
        if self._next >= len(self._keys):
            return True
        key = self._keys[self._next]
        at = (self._opened << _SPAN_BITS) + (key >> _PLACE_BITS)
        due, customer_id, _, _ = self._heap[0]
        return due < at or (due == at and customer_id < self._ordered[self._next].id)

    def _open_next(self, by: int) -> None:
        """Open the next span if it has begun by `by`. All spans before it must be empty."""
        if not self._unopened:
            self.earliest = NEVER
            return
        number = self._unopened[0]
        start = number << _SPAN_BITS
        if start > by:
            self.earliest = start
            return
        heappop(self._unopened)
        span = self._spans.pop(number)
        self._entries -= len(span)
        self._opened = number
        due_here: list[CustomerTimer] = []
        if IS_POSSIBLE:  # only compiled
            bring_places_near(span)
        for timer in span:
            if timer.filed >> _SPAN_BITS == number:
                if timer.due >> _SPAN_BITS == number:
                    timer.filed = timer.due
                    due_here.append(timer)
                else:
                    timer.filed = NEVER
                    self.schedule(timer, timer.due)
        self._entries += len(due_here)
        if len(due_here) > _MANY:
            self._empty_ordered()
            self._heap = []
            for timer in due_here:
                self._added += 1
                self._heap.append((timer.due, timer.id, self._added, timer))
            heapify(self._heap)
        else:
            self._order(due_here, start)

    def _order(self, timers: list[CustomerTimer], start: int) -> None:
        keys: list[int] = []
        for place, timer in enumerate(timers):
            keys.append((timer.due - start) << _PLACE_BITS | place)
        keys.sort()
        ordered = [timers[key & (_MANY - 1)] for key in keys]
        # Those with the very same time, which are few, come in the order of their customers.
        before, alike_from = -1, -1
        for place, key in enumerate(keys):
            after_start = key >> _PLACE_BITS
            if after_start != before:
                if alike_from >= 0:
                    ordered[alike_from:place] = sorted(ordered[alike_from:place], key=_customer_of)
                before, alike_from = after_start, -1
            elif alike_from < 0:
                alike_from = place - 1
        if alike_from >= 0:
            ordered[alike_from:] = sorted(ordered[alike_from:], key=_customer_of)
        self._ordered, self._keys, self._next, self._near = ordered, keys, 0, 0

    def _empty_ordered(self) -> None:
        self._ordered, self._keys, self._next, self._near = [], [], 0, 0


def _customer_of(timer: CustomerTimer) -> str:
    return timer.id
