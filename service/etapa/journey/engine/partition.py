"""The customers of one partition: stream time, timers in the order in which they are due, and the resulting work.

The partition neither loads nor stores. Its caller admits the customers of the next touchpoints and those whose timers will
become due, and collects what is to be published and stored. How touchpoints are cut into batches between two collections
makes no difference.

Timers fire in portions: while `take` or `advance` returns false, only some of those that are due have fired, and the same call must
be made again. In between other work may run, and the results so far may be collected and stored.
"""

from copy import deepcopy
from typing import Final, cast, final

from etapa.journey.engine.customers_in_memory import CustomersInMemory
from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order
from etapa.journey.engine.judging.classify import catch_up, fire_and_note, reclassify, touch_and_note
from etapa.journey.engine.judging.figures import count_changes, count_ends, count_releases
from etapa.journey.engine.judging.ideal_way import departed
from etapa.journey.engine.judging.outcomes import ALL_AT_ONCE, EvaluationFailed, Happened, Touched
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.kept_customer import KeptCustomer
from etapa.journey.engine.rehearsal import Rehearsal
from etapa.journey.engine.silence import BeforeSilence
from etapa.journey.engine.work import Work


@final
class Partition(CustomersInMemory):
    """Customers in memory, their timers, and the partition's stream time (microseconds; none before the first touchpoint).

    If a method raises, customers may be half changed: discard the partition.
    """

    def __init__(self, program: Program, stream_time: int | None, at_once: int = ALL_AT_ONCE, denied: DenyList | None = None) -> None:
        """`at_once`: after how many timers, or changes that they made, the caller gets a turn. Without `denied`, nobody can be forgotten."""
        super().__init__(at_once)
        self.program: Final = program
        self._at_once: Final = at_once
        self._grace: Final = program.grace
        self._denied: Final = denied
        self._stream_time = LONG_AGO if stream_time is None else stream_time
        self._silent: dict[str, BeforeSilence] = {}
        """Customers being carried over silently."""

    @property
    def stream_time(self) -> int | None:
        """None before the first touchpoint."""
        return None if self._stream_time == LONG_AGO else self._stream_time

    @stream_time.setter
    def stream_time(self, at: int | None) -> None:
        self._stream_time = LONG_AGO if at is None else at

    @property
    def fired(self) -> int:
        """How much timers did since the last collection: the changes they made, plus the timers that made none."""
        return self._work.fired

    def take(self, touchpoint: Touchpoint, wall: int, place: KeptCustomer | None = None) -> bool:
        """Fire the timers that a touchpoint makes due, then process it. Its customer must be admitted. `wall` caps stream time.

        `place`: where the customer was found; if it is there no longer, it is looked up.

        Returns false if only a portion of these timers has fired and the touchpoint was not processed yet. Raises `EvaluationFailed`,
        and `KeyError` if the customer was not admitted.
        """
        at = touchpoint.at
        if at > wall:
            at = wall
        stream_time = self._stream_time
        if at > stream_time:
            stream_time = at
        if self._timers.earliest <= stream_time - self._grace and not self._fire_due_at(stream_time):
            return False
        self._stream_time = stream_time

        kept = place if place is not None and place.is_here else self._customers[touchpoint.customer_id]
        work = self._work
        before = kept.customer
        if before is None and self._denied is not None and self._is_denied(touchpoint.customer_id, stream_time):
            work.forgotten += 1
            return True
        made = len(work.changes)
        customer = touch_and_note(self.program, before, touchpoint, work)
        if customer is None:
            work.duplicates += 1
            return True
        if len(work.changes) != made:
            self._count(made)
        if work.cut:
            work.cut = False
            self._note(kept, customer)
            self._schedule(kept, customer)
            return False
        work.applied += 1
        if before is None:
            customer.id = kept.id
            kept.customer = customer
        self._note(kept, customer)
        self._schedule(kept, customer)
        return True

    def forget_customer(self, request: ForgetRequest, *, was_read: bool = True) -> bool:
        """Erase an admitted customer, if it exists, and put it on the deny list; false if the request was not made with our key.

        Changes that were made before stay made. Stream time does not advance. `was_read`: whether a record asked for it; it may also follow from another.
        """
        denied, customer_id = self._denied, request.customer_id
        if denied is None or not denied.add(request):
            return False
        work = self._work
        work.requests += was_read
        work.requested[customer_id] = None
        kept = self._customers[customer_id]
        customer = kept.customer
        in_silence = self._silent.pop(customer_id, None)
        if customer is not None:
            kept.let_go()
            kept.turn = -1
            work.changed.pop(customer_id, None)
            work.erased[customer_id] = None
            was = BeforeSilence(self.program, customer) if in_silence is None else in_silence
            work.left.append(was.stage)
            work.add_departure(departed(was.way, was.stage, customer.clock, was.visited))
        return True

    def denies(self, touchpoint: Touchpoint, wall: int) -> bool:
        """Whether `take` of this touchpoint would change nothing, because its customer was forgotten."""
        stream_time = max(min(touchpoint.at, wall), self._stream_time)
        kept = self._customers[touchpoint.customer_id]
        return kept.customer is None and self._denied is not None and self._denied.denies(touchpoint.customer_id, stream_time)

    def _is_denied(self, customer_id: str, stream_time: int) -> bool:
        denied = self._denied
        if denied is not None and denied.denies(customer_id, stream_time):
            return True
        # If it was forgotten in this very batch, its new state takes the place of the tombstone.
        self._work.erased.pop(customer_id, None)
        return False

    def rehearsal(self, touchpoint: Touchpoint, wall: int) -> "Rehearsal":
        """Find out whether `take` of this touchpoint would raise, without changing anything."""
        by = max(min(touchpoint.at, wall), self._stream_time) - self._grace
        return Rehearsal(self.program, deepcopy(self._customers[touchpoint.customer_id].customer), touchpoint, by, self._at_once)

    def advance(self, stream_time: int) -> bool:
        """Advance stream time (never back) and fire the timers that this makes due.

        Returns false if only a portion of them has fired; stream time is then the time that they reached.
        """
        stream_time = max(stream_time, self._stream_time)
        if not self._fire_due_at(stream_time):
            return False
        self._stream_time = stream_time
        return True

    def note(self, happened: Happened) -> None:
        """Add what happened to a customer outside, which has arrived."""
        work = self._work
        made = len(work.changes)
        work.take_in(happened.changes, happened.released, happened.outcomes, happened.failures)
        self._count(made)
        for departure in happened.departures:
            work.add_departure(departure)

    def reclassify(self, customer_id: str, *, publish: bool) -> bool | None:
        """Carry an admitted customer over from an older version of the journey. Returns whether its stage changed.

        Unless `publish`, changes made up to now are not published, trigger nothing and take no numbers: the next published change
        continues `sequence`, from the stage that the customer is in by then. Returns none if many timers have to fire and the call
        must be repeated; published changes follow as time advances. Raises `EvaluationFailed`; the customer is then unchanged.
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
        before = BeforeSilence(self.program, customer)
        if not publish:
            # Triggers that are already held wait until this is over.
            customer.outreach = None
            try:
                touched = reclassify(self.program, customer, until, self._at_once)
            except EvaluationFailed:
                customer.outreach = before.outreach
                raise
            return self._reclassified_in_silence(kept, customer, before, touched)
        touched = reclassify(self.program, customer, until, self._at_once)
        work = self._work
        made = len(work.changes)
        work.timers += touched.timers
        work.take_in(touched.changes, touched.released, touched.outcomes, touched.failures)
        self._count(made)
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != before.stage

    def _reclassified_in_silence(self, kept: KeptCustomer, customer: Customer, before: BeforeSilence, touched: Touched) -> bool | None:
        work = self._work
        work.timers += touched.timers
        for failure in touched.failures:
            work.add_failure(failure)
        if touched.cut:
            self._silent[customer.id] = before
            return None
        self._silent.pop(customer.id, None)
        before.restore(self.program, customer)
        if customer.stage != before.stage:
            work.unpublished.append((before.stage, customer.stage))
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != before.stage

    def news(self) -> list[StageChange | Release]:
        """The stage changes, and the fates of held triggers, since the last call or collection, in order. The next collection is without them.

        To be asked for after every few hundred touchpoints: what was made lately is at hand in the processor's caches.
        """
        work = self._work
        told = in_order(work.changes, work.released)
        if not told:
            return told
        if work.tally is not None:
            count_releases(work.tally, work.released)
        work.changes, work.released = [], []
        return told

    def collect(self) -> Work:
        """Everything that resulted since the last collection, and is not told as `news`. Also tells the changed customers what of them has changed."""
        work = self._work
        if work.tally is not None:
            count_releases(work.tally, work.released)
            count_ends(work.tally, work.outcomes, work.departures)
        denied = self._denied
        if denied is not None:
            if self.stream_time is not None:
                denied.expire(self.stream_time)
            if denied.pending:
                work.denied = denied.collect()
        self._work = Work(self._at_once)
        self._collected(work)
        return work

    def _count(self, made: int) -> None:
        """Count the changes of the work from that position on. Nothing may undo them any more."""
        work = self._work
        if work.tally is not None:
            count_changes(work.tally, work.changes, made)

    def _fire_due_at(self, stream_time: int) -> bool:
        """Fire the timers due at `stream_time`, in order of (due, customer id), or a portion of them. Returns whether all have fired."""
        by = stream_time - self._grace
        work, timers = self._work, self._timers
        enough = work.fired + work.at_once
        while True:
            timer = timers.take_due(by)
            if timer is None:
                return True
            kept, at = cast(KeptCustomer, timer), timer.due
            customer = kept.customer
            if customer is None:
                continue
            work.timer_delays.add(by - at)
            self._note(kept, customer)
            made = len(work.changes)
            try:
                fire_and_note(self.program, customer, at, work)
            except EvaluationFailed as failure:
                work.add_failure(failure)
            changes = len(work.changes) - made
            if changes:
                self._count(made)
            work.fired += max(1, changes)
            self._schedule(kept, customer)
            if work.fired >= enough:
                # Stream time is what the timers have reached. More may be due at this very microsecond; they come next.
                reached = at + self._grace
                self._stream_time = max(self._stream_time, reached)
                return not timers.any_due(by)
