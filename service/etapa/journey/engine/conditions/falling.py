"""When a comparison changes as a number falls, because what was counted leaves its window."""

from bisect import bisect_right
from typing import Final

from etapa.journey.engine.accumulators.window import EXACT
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.language.matching.predicates import Predicate
from etapa.journey.language.model import Comparison

_RISING: Final = frozenset({"gt", "gte"})
_FALLING: Final = frozenset({"lt", "lte"})


def falling_turns(compare: Predicate) -> tuple[int, ...]:
    """The numbers, descending, at which a falling count changes the answer: `compare` differs between the number and the one below."""
    return tuple([number for number in range(EXACT, 0, -1) if compare.accepts(number) is not compare.accepts(number - 1)])


def until_turned(times: list[int], now: int, within: int, turns: tuple[int, ...], compare: Predicate) -> int:
    """When `compare` changes as `times` leave the window one by one (those at the same time together)."""
    number = len(times) - bisect_right(times, now - within)
    truth = compare.accepts(number)
    for turn in turns:
        if turn <= number:
            at = times[-turn]
            if compare.accepts(len(times) - bisect_right(times, at)) is not truth:
                return at + within
    return NEVER


def by_time_as_numbers_fall(comparison: Comparison) -> tuple[bool, bool]:
    """Whether a number that only falls can make the comparison true, and false."""
    operators = {test.operator for test in comparison.tests}
    return not operators <= _RISING, not operators <= _FALLING
