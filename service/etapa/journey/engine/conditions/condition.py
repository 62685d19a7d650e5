"""Compiled conditions. Each answers: is it true now, until when if nothing happens, and what did it see?

`holds(customer, now, touchpoint)`: whether it is true at `now`, with the touchpoint at hand or none.
`rises(customer, now)`: the first microsecond from `now` on at which it may be true without a touchpoint; `now` or earlier if it is true.
`falls(customer, now)`, for one that is true without a touchpoint: the first microsecond after `now` at which it may be false.
For a leaf both come from `until`, the exact time at which its truth changes. For a composite it is a time at which one of
its leaves changes, and before which the composite cannot change. `NEVER` if time alone changes nothing.
`reasons(customer, now, touchpoint, truth)`: the clauses that make it `truth`, which it must be.

Judging reads a customer and changes nothing.
"""

from typing import Any, Final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed

MOST_TOLD: Final = 64
"""How many different reasons of a condition are kept, so that stage changes with the same reason share it."""
_NO_TYPES: Final[frozenset[str]] = frozenset()


@mypyc_attr(allow_interpreted_subclasses=True)
class Condition:
    """Base of all compiled conditions."""

    __slots__ = ()

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        raise NotImplementedError

    def rises(self, customer: Customer, now: int) -> int:
        raise NotImplementedError

    def falls(self, customer: Customer, now: int) -> int:
        raise NotImplementedError

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        raise NotImplementedError

    def leaves(self) -> "list[CompiledLeaf]":
        """All conditions in it that contain no others."""
        raise NotImplementedError

    def possible(self, touchpoint_type: str | None) -> bool | None:
        """Whether it is true for a touchpoint of that type (none: without a touchpoint). None if that depends on the customer."""
        raise NotImplementedError

    def changes_by_time(self) -> tuple[bool, bool]:
        """Whether time alone can make it true, and whether time alone can make it false."""
        raise NotImplementedError


class CompiledLeaf(Condition):
    """Base of conditions that contain no others. The defaults are those of one that time alone never changes."""

    __slots__ = ("_numbers_told", "text", "touched_by")

    def __init__(self, text: str) -> None:
        self._numbers_told: Final[dict[int, list[Clause]]] = {}
        self.text: Final = text
        """The condition in words, such as `count(purchase, 90d) >= 3`."""
        self.touched_by = _NO_TYPES
        """The types of touchpoints that it looks at, at hand or remembered; `*` for any. Set once it is compiled."""

    def until(self, customer: Customer, now: int) -> int:
        """The first microsecond after `now` at which its truth without a touchpoint changes."""
        return NEVER

    def until_before(self, customer: Customer, now: int, horizon: int) -> int:
        """The same if it is before `horizon`; else `horizon` or any later time, which may take less to find out."""
        return self.until(customer, now)

    def rises(self, customer: Customer, now: int) -> int:
        return now if self.holds(customer, now, None) else self.until(customer, now)

    def falls(self, customer: Customer, now: int) -> int:
        return self.until(customer, now)

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        """What it looks at: a number, a value, a time."""
        raise NotImplementedError

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        observed = self.observed(customer, now, touchpoint)
        exact = self.exact(customer, now)
        if truth and exact and isinstance(observed, int) and not isinstance(observed, bool):
            told = self._numbers_told.get(observed)
            if told is None:
                told = [Clause(self.text, observed)]
                if len(self._numbers_told) < MOST_TOLD:
                    self._numbers_told[observed] = told
            return told
        text = self.text if truth else "not " + self.text
        if exact:
            return [Clause(text, observed)]
        return [Clause(text, observed, exact=False, off_by_at_most=self.off_by_at_most(customer, now))]

    def exact(self, customer: Customer, now: int) -> bool:
        """Whether the observed value is exact: not computed from merged pieces that may partly have left the window."""
        return True

    def off_by_at_most(self, customer: Customer, now: int) -> Any:
        """The bound on the error of a number that is not exact; none if there is no bound."""
        return None

    def memory_key(self) -> str | None:
        """The key of its memory (see `beginnings`); none if it needs no memory of its own."""
        return None

    def told_at(self, customer: Customer) -> int | None:
        """For a condition on the latest value only: the time of that value. None if there is no value, or it looks at more."""
        return None

    def traits(self) -> tuple[str, ...]:
        """The traits of the customer that it looks at."""
        return ()

    def leaves(self) -> "list[CompiledLeaf]":
        return [self]

    def possible(self, touchpoint_type: str | None) -> bool | None:
        return None

    def changes_by_time(self) -> tuple[bool, bool]:
        return False, False


class AllHold(Condition):
    """Written `all`."""

    __slots__ = ("conditions",)

    def __init__(self, conditions: tuple[Condition, ...]) -> None:
        self.conditions: Final = conditions

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        for condition in self.conditions:  # noqa: SIM110 - a generator would double the cost
            if not condition.holds(customer, now, touchpoint):
                return False
        return True

    def rises(self, customer: Customer, now: int) -> int:
        """Not before all of them may be true."""
        at = now
        for condition in self.conditions:
            rises = condition.rises(customer, now)
            if rises > at:
                if rises >= NEVER:
                    return NEVER
                at = rises
        return at

    def falls(self, customer: Customer, now: int) -> int:
        at = NEVER
        for condition in self.conditions:
            falls = condition.falls(customer, now)
            if falls < at:
                at = falls
        return at

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        if truth:
            return [clause for each in self.conditions for clause in each.reasons(customer, now, touchpoint, truth)]
        return _first_reasons(self.conditions, customer, now, touchpoint, truth=False)

    def leaves(self) -> list[CompiledLeaf]:
        return [leaf for condition in self.conditions for leaf in condition.leaves()]

    def possible(self, touchpoint_type: str | None) -> bool | None:
        return _possible(self.conditions, touchpoint_type, decided_by=False)

    def changes_by_time(self) -> tuple[bool, bool]:
        return _changes_by_time(self.conditions)


class AnyHolds(Condition):
    """Written `any`."""

    __slots__ = ("conditions",)

    def __init__(self, conditions: tuple[Condition, ...]) -> None:
        self.conditions: Final = conditions

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        for condition in self.conditions:  # noqa: SIM110 - a generator would double the cost
            if condition.holds(customer, now, touchpoint):
                return True
        return False

    def rises(self, customer: Customer, now: int) -> int:
        at = NEVER
        for condition in self.conditions:
            rises = condition.rises(customer, now)
            if rises < at:
                at = rises
        return at

    def falls(self, customer: Customer, now: int) -> int:
        """Not before all that are true now may be false."""
        at = now
        for condition in self.conditions:
            if condition.holds(customer, now, None):
                falls = condition.falls(customer, now)
                if falls > at:
                    at = falls
        return at

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        if truth:
            return _first_reasons(self.conditions, customer, now, touchpoint, truth=True)
        return [clause for each in self.conditions for clause in each.reasons(customer, now, touchpoint, truth)]

    def leaves(self) -> list[CompiledLeaf]:
        return [leaf for condition in self.conditions for leaf in condition.leaves()]

    def possible(self, touchpoint_type: str | None) -> bool | None:
        return _possible(self.conditions, touchpoint_type, decided_by=True)

    def changes_by_time(self) -> tuple[bool, bool]:
        return _changes_by_time(self.conditions)


class DoesNotHold(Condition):
    """Written `not`."""

    __slots__ = ("condition",)

    def __init__(self, condition: Condition) -> None:
        self.condition: Final = condition

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return not self.condition.holds(customer, now, touchpoint)

    def rises(self, customer: Customer, now: int) -> int:
        return self.condition.falls(customer, now) if self.condition.holds(customer, now, None) else now

    def falls(self, customer: Customer, now: int) -> int:
        return self.condition.rises(customer, now)

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        return self.condition.reasons(customer, now, touchpoint, not truth)

    def leaves(self) -> list[CompiledLeaf]:
        return self.condition.leaves()

    def possible(self, touchpoint_type: str | None) -> bool | None:
        inner = self.condition.possible(touchpoint_type)
        return None if inner is None else not inner

    def changes_by_time(self) -> tuple[bool, bool]:
        rises, falls = self.condition.changes_by_time()
        return falls, rises


def _first_reasons(
    conditions: tuple[Condition, ...], customer: Customer, now: int, touchpoint: Touchpoint | None, *, truth: bool
) -> list[Clause]:
    for condition in conditions:
        if condition.holds(customer, now, touchpoint) is truth:
            return condition.reasons(customer, now, touchpoint, truth)
    raise AssertionError(f"asked why it is {truth}, which it is not")


def _possible(conditions: tuple[Condition, ...], touchpoint_type: str | None, *, decided_by: bool) -> bool | None:
    answers = {condition.possible(touchpoint_type) for condition in conditions}
    if decided_by in answers:
        return decided_by
    return None if None in answers else not decided_by


def _changes_by_time(conditions: tuple[Condition, ...]) -> tuple[bool, bool]:
    changes = [condition.changes_by_time() for condition in conditions]
    return any(rises for rises, _ in changes), any(falls for _, falls in changes)
