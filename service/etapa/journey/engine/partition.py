"""Many customers of one partition: stream time, timers in the order in which they are due, and what came of it all.

The partition does no loading and no storing. Whoever feeds it admits the customers of the touchpoints to come and those
whose timers will become due, and collects what is to be published and stored. How touchpoints are cut into batches between
two collections changes nothing.
"""

from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from itertools import islice
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.classify import EvaluationFailed, Happened, reclassify, strike, strike_and_note, touch, touch_and_note
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.instant import NEVER
from etapa.journey.engine.program import Program
from etapa.journey.engine.stage_change import StageChange
from etapa.journey.engine.timers import Timers
from etapa.journey.engine.touchpoint import Touchpoint

__all__ = ["EvaluationFailed", "Partition", "Work"]

_SLACK: Final = 1024
"""Timers that are out of date and may lie around before they are gathered anew."""


@final
class Work(Happened):
    """What came of the touchpoints and timers since the last collection. `timers`: those that touchpoints passed."""

    __slots__ = ("applied", "changed", "duplicates", "timer_delays", "unpublished")

    def __init__(self) -> None:
        super().__init__()
        self.unpublished: list[StageChange] = []
        """Changes that nobody is to hear of. They take no numbers, so their sequence means nothing."""
        self.changed: dict[str, Customer] = {}
        """The customers to be stored, by id. They are live: encode them before the partition is fed again."""
        self.applied = 0
        self.duplicates = 0
        self.timer_delays: list[float] = []
        """For each timer that stream time made fire, how long after its due time and the journey's grace, in seconds of stream time."""

    @property
    def timers_fired(self) -> int:
        """All timers that struck, whatever made them."""
        return self.timers + len(self.timer_delays)


@final
@mypyc_attr(acyclic=True)
class _Kept:
    """A customer in memory. None stands for one without a state yet."""

    __slots__ = ("customer", "scheduled", "turn")

    def __init__(self, customer: Customer | None) -> None:
        self.customer = customer
        self.scheduled = NEVER
        """The time of the one entry among the timers that counts; `NEVER` when there is none."""
        self.turn = -1
        """In which turn it was changed last."""


@final
class Partition:
    """Customers in memory, their timers, and the partition's stream time (microseconds; none before the first touchpoint).

    When a method raises, customers may be half changed: throw the partition away.
    """

    def __init__(self, program: Program, stream_time: int | None) -> None:
        self.program: Final = program
        self._grace: Final = program.grace
        self.stream_time = stream_time
        # In order of use, least recent first, as of the last collection: not before they are half as many as are kept.
        self._customers: dict[str, _Kept] = {}
        self._keep = 0
        # An entry may be earlier than the customer's due time (then it is put back when it comes up), never later. So most
        # touchpoints, which put the due time off, need not touch them.
        self._timers: Final = Timers()
        self._work = Work()
        self._turn = 0
        """How often work was collected."""

    def __len__(self) -> int:
        """How many customers are in memory."""
        return len(self._customers)

    def missing(self, customer_ids: Iterable[str]) -> list[str]:
        """Those that are not in memory, each once, in order."""
        customers = self._customers
        return [each for each in dict.fromkeys(customer_ids) if each not in customers]

    def missing_of(self, items: Sequence[object]) -> list[str]:
        """The customers of the touchpoints among these who are not in memory, each once, in order."""
        customers = self._customers
        absent: dict[str, None] = {}
        for item in items:
            if isinstance(item, Touchpoint) and item.customer_id not in customers:
                absent[item.customer_id] = None
        return list(absent)

    def admit(self, customer_id: str, customer: Customer | None) -> None:
        """Take a loaded customer into memory; none: there is no state, it will be new. One that is in memory already is kept."""
        if customer_id not in self._customers:
            kept = self._customers[customer_id] = _Kept(customer)
            if customer is not None:
                self._schedule(kept, customer)

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
        if self._timers.earliest <= stream_time - self._grace:
            self._fire_due_at(stream_time)

        kept = self._customers[touchpoint.customer_id]
        work = self._work
        customer = touch_and_note(self.program, kept.customer, touchpoint, work)
        if customer is None:
            work.duplicates += 1
            return
        work.applied += 1
        kept.customer = customer
        self._note(kept, customer)
        self._schedule(kept, customer)

    def rehearse(self, touchpoint: Touchpoint, wall: int) -> None:
        """Raise `EvaluationFailed` if `take` would, and change nothing. Takes several times as long."""
        customer = deepcopy(self._customers[touchpoint.customer_id].customer)
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
        kept = self._customers[customer_id]
        customer = kept.customer
        if customer is None or customer.version >= self.program.version:
            return False
        stage, outreach = customer.stage, customer.outreach
        touched = reclassify(self.program, customer, None if self.stream_time is None else self.stream_time - self._grace)
        work = self._work
        work.timers += touched.timers
        work.failures += touched.failures
        if publish:
            work.changes += touched.changes
        else:
            work.unpublished += touched.changes
            customer.sequence -= len(touched.changes)
            # What is not published triggers nothing, so it uses nothing up.
            customer.outreach = outreach
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != stage

    def collect(self) -> Work:
        """What came of everything since the last collection."""
        work = self._work
        self._work = Work()
        self._turn += 1
        customers = self._customers
        if 2 * len(customers) > self._keep:
            for customer_id in work.changed:
                customers[customer_id] = customers.pop(customer_id)
        return work

    def forget(self, keep: int, protect: Container[str]) -> None:
        """Let go of the least recently used customers beyond `keep`, except those in `protect` and those not yet collected."""
        self._keep = keep
        excess = len(self._customers) - keep
        if excess <= 0:
            return
        changed = self._work.changed
        unused = (each for each in self._customers if each not in protect and each not in changed)
        for customer_id in list(islice(unused, excess)):
            del self._customers[customer_id]

    def _note(self, kept: _Kept, customer: Customer) -> None:
        """Have it stored."""
        if kept.turn != self._turn:
            kept.turn = self._turn
            self._work.changed[customer.id] = customer

    def _schedule(self, kept: _Kept, customer: Customer) -> None:
        """Have its timer found in time. Most touchpoints put it off, for which nothing is to be done."""
        due = customer.due
        if due is None or due >= kept.scheduled:
            return
        kept.scheduled = due
        timers = self._timers
        timers.add(due, customer.id)
        if len(timers) > 2 * len(self._customers) + _SLACK:
            timers.replace((each.scheduled, customer_id) for customer_id, each in self._customers.items() if each.scheduled != NEVER)

    def _fire_due_at(self, stream_time: int) -> None:
        """Fire the timers that are due at `stream_time`, in order of (due, customer id)."""
        by = stream_time - self._grace
        work, timers = self._work, self._timers
        while timers.any_due(by):
            at, customer_id = timers.take()
            kept = self._customers.get(customer_id)
            if kept is None or kept.scheduled != at:
                continue
            kept.scheduled = NEVER
            customer = kept.customer
            if customer is None:
                continue
            if customer.due == at:
                work.timer_delays.append((by - at) / 1_000_000)
                self._note(kept, customer)
                try:
                    strike_and_note(self.program, customer, at, work.changes)
                except EvaluationFailed as failure:
                    work.failures.append(failure)
            self._schedule(kept, customer)
