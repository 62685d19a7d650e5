"""The customers of one partition: stream time, timers in the order in which they are due, and the resulting work.

The partition neither loads nor stores. Its caller admits the customers of the next touchpoints and those whose timers will
become due, and collects what is to be published and stored. How touchpoints are cut into batches between two collections
makes no difference.

Timers fire in portions: while `take` or `advance` returns false, only some of those that are due have fired, and the same call must
be made again. In between other work may run, and the results so far may be collected and stored.
"""

from collections.abc import Container, Iterable, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any, Final, Protocol, cast, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.course import Way
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.instant import LONG_AGO, NEVER
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order
from etapa.journey.engine.judging.classify import catch_up, fire_and_note, reclassify, reschedule, touch_and_note
from etapa.journey.engine.judging.figures import count_changes, count_ends, count_releases
from etapa.journey.engine.judging.ideal_way import departed
from etapa.journey.engine.judging.outcomes import ALL_AT_ONCE, EvaluationFailed, Happened, Touched
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.visits import stages_visited, visited_by
from etapa.journey.engine.nearness import AT_ONCE, IS_POSSIBLE, bring_near, learn_layout
from etapa.journey.engine.rehearsal import Rehearsal
from etapa.journey.engine.timers import CustomerTimer, Timers
from etapa.journey.engine.work import Work

_Silent = tuple[str, int, Outreach | None, Way, Sequence[str]]
"""Stage, sequence, outreach, way and the stages visited of a customer before it was carried over silently."""
_SLACK: Final = 1024
"""Outdated timers that may pile up before the queue is rebuilt."""


@final
@mypyc_attr(acyclic=True)
class _Kept(CustomerTimer):
    """A customer in memory, with its timer; `customer` is none while there is no state yet."""

    __slots__ = ("customer", "due_at", "is_here", "stage", "turn")

    def __init__(self, customer_id: str, customer: Customer | None) -> None:
        super().__init__(customer_id)
        self.customer = customer
        self.stage: str | None = None if customer is None else customer.stage
        """That of the customer when it was last collected or admitted, and `due_at` likewise: what is stored. None: nothing is."""
        self.due_at = NEVER if customer is None else customer.due_at
        self.turn = -1
        """The turn in which it last changed."""
        self.is_here = True
        """False once it is no longer in memory, or its place was given to another state of the customer."""

    def let_go(self) -> None:
        """It is in memory no longer. The timers may still know it for a time."""
        self.is_here = False
        self.customer = None
        self.cancel()


class LookedUp(Protocol):
    """Touchpoints that know how to look up their customers."""

    def look_up(self, customers: dict[str, Any], start: int, stop: int, /) -> tuple[list[Any], list[str]]:
        """What `customers` has for each of those from `start` to before `stop`, or None, and the ids for which it has nothing."""


@final
@mypyc_attr(acyclic=True)
class FoundCustomers:  # only compiled
    """Where the customers of a run of touchpoints are in the memory of one partition, so that nobody is looked up twice."""

    __slots__ = ("_asked", "of", "places")

    def __init__(self, of: "Partition", places: list[_Kept | None]) -> None:
        self.of: Final = of
        self.places: Final = places
        self._asked = LONG_AGO

    def place(self, position: int) -> _Kept | None:
        """Where the customer of a touchpoint was; none if it was not there, or was not looked up."""
        return self.places[position] if position < len(self.places) else None

    def bring_near(self, start: int, stop: int) -> int:
        """Have the next customers from `start` on near by the time their touchpoints are taken. Returns where to ask for more, at most `stop`."""
        if not IS_POSSIBLE:
            return stop
        self._asked = bring_near(self.places, self._asked, start)
        return min(start + AT_ONCE, stop)


@final
class Partition:
    """Customers in memory, their timers, and the partition's stream time (microseconds; none before the first touchpoint).

    If a method raises, customers may be half changed: discard the partition.
    """

    def __init__(self, program: Program, stream_time: int | None, at_once: int = ALL_AT_ONCE, denied: DenyList | None = None) -> None:
        """`at_once`: after how many timers, or changes that they made, the caller gets a turn. Without `denied`, nobody can be forgotten."""
        self.program: Final = program
        self._at_once: Final = at_once
        self._grace: Final = program.grace
        self._denied: Final = denied
        self._stream_time = LONG_AGO if stream_time is None else stream_time
        # Least recently used first, as of the last collection; kept in that order only once half of the places are taken.
        self._customers: dict[str, _Kept] = {}
        self._keep = 0
        self._timers: Final = Timers()
        self._work = Work(at_once)
        self._turn = 0
        """How many times work has been collected."""
        self._silent: dict[str, _Silent] = {}
        """Customers being carried over silently."""

    def __len__(self) -> int:
        """How many customers are in memory."""
        return len(self._customers)

    @property
    def stream_time(self) -> int | None:
        """None before the first touchpoint."""
        return None if self._stream_time == LONG_AGO else self._stream_time

    @stream_time.setter
    def stream_time(self, at: int | None) -> None:
        self._stream_time = LONG_AGO if at is None else at

    def missing(self, customer_ids: Iterable[str]) -> list[str]:
        """The customers that are not in memory, each once, in order."""
        customers = self._customers
        return [each for each in dict.fromkeys(customer_ids) if each not in customers]

    def missing_of(self, items: Sequence[object]) -> list[str]:
        """The customers of the touchpoints and requests among `items` that are not in memory, each once, in order."""
        customers = self._customers
        absent: dict[str, None] = {}
        for item in items:
            if isinstance(item, Touchpoint):
                customer_id = item.customer_id
                if customer_id not in customers:
                    absent[customer_id] = None
            elif isinstance(item, ForgetRequest) and item.customer_id not in customers:
                absent[item.customer_id] = None
        return list(absent)

    def find(self, touchpoints: LookedUp, start: int, stop: int) -> tuple[FoundCustomers, list[str]]:
        """Where the customers of some touchpoints are, and the ids of those that are not in memory, each once, in order."""
        places, missing = touchpoints.look_up(self._customers, start, stop)
        return FoundCustomers(self, places), list(dict.fromkeys(missing))

    def admit(self, customer_id: str, customer: Customer | None) -> None:
        """Take a loaded customer into memory; none: it has no state and will be new. A customer already in memory is kept."""
        if customer_id not in self._customers:
            kept = self._customers[customer_id] = _Kept(customer_id, customer)
            if customer is not None:
                # One text for each customer takes less memory than equal ones, and is read more quickly.
                customer.id = customer_id
                self._schedule(kept, customer)

    @property
    def fired(self) -> int:
        """How much timers did since the last collection: the changes they made, plus the timers that made none."""
        return self._work.fired

    def take(self, touchpoint: Touchpoint, wall: int, place: _Kept | None = None) -> bool:
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
            stage, way = (customer.stage, customer.way) if in_silence is None else (in_silence[0], in_silence[3])
            visited = self._visited(customer) if in_silence is None else in_silence[4]
            work.left.append(stage)
            work.add_departure(departed(way, stage, customer.clock, visited))
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

    def knows(self, customer_id: str) -> bool:
        """Whether the customer is in memory, and has a state."""
        kept = self._customers.get(customer_id)
        return kept is not None and kept.customer is not None

    def arrive(self, customer: Customer) -> None:
        """A customer comes from another partition. It must be admitted, without a state."""
        kept = self._customers[customer.id]
        kept.customer = customer
        self._note(kept, customer)
        self._schedule(kept, customer)

    def leave(self, customer_id: str) -> Customer:
        """The customer leaves the partition. Changes that it made are still collected. Raises `KeyError` unless the partition knows it."""
        kept = self._customers[customer_id]
        customer = kept.customer
        if customer is None:
            raise KeyError(customer_id)
        self._work.changed.pop(customer_id, None)
        kept.let_go()
        self._customers[customer_id] = _Kept(customer_id, None)
        return customer

    def customer(self, customer_id: str) -> Customer | None:
        """A customer in memory; none if it is not, or has no state."""
        kept = self._customers.get(customer_id)
        return None if kept is None else kept.customer

    def note(self, happened: Happened) -> None:
        """Add what happened to a customer outside, which has arrived."""
        work = self._work
        made = len(work.changes)
        for each in happened.released:
            work.add_release(Release(each.customer_id, each.at, made + each.after, each.sequence, each.offer, each.persona))
        work.changes += happened.changes
        self._count(made)
        for outcome in happened.outcomes:
            work.add_outcome(outcome)
        for departure in happened.departures:
            work.add_departure(departure)
        for failure in happened.failures:
            work.add_failure(failure)

    def drop(self, customer_id: str) -> None:
        """Keep the customer in memory no longer. Nothing may have happened to it since the last collection."""
        kept = self._customers.pop(customer_id, None)
        if kept is not None:
            kept.let_go()

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
        before = (customer.stage, customer.sequence, customer.outreach, customer.way, self._visited(customer))
        if not publish:
            # Triggers that are already held wait until this is over.
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
        self._count(made)
        for outcome in touched.outcomes:
            work.add_outcome(outcome)
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != before[0]

    def _reclassified_in_silence(self, kept: _Kept, customer: Customer, before: _Silent, touched: Touched) -> bool | None:
        work = self._work
        work.timers += touched.timers
        for failure in touched.failures:
            work.add_failure(failure)
        if touched.cut:
            self._silent[customer.id] = before
            return None
        self._silent.pop(customer.id, None)
        stage, sequence, outreach, way, visited = before
        # Unpublished changes take no numbers, trigger nothing and lead nobody along the ideal way or off it.
        customer.sequence, customer.outreach, customer.way = sequence, outreach, way
        customer.visited = visited_by(self.program.stages, visited)
        reschedule(self.program, customer)
        if customer.stage != stage:
            work.unpublished.append((stage, customer.stage))
        self._note(kept, customer)
        self._schedule(kept, customer)
        return customer.stage != stage

    def _visited(self, customer: Customer) -> Sequence[str]:
        """The stages where it has been, of those that the journey has."""
        return stages_visited(customer, self.program.stages_by_digest)

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
        self._turn += 1
        customers = self._customers
        for customer_id, customer in work.changed.items():
            kept = customers[customer_id]
            customer.moved = customer.stage != kept.stage
            # Whoever was away may have left a timer behind.
            customer.rescheduled = kept.stage is None or customer.due_at != kept.due_at
            kept.stage, kept.due_at = customer.stage, customer.due_at
        for customer_id in work.erased:
            kept = customers[customer_id]
            kept.stage, kept.due_at = None, NEVER
        if 2 * len(customers) > self._keep:
            for customer_id in work.changed:
                customers[customer_id] = customers.pop(customer_id)
        return work

    def forget(self, keep: int, protect: Container[str]) -> None:
        """Drop the least recently used customers beyond `keep`, except those in `protect` and those not yet collected."""
        self._keep = keep
        excess = len(self._customers) - keep
        if excess <= 0:
            return
        changed, erased = self._work.changed, self._work.erased
        unused = (each for each in self._customers if each not in protect and each not in changed and each not in erased)
        for customer_id in list(islice(unused, excess)):
            self._customers.pop(customer_id).let_go()

    def _count(self, made: int) -> None:
        """Count the changes of the work from that position on. Nothing may undo them any more."""
        work = self._work
        if work.tally is not None:
            count_changes(work.tally, work.changes, made)

    def _note(self, kept: _Kept, customer: Customer) -> None:
        """Mark the customer to be stored."""
        if kept.turn != self._turn:
            kept.turn = self._turn
            self._work.changed[customer.id] = customer

    def _schedule(self, kept: _Kept, customer: Customer) -> None:
        """Make sure that the customer's timer comes up in time. Most touchpoints only put it off, which needs no work."""
        due = customer.due_at
        if due >= kept.filed:
            # Put off, as the timers find out when the time under which they have it has come.
            kept.due = due
            return
        timers = self._timers
        timers.schedule(kept, due)
        if len(timers) > 2 * len(self._customers) + _SLACK:
            timers.refile(self._customers.values())

    def _fire_due_at(self, stream_time: int) -> bool:
        """Fire the timers due at `stream_time`, in order of (due, customer id), or a portion of them. Returns whether all have fired."""
        by = stream_time - self._grace
        work, timers = self._work, self._timers
        enough = work.fired + work.at_once
        while True:
            timer = timers.take_due(by)
            if timer is None:
                return True
            kept, at = cast(_Kept, timer), timer.due
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


def learn_layout_of_places() -> bool:
    """Find out where places and customers keep what is brought near. Returns whether that is known now."""
    customer = Customer(
        version=0,
        stage="",
        due=None,
        entered_at=0,
        clock=0,
        first_at=0,
        sequence=0,
        recent=b"an example",
        traits={"an": [0, "example"]},
        id="an example",
    )
    return learn_layout(_Kept(customer.id, customer), customer)


learn_layout_of_places()
