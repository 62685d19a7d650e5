"""What a condition is: a leaf of some kind, or `all`, `any` and `not` of others.

Everything that is said about a kind of leaf by itself is said by its class: in words, in logic, and in words about what a customer
lacks. The classes are in `kinds`, each beside its loader.
"""

from dataclasses import dataclass

from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.matching.possible import Domain

Observed = str | int | float | bool | None
"""What a condition sees of a customer, as a JSON scalar; times are RFC 3339 text."""


class Leaf:
    """A condition that holds no others. The answers here are those of a kind that says no more about itself than it must."""

    __slots__ = ()

    def text(self) -> str:
        """In words, as in the reasons of a stage change: `count(purchase, 90d) >= 3`."""
        raise NotImplementedError

    def looks_at(self) -> tuple[Comparison, Domain] | None:
        """What the value that it looks at must satisfy, and which values that can be, taken widely; none for a kind that compares nothing.

        The comparison is its field `comparison`: two that differ in nothing else look at the same value.
        """
        return None

    def reach(self) -> int | None:
        """How far back it looks (microseconds); none: to the beginning."""
        return None

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        """Touchpoints, and how recent, without which it is false."""
        return ()

    def implies(self, weaker: "Leaf") -> bool:
        """Whether `weaker`, which does not look at the same value, is sure to hold whenever this does."""
        return False

    def excludes(self, other: "Leaf") -> bool:
        """Whether the two are sure not to hold at once."""
        return False

    def seen(self, observed: Observed) -> str | None:
        """What it sees, such as `3` or `the last one 2026-03-01T10:00:00Z`; none when there is nothing to see."""
        raise NotImplementedError

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        """What is missing for it to be `wanted` at `now`, which it is not: `2 of 3; 1 more`, `12d more`.

        `changes_at`: when time alone makes it so; none when it never does.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class All:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: "Condition"


Condition = Leaf | All | AnyOf | Not
