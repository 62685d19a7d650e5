"""Many customers of one partition: stream time, timers in the order in which they are due, and what came of it all.

The partition does no loading and no storing. Whoever feeds it admits the customers of the touchpoints to come and those
whose timers will become due, and collects what is to be published and stored. How touchpoints are cut into batches between
two collections changes nothing.
"""

from collections.abc import Container, Iterable
from contextlib import suppress
from copy import deepcopy
from heapq import heapify, heappop, heappush
from itertools import islice

import msgspec

from etapa.journey.engine.classify import EvaluationFailed, reclassify, strike, touch
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.instant import NEVER
from etapa.journey.engine.program import Program
from etapa.journey.engine.touchpoint import StageChange, Touchpoint

__all__ = ["EvaluationFailed", "Partition", "Work"]

_SLACK = 1024
"""Heap entries that are out of date and may lie around before the heap is built anew."""


class Work(msgspec.Struct, gc=False):
    """What came of the touchpoints and timers since the last collection."""

    changes: list[StageChange]
    """In the order in which they happened."""
    unpublished: list[StageChange]
    """Those that nobody is to hear of. They take no numbers, so their sequence means nothing."""
    changed: dict[str, Customer]
    """The customers to be stored, by id. They are live: encode them before the partition is fed again."""
    applied: int
    duplicates: int
    timers_fired: int
    timer_delays: list[float]
    """For each timer that stream time made fire, how long after its due time and the journey's grace, in seconds of stream time."""
    failures: list[EvaluationFailed]
    """Timers that were dropped because judging them raised."""


class Partition:
    """Customers in memory, their timers, and the partition's stream time (microseconds; none before the first touchpoint).

    When a method raises, customers may be half changed: throw the partition away.
    """

    def __init__(self, program: Program, stream_time: int | None) -> None:
        self.program = program
        self._grace = program.grace
        self.stream_time = stream_time
        # None stands for a customer without a state yet. In order of use, least recent first, as of the last collection.
        self._customers: dict[str, Customer | None] = {}
        # (time, customer id), and the one entry of each customer that counts. It may be earlier than the customer's due
        # time (then it is put back when it comes up), never later. So most touchpoints, which put the due time off,
        # need not touch the heap.
        self._heap: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._work = _no_work()

    def __len__(self) -> int:
        """How many customers are in memory."""
        return len(self._customers)

    def missing(self, customer_ids: Iterable[str]) -> list[str]:
        """Those that are not in memory, each once, in order."""
        customers = self._customers
        return [each for each in dict.fromkeys(customer_ids) if each not in customers]

    def admit(self, customer_id: str, customer: Customer | None) -> None:
        """Take a loaded customer into memory; none: there is no state, it will be new. One that is in memory already is kept."""
        if customer_id not in self._customers:
            self._customers[customer_id] = customer
            if customer is not None and customer.due is not None:
                self._schedule(customer_id, customer.due)

    def take(self, touchpoint: Touchpoint, wall: int) -> None:
        """Process a touchpoint of an admitted customer, after the timers that it makes due. `wall` caps stream time.

        Raises `EvaluationFailed`, and `KeyError` when the customer was not admitted.
        """
        at = touchpoint.at
        if at > wall:
            at = wall
        stream_time = self.stream_time
        if stream_time is None or at > stream_time:
            self.stream_time = stream_time = at
        heap = self._heap
        if heap and heap[0][0] <= stream_time - self._grace:
            self._fire_due_at(stream_time)

        customer_id = touchpoint.customer_id
        known = self._customers[customer_id]
        touched = touch(self.program, known, touchpoint)
        work = self._work
        if touched.duplicate:
            work.duplicates += 1
            return
        work.applied += 1
        if touched.changes:
            work.changes += touched.changes
        if touched.timers:
            work.timers_fired += touched.timers
            work.failures += touched.failures
        customer = touched.customer
        work.changed[customer_id] = customer
        if known is None:
            self._customers[customer_id] = customer
        due = customer.due
        # Most touchpoints put it off, which needs no call.
        if due is not None and due < self._scheduled.get(customer_id, NEVER):
            self._schedule(customer_id, due)

    def rehearse(self, touchpoint: Touchpoint, wall: int) -> None:
        """Raise `EvaluationFailed` if `take` would, and change nothing. Takes several times as long."""
        known = self._customers[touchpoint.customer_id]
        customer = deepcopy(known)
        at = min(touchpoint.at, wall)
        by = (at if self.stream_time is None else max(at, self.stream_time)) - self._grace
        while customer is not None and customer.due is not None and customer.due <= by:
            # That it could not be judged is told when it really strikes.
            with suppress(EvaluationFailed):
                strike(self.program, customer, customer.due)
        touch(self.program, customer, touchpoint)

    def advance(self, stream_time: int) -> None:
        """Move stream time on (never back) and fire the timers that this makes due."""
        if self.stream_time is None or stream_time > self.stream_time:
            self.stream_time = stream_time
        self._fire_due_at(self.stream_time)

    def reclassify(self, customer_id: str, *, publish: bool) -> bool:
        """Carry an admitted customer over from an older version of the journey. Gives whether it changed its stage.

        Unless `publish`, what comes of it up to now is not published, triggers nothing and takes no numbers: the next change that
        is published goes on in `sequence`, from whatever stage the customer is in then. Raises `EvaluationFailed`; the customer
        then is as it was.
        """
        customer = self._customers[customer_id]
        if customer is None or customer.version >= self.program.version:
            return False
        stage, outreach = customer.stage, customer.outreach
        touched = reclassify(self.program, customer, None if self.stream_time is None else self.stream_time - self._grace)
        work = self._work
        work.timers_fired += touched.timers
        work.failures += touched.failures
        if publish:
            work.changes += touched.changes
        else:
            work.unpublished += touched.changes
            customer.sequence -= len(touched.changes)
            # What is not published triggers nothing, so it uses nothing up.
            customer.outreach = outreach
        work.changed[customer_id] = customer
        if customer.due is not None:
            self._schedule(customer_id, customer.due)
        return customer.stage != stage

    def collect(self) -> Work:
        """What came of everything since the last collection."""
        work, self._work = self._work, _no_work()
        customers = self._customers
        for customer_id in work.changed:
            customers[customer_id] = customers.pop(customer_id)
        return work

    def forget(self, keep: int, protect: Container[str]) -> None:
        """Let go of the least recently used customers beyond `keep`, except those in `protect` and those not yet collected."""
        excess = len(self._customers) - keep
        if excess <= 0:
            return
        changed = self._work.changed
        unused = (each for each in self._customers if each not in protect and each not in changed)
        for customer_id in list(islice(unused, excess)):
            del self._customers[customer_id]
            self._scheduled.pop(customer_id, None)

    def _schedule(self, customer_id: str, due: int) -> None:
        scheduled = self._scheduled.get(customer_id)
        if scheduled is None or due < scheduled:
            self._scheduled[customer_id] = due
            heappush(self._heap, (due, customer_id))
            if len(self._heap) > 2 * len(self._scheduled) + _SLACK:
                self._heap = [(at, each) for each, at in self._scheduled.items()]
                heapify(self._heap)

    def _fire_due_at(self, stream_time: int) -> None:
        """Fire the timers that are due at `stream_time`, in order of (due, customer id)."""
        by = stream_time - self._grace
        work = self._work
        while self._heap and self._heap[0][0] <= by:
            at, customer_id = heappop(self._heap)
            if self._scheduled.get(customer_id) != at:
                continue
            del self._scheduled[customer_id]
            customer = self._customers[customer_id]
            if customer is None or customer.due is None:
                continue
            if customer.due == at:
                work.timers_fired += 1
                work.timer_delays.append((by - at) / 1_000_000)
                work.changed[customer_id] = customer
                try:
                    work.changes += strike(self.program, customer, at)
                except EvaluationFailed as failure:
                    work.failures.append(failure)
            if customer.due is not None:
                self._schedule(customer_id, customer.due)


def _no_work() -> Work:
    return Work(changes=[], unpublished=[], changed={}, applied=0, duplicates=0, timers_fired=0, timer_delays=[], failures=[])
