"""Words for what a condition sees and what it lacks, for people who ask why a customer does not move.

Every number and time comes from the deciding condition (`observed`, `until`); this module only adds the words.
"""

import json
import math
from dataclasses import replace
from typing import Final

from etapa.journey.duration import format_duration
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.descriptions import describe_tests
from etapa.journey.language.matching.matches import Comparison, Operator, Test
from etapa.journey.language.matching.type_checks import in_words, type_check
from etapa.journey.language.phrasing.quantities import number_text
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND, YEAR

_OPPOSITE: Final[dict[Operator, Operator]] = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt", "eq": "ne", "ne": "eq"}
_IN_A_WORD: Final = ("a list", "an object")
"""How reasons show values that are not scalars."""
_FINER: Final = ((YEAR, DAY), (DAY, HOUR), (HOUR, MINUTE), (MINUTE, SECOND))


def rough_duration(microseconds: int) -> str:
    """A duration in its two largest units, rounded up so that a remainder is never shown as 0: `12d`, `3h20m`, `5s`."""
    for unit, finer in _FINER:
        if microseconds >= unit:
            return format_duration(-(-microseconds // finer) * finer)
    return format_duration(-(-microseconds // SECOND) * SECOND)


def value_text(value: Observed) -> str:
    """A value as written in a journey file; lists and objects as a word."""
    if value in _IN_A_WORD:
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)


def compared(comparison: Comparison, observed: Observed, *, wanted: bool, adds_up: bool = False, whole: bool = False) -> str:
    """What a number lacks. `adds_up`: it is a count or a sum, so the missing amount is known; `whole`: it is a whole number."""
    if observed is None:
        return "no value yet"
    tests = comparison.tests
    if not (adds_up and isinstance(observed, int | float)) or (len(tests) > 1 and not wanted):
        return is_and_needs(comparison, observed, wanted=wanted)
    if not wanted:
        tests = tuple(Test(_OPPOSITE.get(test.operator, test.operator), test.operand) for test in tests)
    failed = [gap for test in tests if (gap := _gap(test, observed, whole=whole))]
    return " and ".join(failed) or is_and_needs(comparison, observed, wanted=wanted)


def _gap(test: Test, number: float, *, whole: bool) -> str | None:
    """How far `number` is from passing the test; none if it passes. `whole`: it is always a whole number."""
    bound = test.operand
    if not isinstance(bound, int | float):
        return None
    least = most = None
    match test.operator:
        case "gte":
            least = math.ceil(bound) if whole else bound
        case "gt":
            least = math.floor(bound) + 1 if whole else bound
        case "lte":
            most = math.floor(bound) if whole else bound
        case "lt":
            most = math.ceil(bound) - 1 if whole else bound
        case "eq":
            least = most = bound
        case "ne" if number == bound:
            return f"is {number_text(number)}, needs another"
    shown = number_text(number)
    if least is not None and number < least:
        return f"{shown} of {number_text(least)}; {number_text(least - number)} more"
    if most is not None and number > most:
        return f"{shown}, at most {number_text(most)}; {number_text(number - most)} too {'many' if whole else 'much'}"
    if number == bound and test.operator in ("gt", "lt"):
        return f"is {shown}, needs {'more' if test.operator == 'gt' else 'less'}"
    return None


def opposite_comparison(comparison: Comparison) -> Comparison | None:
    """What a number passes if it fails `comparison`; none where no single test says that."""
    if comparison.elements or len(comparison.tests) != 1 or comparison.tests[0].operator not in _OPPOSITE:
        return None
    test = comparison.tests[0]
    return replace(comparison, tests=(Test(_OPPOSITE[test.operator], test.operand),))


def is_and_needs(comparison: Comparison, observed: Observed, *, wanted: bool) -> str:
    # The value shown has already been converted.
    needs = describe_tests(comparison)
    if not wanted:
        needs = f"not {needs}" if len(comparison.tests) + len(comparison.elements) == 1 else f"not ({needs})"
    elif not comparison.tests:
        needs = needs.replace("has ", "to have ", 1)
    check = type_check(comparison)
    never = (
        f"; {in_words(observed)} is never {check.wanted}"
        if comparison.conversion is None and observed not in _IN_A_WORD and check.misses(observed)
        else ""
    )
    return f"is {value_text(observed)}, needs {needs}{never}"


def time_left(now: int, changes_at: int | None) -> str:
    return "never" if changes_at is None else f"{rough_duration(changes_at - now)} more"


def to_the_second(time: Observed) -> str:
    return f"{str(time)[:19]}Z"


def in_microseconds(seconds: Observed) -> int:
    return round(seconds * SECOND) if isinstance(seconds, int | float) else 0


def value_or_none_yet(observed: Observed) -> str:
    return "no value yet" if observed is None else value_text(observed)
