"""One journey, and all the customers whose touchpoints went through it. Each customer's own touchpoints drive its timers."""

import heapq
from collections.abc import Callable, Iterator

from etapa.contracts.rejected import Rejected, rejected
from etapa.contracts.state import decode_state, encode_state
from etapa.journey.engine.classify import EvaluationFailed, Touched, strike, touch
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.program import Program
from etapa.journey.engine.stage_change import StageChange
from etapa.journey.engine.touchpoint import Touchpoint


class Replay:
    """Grows with the number of customers, and not with that of their touchpoints."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.customers: dict[str, Customer] = {}

    def take(self, touchpoint: Touchpoint) -> Touched | Rejected:
        """Process one touchpoint. One that cannot be judged leaves the customer as it was, as it does in a live worker."""
        customer = self.customers.get(touchpoint.customer_id)
        before = None if customer is None else encode_state(customer)
        try:
            touched = touch(self.program, customer, touchpoint)
        except EvaluationFailed as failure:
            if before is not None:
                self.customers[touchpoint.customer_id] = decode_state(before, touchpoint.customer_id)
            return rejected("evaluation_failed", str(failure))
        self.customers[touchpoint.customer_id] = touched.customer
        return touched

    def run_timers(self, until: int, on_dropped: Callable[[EvaluationFailed], None]) -> Iterator[StageChange]:
        """Let all timers up to and including `until` (microseconds since 1970) strike, in order of (due time, customer id).

        `on_dropped`: told of each timer that could not be judged; the customer has none from then on.
        """
        due = [(customer.due, customer_id) for customer_id, customer in self.customers.items() if customer.due is not None]
        heapq.heapify(due)
        while due and due[0][0] <= until:
            at, customer_id = heapq.heappop(due)
            customer = self.customers[customer_id]
            try:
                changes = strike(self.program, customer, at)
            except EvaluationFailed as failure:
                on_dropped(failure)
                continue
            yield from changes
            if customer.due is not None:
                heapq.heappush(due, (customer.due, customer_id))

    def run_timers_of(self, customer_id: str, until: int, on_dropped: Callable[[EvaluationFailed], None]) -> list[StageChange]:
        """The same for one customer alone; nothing for one that is not known."""
        customer = self.customers.get(customer_id)
        changes: list[StageChange] = []
        while customer is not None and customer.due is not None and customer.due <= until:
            try:
                changes += strike(self.program, customer, customer.due)
            except EvaluationFailed as failure:
                on_dropped(failure)
        return changes
