"""What all accumulators have in common: which touchpoints they take in, and the key under which their memory is stored."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import Any, Final, final

import msgspec

from etapa.journey.engine.accumulators.matching import compile_where
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.instant import LONG_AGO, NEVER
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

    def over_from(self, entry: Any) -> int:
        """From when on nothing in the entry counts any more. Only accumulators with windows have such a time."""
        return NEVER


@final
class Expiring:
    """The accumulators whose memory expires one day even if nothing happens."""

    __slots__ = ("_by_place",)

    def __init__(self, accumulators: list[Accumulator]) -> None:
        self._by_place: Final[list[Accumulator | None]] = [None] * max([each.place + 1 for each in accumulators], default=0)
        """At the places of their entries; none where the memory never expires."""
        for each in accumulators:
            self._by_place[each.place] = each

    def forget_what_is_over(self, customer: Customer, now: int) -> None:
        """Remove entries whose window is empty; to every condition, a missing entry equals an empty one.

        A new touchpoint only clears its own windows, so others would keep touchpoints long after they have left.
        """
        if now < customer.over_at:
            return
        memory, by_place = customer.memory, self._by_place
        next_over = NEVER
        # Most entries are missing, so that an accumulator is not even looked at.
        for place, entry in enumerate(memory):
            if entry is not None and place < len(by_place):
                accumulator = by_place[place]
                if accumulator is not None:
                    over = accumulator.over_from(entry)
                    if over <= now:
                        memory[place] = None
                    elif over < next_over:
                        next_over = over
        customer.over_at = next_over


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


class Windowed(Matching):
    """Base of accumulators that remember what occurred within a window."""

    __slots__ = ("within",)

    def __init__(self, kind: str, match: Match, within: int, *details: object) -> None:
        super().__init__(kind, match, *details, within)
        self.within: Final = within

    def times_in(self, entry: Any) -> list[int]:
        """The times that the entry holds, ascending."""
        kept: list[Any] = entry
        times: list[int] = kept[0]
        return times

    def over_from(self, entry: Any) -> int:
        times = self.times_in(entry)
        return times[-1] + self.within if times else LONG_AGO


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
