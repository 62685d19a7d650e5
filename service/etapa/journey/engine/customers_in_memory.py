"""The customers of a partition who are in memory, whose timer is next, and who has changed."""

from collections.abc import Container, Iterable, Sequence
from itertools import islice
from typing import Final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.kept_customer import FoundCustomers, KeptCustomer, LookedUp
from etapa.journey.engine.timers import Timers
from etapa.journey.engine.work import Work

_SLACK: Final = 1024
"""Outdated timers that may pile up before the queue is rebuilt."""


class CustomersInMemory:
    """They were admitted, and are kept until there are too many. Whoever changes one notes it to be stored, and schedules its timer."""

    def __init__(self, at_once: int) -> None:
        """`at_once`: see `Work`."""
        # Least recently used first, as of the last collection; kept in that order only once half of the places are taken.
        self._customers: dict[str, KeptCustomer] = {}
        self._keep = 0
        self._timers: Final = Timers()
        self._work = Work(at_once)
        self._turn = 0
        """How many times work has been collected."""

    def __len__(self) -> int:
        """How many customers are in memory."""
        return len(self._customers)

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
            kept = self._customers[customer_id] = KeptCustomer(customer_id, customer)
            if customer is not None:
                # One text for each customer takes less memory than equal ones, and is read more quickly.
                customer.id = customer_id
                self._schedule(kept, customer)

    def knows(self, customer_id: str) -> bool:
        """Whether the customer is in memory, and has a state."""
        kept = self._customers.get(customer_id)
        return kept is not None and kept.customer is not None

    def customer(self, customer_id: str) -> Customer | None:
        """A customer in memory; none if it is not, or has no state."""
        kept = self._customers.get(customer_id)
        return None if kept is None else kept.customer

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
        self._customers[customer_id] = KeptCustomer(customer_id, None)
        return customer

    def drop(self, customer_id: str) -> None:
        """Keep the customer in memory no longer. Nothing may have happened to it since the last collection."""
        kept = self._customers.pop(customer_id, None)
        if kept is not None:
            kept.let_go()

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

    def _collected(self, work: Work) -> None:
        """Tell the customers what of them has changed, now that all work on them was collected."""
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

    def _note(self, kept: KeptCustomer, customer: Customer) -> None:
        """Mark the customer to be stored."""
        if kept.turn != self._turn:
            kept.turn = self._turn
            self._work.changed[customer.id] = customer

    def _schedule(self, kept: KeptCustomer, customer: Customer) -> None:
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
