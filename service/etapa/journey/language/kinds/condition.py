"""What a condition is: a leaf of some kind, or `all`, `any` and `not` of others.

The class of a leaf provides its words, its logic, and its words for what a customer lacks. The classes are in `kinds`, each beside
its loader.
"""

from dataclasses import dataclass

from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.phrasing.words import Words

Observed = str | int | float | bool | None
"""The value that a condition sees, as a JSON scalar; times are RFC 3339 text."""


class Leaf:
    """A condition that contains no others. The methods here are defaults for kinds with nothing special to say."""

    __slots__ = ()

    def text(self) -> str:
        """In words, as in the reasons of a stage change: `count(purchase, 90d) >= 3`."""
        raise NotImplementedError

    def looks_at(self) -> tuple[Comparison, Domain] | None:
        """Its comparison, and (broadly) the values that this can meet; none for a kind that compares nothing.

        The comparison is its field `comparison`: two leaves that differ only in it look at the same value.
        """
        return None

    def reach(self) -> int | None:
        """How far back it looks, in microseconds; none: to the beginning."""
        return None

    def needed(self) -> tuple[tuple[Match, int | None], ...]:
        """Touchpoints without which it is false, each with how recent it must be (microseconds; none: any time)."""
        return ()

    def implies(self, weaker: "Leaf") -> bool:
        """Whether `weaker`, which does not look at the same value, certainly holds whenever this does."""
        return False

    def excludes(self, other: "Leaf") -> bool:
        """Whether the two certainly never hold at once."""
        return False

    def sentence(self, words: Words) -> str:
        """As people say it in their language, to follow *when*, without a full stop."""
        raise NotImplementedError

    def denial(self, words: Words) -> str | None:
        """That it does not hold, as people say it; none where the language has no better way than *it is not true that …*."""
        return None

    def seen(self, observed: Observed) -> str | None:
        """What it sees, such as `3` or `the last one 2026-03-01T10:00:00Z`; none if there is nothing to see."""
        raise NotImplementedError

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        """What it lacks to be `wanted` at `now`, which it is not: `2 of 3; 1 more`, `12d more`.

        `changes_at`: when time alone makes it `wanted`; none if it never does.
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
