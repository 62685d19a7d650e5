"""Conditions with a bug, since no journey file is known to make judging raise."""

from collections.abc import Callable

from etapa.journey.engine.conditions.condition import CompiledLeaf, Condition
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint

Shows = Callable[[Customer, int, Touchpoint | None], bool]


class Faulty(Condition):
    """Like `right`, but raises `error` where the bug `shows(customer, now, touchpoint)`."""

    def __init__(self, right: Condition, shows: Shows, error: Exception) -> None:
        self.right = right
        self.shows = shows
        self.error = error

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        self._may_raise(customer, now, touchpoint)
        return self.right.holds(customer, now, touchpoint)

    def rises(self, customer: Customer, now: int) -> int:
        self._may_raise(customer, now, None)
        return self.right.rises(customer, now)

    def falls(self, customer: Customer, now: int) -> int:
        return self.right.falls(customer, now)

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:
        return self.right.reasons(customer, now, touchpoint, truth)

    def leaves(self) -> list[CompiledLeaf]:
        return self.right.leaves()

    def possible(self, touchpoint_type: str | None) -> bool | None:
        return self.right.possible(touchpoint_type)

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.right.changes_by_time()

    def _may_raise(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> None:
        if self.shows(customer, now, touchpoint):
            raise self.error
