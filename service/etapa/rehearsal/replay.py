"""A journey with all customers whose touchpoints went through it. Each customer's own touchpoints drive its timers."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.accumulators.kept_value import MOST_MEMBERS
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order
from etapa.journey.engine.judging.classify import fire_and_note, touch_some
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened, Touched
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import LINK
from etapa.journey.ledger.tally import BatchTally
from etapa.rehearsal.identities import Gone, Identities, Linked

Told = StageChange | Release | CampaignOutcome | Gone
"""What happens to customers: stage changes, held triggers that are released, outcomes of goals, and ids that are no longer used."""

AT_ONCE: Final = 10_000
"""Results of timers are passed on in portions of this size. Few touchpoints have that many."""


def told_of(happened: Happened | Touched | Linked) -> Sequence[Told]:
    """Everything that happened, each kind in order; outcomes of goals come last."""
    told: Sequence[Told] = in_order(happened.changes, happened.released)
    if isinstance(happened, Linked) and happened.gone is not None:
        told = [happened.gone, *told]
    return [*told, *happened.outcomes] if happened.outcomes else told


class Replay:
    """Its memory grows with the number of customers, not of touchpoints."""

    def __init__(self, program: Program, at_once: int = AT_ONCE, tally: BatchTally | None = None) -> None:
        """`tally` counts touchpoints as they are applied."""
        self.program = program
        self._tally = tally
        self._at_once = at_once
        self.customers: dict[str, Customer] = {}
        self._identities = None if program.journey.identity is None else Identities(program, self.customers)

    def kept_for(self, customer_id: str) -> str:
        """The id under which a customer is kept, which is another one if links say so."""
        return customer_id if self._identities is None else self._identities.kept_for(customer_id)

    def take(self, touchpoint: Touchpoint) -> Iterator[Touched | Linked | Rejected]:
        """Process one touchpoint and yield what it did: in one piece, or, if many timers were due, their results in portions first.

        A touchpoint that cannot be judged leaves the customer unchanged, as in a live worker. Links join customers, if the journey says how.
        """
        identities = self._identities
        if touchpoint.type == LINK:
            yield Linked(ignored=True) if identities is None else identities.link(touchpoint)
            return
        if identities is not None:
            touchpoint = identities.arriving(touchpoint)
        customer_id = touchpoint.customer_id
        customer = self.customers.get(customer_id)
        before = None if customer is None else encode_state(customer)
        try:
            touched = touch_some(self.program, customer, touchpoint, self._at_once, self._tally)
            if touched.cut and before is not None:
                # What has been yielded cannot be taken back, so we must know beforehand how it ends.
                self._rehearse(decode_state(before, customer_id), touchpoint)
        except EvaluationFailed as failure:
            if before is not None:
                self.customers[customer_id] = decode_state(before, customer_id)
            yield rejected("evaluation_failed", str(failure))
            return
        self.customers[customer_id] = touched.customer
        yield touched
        while touched.cut:
            touched = touch_some(self.program, touched.customer, touchpoint, self._at_once, self._tally)
            yield touched

    def clock_of(self, customer_id: str) -> int | None:
        """The latest time processed for a customer; None for an unknown one."""
        customer = self.customers.get(self.kept_for(customer_id))
        return None if customer is None else customer.clock

    def cuts(self, touchpoint: Touchpoint) -> bool:
        """Whether one of its traits that the journey remembers is a list longer than what is kept of a list."""
        traits = touchpoint.traits
        return bool(traits) and any(
            name not in self.program.asks_of_traits and isinstance(held := traits.get(name), list) and len(held) > MOST_MEMBERS
            for name in self.program.traits
        )

    def _rehearse(self, customer: Customer, touchpoint: Touchpoint) -> None:
        while touch_some(self.program, customer, touchpoint, self._at_once).cut:
            pass

    def run_timers(self, until: int, on_dropped: Callable[[EvaluationFailed], None]) -> Iterator[StageChange]:
        """Like `fire_until`, but only the stage changes."""
        return (each for each in self.fire_until(until, on_dropped) if isinstance(each, StageChange))

    def fire_until(self, until: int, on_dropped: Callable[[EvaluationFailed], None]) -> Iterator[Told]:
        """Fire all timers up to and including `until` (microseconds since 1970), in order of (due time, customer id).

        `on_dropped`: called for each timer that could not be judged; that customer has no timer from then on.
        """
        due = [(customer.due, customer_id) for customer_id, customer in self.customers.items() if customer.due is not None]
        heapq.heapify(due)
        while due and due[0][0] <= until:
            at, customer_id = heapq.heappop(due)
            customer = self.customers[customer_id]
            yield from self._fired(customer, at, on_dropped)
            if customer.due is not None:
                heapq.heappush(due, (customer.due, customer_id))

    def run_timers_of(self, customer_id: str, until: int, on_dropped: Callable[[EvaluationFailed], None]) -> Iterator[Told]:
        """The same for a single customer, by the id that is kept; nothing for an unknown one."""
        customer = self.customers.get(customer_id)
        while customer is not None and customer.due is not None and customer.due <= until:
            yield from self._fired(customer, customer.due, on_dropped)

    def _fired(self, customer: Customer, at: int, on_dropped: Callable[[EvaluationFailed], None]) -> Sequence[Told]:
        happened = Happened()
        try:
            fire_and_note(self.program, customer, at, happened)
        except EvaluationFailed as failure:
            on_dropped(failure)
        for dropped in happened.failures:
            on_dropped(dropped)
        return told_of(happened)
