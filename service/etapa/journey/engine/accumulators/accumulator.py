"""What all accumulators have in common: which touchpoints they take in, and the key under which their memory is stored."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import Any, Final

import msgspec

from etapa.journey.engine.accumulators.matching import compile_where
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.matches import Elements
from etapa.journey.language.model import Comparison, Conversion, Match, Path, Weights, Where

_KEY_CHARACTERS: Final = 6


class Accumulator:
    """Remembers touchpoints of some types. Its bounded entry has its own place in a customer's memory and is stored under its key."""

    __slots__ = ("key", "place", "types")

    def __init__(self, key: str, types: tuple[str, ...]) -> None:
        self.key: Final = key
        self.place = 0
        """The position of its entry in the memory of a customer that is laid out for the program."""
        self.types: Final = types
        """The touchpoint types it takes in; `*` for any."""

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        """Take in `touchpoint`, whose type is among `types`, if it matches. It may have occurred long before `now`."""
        raise NotImplementedError

    def united(self, kept: Any, other: Any, now: int) -> Any:
        """What two customers' entries come to at `now` if all touchpoints are one customer's; at equal times those of `kept` come first.

        May reuse both. Exact as far as both are; where only pieces are left, a run or a value is at most as far off as they are wide.
        """
        raise NotImplementedError

    def watches(self) -> list[Watch]:
        """The watches that count values it cannot use."""
        return []


class Matching(Accumulator):
    """Base of accumulators that take in the touchpoints that a `Match` describes."""

    __slots__ = ("where",)

    def __init__(self, kind: str, match: Match, *details: object) -> None:
        super().__init__(accumulator_key(kind, match_definition(match), *details), match.types)
        self.where: Final = compile_where(match.where)

    def takes(self, touchpoint: Touchpoint) -> bool:
        """Whether a touchpoint of one of the types matches."""
        return self.where is None or self.where.admits(touchpoint)

    def watches(self) -> list[Watch]:
        return [] if self.where is None else self.where.watches()


ITSELF: Final = -1


class Windowed(Matching):
    """Base of accumulators that remember what occurred within a window."""

    __slots__ = ("times_at", "within")

    def __init__(self, kind: str, match: Match, within: int, *details: object, times_at: int = 0) -> None:
        super().__init__(kind, match, *details, within)
        self.within: Final = within
        self.times_at: Final = times_at
        """Where in an entry the times are that it holds, ascending. `ITSELF`: it is the times, or begins with a list of them."""


def accumulator_key(kind: str, *definition: object) -> str:
    """A short text that identifies an accumulator by its definition, in this version of the journey and others.

    It is derived from the definition, not from our class names, so renaming a class loses no memories.
    """
    digest = blake2b(msgspec.json.encode([kind, *definition]), digest_size=_KEY_CHARACTERS).digest()
    # Every customer's state holds several keys, so they are short: 64 to the sixth are possible.
    return urlsafe_b64encode(digest)[:_KEY_CHARACTERS].decode()


def value_definition(path: Path, conversion: Conversion | None, weights: Weights | None = None) -> list[object]:
    """The part of a definition that says which value is taken."""
    return [path, *([] if conversion is None else [conversion]), *([] if weights is None else [weights])]


def match_definition(match: Match) -> list[Any]:
    """A `Match` as plain lists. The entries of `where` are sorted, because their order means nothing."""
    return [sorted(match.types), _where_definition(match.where)]


def comparison_definition(comparison: Comparison) -> list[Any]:
    """A `Comparison` as plain lists."""
    tests = sorted(([test.operator, test.operand] for test in comparison.tests), key=msgspec.json.encode)
    return [tests, *_read_as(comparison), *map(_elements_definition, comparison.elements)]


def _elements_definition(elements: Elements) -> list[Any]:
    asked = elements.asked
    return [elements.quantifier, comparison_definition(asked) if isinstance(asked, Comparison) else _where_definition(asked)]


def _where_definition(where: Where) -> list[Any]:
    return sorted(([list(path), *comparison_definition(comparison)] for path, comparison in where.entries), key=msgspec.json.encode)


def _read_as(comparison: Comparison) -> list[Conversion]:
    return [] if comparison.conversion is None else [comparison.conversion]
