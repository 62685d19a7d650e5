"""Conditions that compare a number, and when they change as it falls because what was counted leaves its window."""

from math import ceil, floor
from typing import Any, Final

from mypy_extensions import i64

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.accumulators.window import EXACT, place_after
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.language.matching.predicates import Predicate, compile_comparison
from etapa.journey.language.model import Comparison

_RISING: Final = frozenset({"gt", "gte"})
_EXACT: Final = 2.0**53
"""Up to this, floats hold every whole number."""
_FALLING: Final = frozenset({"lt", "lte"})


UNBOUNDED: Final = 0
BY_TIMES: Final = 1
BY_DIGESTS: Final = 2
BY_SCORE: Final = 3
"""What a look at a memory tells of a number: nothing; not more than a `CountWindow` has times, or a `DistinctWindow` digests; not more than
a `DecayingScore` was before it decays."""
_BUCKETED: Final = 4
"""How long the entry of a `CountWindow` is that has buckets."""


class NumberCompares(CompiledLeaf):
    """A number that one memory and the time determine satisfies the comparison. It is 0 while the memory is empty."""

    __slots__ = ("bounded", "compare", "key", "least", "place")

    def __init__(self, text: str, accumulator: Accumulator, comparison: Comparison, bounded: int = UNBOUNDED) -> None:
        super().__init__(text)
        self.bounded: Final[i64] = bounded
        """What a look at the memory tells of the number."""
        self.key: Final = accumulator.key
        self.place: Final = accumulator.place
        self.compare: Final = compile_comparison(comparison)
        self.least: Final = least_of(comparison)
        """Below this it is false; none if there is no such number."""

    def measured(self, customer: Customer, now: int) -> float:
        """The number, or a little more."""
        raise NotImplementedError

    def may_reach(self, bound: float, entry: Any, now: int) -> bool:
        """Whether the number may be so large, now or later if nothing happens, by a look at its memory, which takes less than the number does.

        `entry`: what is in the memory; it is not empty.
        """
        form = self.bounded
        if form == UNBOUNDED:
            return True
        kept: list[Any] = entry
        if form == BY_TIMES:
            return float(len(kept)) >= bound or (len(kept) == _BUCKETED and isinstance(kept[0], list))
        if form == BY_DIGESTS:
            digests: list[Any] = kept[2]
            bits: int = kept[0]
            return float(len(digests)) >= bound or bits != 0
        since: int = kept[0]
        score: float = kept[1]
        # It moves towards zero from the latest touchpoint on.
        return score >= bound or bound <= 0.0 or now < since

    def is_guard(self) -> bool:
        """Whether it is false while `measured` is below `least`, and stays so whatever time passes."""
        return self.least is not None and not self.changes_by_time()[0]

    def memory_key(self) -> str | None:
        return self.key


def falling_turns(compare: Predicate) -> tuple[int, ...]:
    """The numbers, descending, at which a falling count changes the answer: `compare` differs between the number and the one below."""
    return tuple([number for number in range(EXACT, 0, -1) if compare.accepts(number) is not compare.accepts(number - 1)])


def until_turned(times: list[int], now: int, within: int, turns: tuple[int, ...], compare: Predicate) -> int:
    """When `compare` changes as `times` leave the window one by one (those at the same time together)."""
    number = len(times) - place_after(times, now - within)
    truth = compare.accepts(number)
    for turn in turns:
        if turn <= number:
            at = times[-turn]
            if compare.accepts(len(times) - place_after(times, at)) is not truth:
                return at + within
    return NEVER


def least_of(comparison: Comparison) -> float | None:
    """The number below which the comparison is false; none if there is no such number."""
    bounds: list[float] = []
    for test in comparison.tests:
        bound = test.operand
        if test.operator in ("eq", "gt", "gte") and isinstance(bound, int | float) and not isinstance(bound, bool) and abs(bound) <= _EXACT:
            bounds.append(float(bound))
    return max(bounds, default=None)


def whole_numbers_in(comparison: Comparison) -> tuple[int, int] | None:
    """The smallest and the largest whole number from 0 on that satisfy the comparison, if it is satisfied by exactly those between them.

    None if that cannot be told. The smallest is above the largest if none satisfies it.
    """
    smallest, largest = 0, NEVER
    if comparison.conversion is not None or comparison.elements:
        return None
    for test in comparison.tests:
        bound = test.operand
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= _EXACT:
            return None
        least, most = ceil(bound), floor(bound)
        match test.operator:
            case "gte":
                smallest = max(smallest, least)
            case "gt":
                smallest = max(smallest, most + 1)
            case "lte":
                largest = min(largest, most)
            case "lt":
                largest = min(largest, least - 1)
            case "eq":
                smallest, largest = max(smallest, least), min(largest, most)
            case _:
                return None
    return smallest, largest


def by_time_as_numbers_fall(comparison: Comparison) -> tuple[bool, bool]:
    """Whether a number that only falls can make the comparison true, and false."""
    operators = {test.operator for test in comparison.tests}
    return not operators <= _RISING, not operators <= _FALLING
