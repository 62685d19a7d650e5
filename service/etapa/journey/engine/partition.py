"""Many customers of one partition: stream time, timers in the order in which they are due, and what came of it all.

The partition does no loading and no storing. Whoever feeds it admits the customers of the touchpoints to come and those
whose timers will become due, and collects what is to be published and stored. How touchpoints are cut into batches between
two collections changes nothing.

Timers strike a portion at a time: when `take` or `advance` gives false, some of those that are due have struck, and the same call is
to be made again until it gives true. In between others may run, and what came of it may be collected and stored.
"""

from collections.abc import Container, Iterable, Sequence
from copy import deepcopy
from itertools import islice
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import catch_up, reclassify, reschedule, strike_and_note, touch_and_note
from etapa.journey.engine.judging.figures import count_changes
from etapa.journey.engine.judging.outcomes import ALL_AT_ONCE, EvaluationFailed, Touched
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.rehearsal import Rehearsal
from etapa.journey.engine.timers import Timers
from etapa.journey.engine.work import Work
from etapa.journey.units import SECOND

_SLACK: Final = 1024
"""Outdated timers that may pile up before the queue is rebuilt."""


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

    def __init__(self, program: Program, stream_time: int | None, at_once: int = ALL_AT_ONCE) -> None:
        """`at_once`: after so many timers, or changes that they made, the caller gets a turn."""
        self.program: Final = program
        self._at_once: Final = at_once
        self._grace: Final = program.grace
        self.stream_time = stream_time
        # Least recently used first, as of the last collection; kept in that order only once half of the places are taken.
        self._customers: dict[str, _Kept] = {}
        self._keep = 0
        # An entry may be earlier than the customer's due time (it is then put back when it comes up), but never later. So most
        # touchpoints, which postpone the due time, leave the timers alone.
        self._timers: Final = Timers()
        self._work = Work(at_once)
        self._turn = 0
        """How often work was collected."""
        self._silent: dict[str, tuple[str, int, Outreach | None]] = {}
        """Customers that are being carried over in silence, and the stage, sequence and outreach that they had before."""

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

    @property
    def struck(self) -> int:
        """What came of timers since the last collection: the changes that they made, and those that made none."""
        return self._work.struck

    def take(self, touchpoint: Touchpoint, wall: int) -> bool:
        """Process a touchpoint of an admitted customer, after the timers that it makes due. `wall` caps stream time.

        Gives false when a portion of these timers has struck, and the touchpoint was not looked at yet. Raises `EvaluationFailed`, and `KeyError` when the customer was not admitted.
        """
        at = touchpoint.at
        if at > wall:
            at = wall
        stream_time = self.stream_time
        if stream_time is None or at > stream_time:
            stream_time = at
        if self._timers.earliest <= stream_time - self._grace and not self._fire_due_at(stream_time):
            return False
        self.stream_time = stream_time

        kept = self._customers[touchpoint.customer_id]
        work = self._work
        customer = touch_and_note(self.program, kept.customer, touchpoint, work)
        if customer is None:
            work.duplicates += 1
            return True
        if work.cut:
            work.cut = False
            self._note(kept, customer)
            self._schedule(kept, customer)
            return False
        work.applied += 1
        kept.customer = customer
        self._note(kept, customer)
        self._schedule(kept, customer)
        return True

    def rehearsal(self, touchpoint: Touchpoint, wall: int) -> "Rehearsal":
        """What finds out whether `take` of this touchpoint would raise, and changes nothing."""
        at = min(touchpoint.at, wall)
        by = (at if self.stream_time is None else max(at, self.stream_time)) - self._grace
        return Rehearsal(self.program, deepcopy(self._customers[touchpoint.customer_id].customer), touchpoint, by, self._at_once)

    def advance(self, stream_time: int) -> bool:
        """Move stream time on (never back) and fire the timers that this makes due.

        Gives false when a portion of them has struck; stream time then is where that got to.
        """
        if self.stream_time is not None and stream_time < self.stream_time:
            stream_time = self.stream_time
        if not self._fire_due_at(stream_time):
            return False
        self.stream_time = stream_time
        return True

    def reclassify(self, customer_id: str, *, publish: bool) -> bool | None:
        """Carry an admitted customer over from an older version of the journey. Gives whether it changed its stage.

        Unless `publish`, what comes of it up to now is not published, triggers nothing and takes no numbers: the next change that
        is published goes on in `sequence`, from whatever stage the customer is in then. While that has to go on, because it is about
        many timers, the answer is none; published ones come as time goes on. Raises `EvaluationFailed`; the customer then is as it was.
        """
        kept = self._customers[customer_id]
        customer = kept.customer
        until = None if self.stream_time is None else self.stream_time - self._grace
        if customer is None:
            return False
        goes_on = self._silent.get(customer_id)
        if goes_on is not None and until is not None:
            return self._reclassified_in_silence(kept, customer, goes_on, catch_up(self.program, customer, until, self._at_once))
        if customer.version >= self.program.version:
            return False
        before = (customer.stage, customer.sequence, customer.outreach)
        if not publish:
            # What is held already waits until all this is over.
            customer.outreach = None
            try:
                touched = reclassify(self.program, customer, until, self._at_once)
            except EvaluationFailed:
                customer.outreach = before[2]
                raise
            return self._reclassified_in_silence(kept, customer, before, touched)
        touched = reclassify(self.program, customer, until, self._at_once)
        work = self._work
        made = len(work.changes)
        for each in touched.released:
            work.add_release(Release(each.customer_id, each.at, made + each.after, each.sequence, each.offer, each.persona))
        work.timers += touched.timers
        for failure in touched.failures:
            work.add_failure(failure)
        work.changes += touched.changes
        work.outcomes += touched.outcomes
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != before[0]

    def _reclassified_in_silence(
        self, kept: _Kept, customer: Customer, before: tuple[str, int, Outreach | None], touched: Touched
    ) -> bool | None:
        work = self._work
        work.timers += touched.timers
        for failure in touched.failures:
            work.add_failure(failure)
        if touched.cut:
            self._silent[customer.id] = before
            return None
        self._silent.pop(customer.id, None)
        stage, sequence, outreach = before
        # What is not published takes no number and triggers nothing, so it uses nothing up.
        customer.sequence, customer.outreach = sequence, outreach
        reschedule(self.program, customer)
        if customer.stage != stage:
            work.unpublished.append((stage, customer.stage))
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != stage

    def collect(self) -> Work:
        """What came of everything since the last collection."""
        work = self._work
        if work.tally is not None:
            count_changes(work.tally, work.changes, work.released, work.outcomes)
        self._work = Work(self._at_once)
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
        """Make sure that its timer is found in time. Most touchpoints only postpone it, which needs no work."""
        due = customer.due
        if due is None or due >= kept.scheduled:
            return
        kept.scheduled = due
        timers = self._timers
        timers.add(due, customer.id)
        if len(timers) > 2 * len(self._customers) + _SLACK:
            timers.replace((each.scheduled, customer_id) for customer_id, each in self._customers.items() if each.scheduled != NEVER)

    def _fire_due_at(self, stream_time: int) -> bool:
        """Fire the timers that are due at `stream_time`, in order of (due, customer id), or a portion of them. Gives whether all have struck."""
        by = stream_time - self._grace
        work, timers = self._work, self._timers
        enough = work.struck + work.at_once
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
                work.timer_delays.append((by - at) / SECOND)
                self._note(kept, customer)
                made = len(work.changes)
                try:
                    strike_and_note(self.program, customer, at, work)
                except EvaluationFailed as failure:
                    work.add_failure(failure)
                work.struck += max(1, len(work.changes) - made)
            self._schedule(kept, customer)
            if work.struck >= enough:
                # Stream time stands where the timers got to. More may be due at this very microsecond; they are next.
                reached = at + self._grace
                if self.stream_time is None or reached > self.stream_time:
                    self.stream_time = reached
                return not timers.any_due(by)
        return True
