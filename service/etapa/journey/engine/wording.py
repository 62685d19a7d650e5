"""What a condition sees and what it lacks, in words, for people who ask why a customer does not move.

Every number and time in these words comes from the condition that decides (`observed`, `until`); here is only the language.
"""

import json
import math
from typing import Final

from etapa.journey.engine.conditions import Observed
from etapa.journey.engine.instant import instant_text
from etapa.journey.language import model
from etapa.journey.language.describe import describe, describe_comparison, describe_match
from etapa.journey.language.duration import format_duration
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND, YEAR

_OPPOSITE: Final[dict[model.Operator, model.Operator]] = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt", "eq": "ne", "ne": "eq"}
_FINER: Final = ((YEAR, DAY), (DAY, HOUR), (HOUR, MINUTE), (MINUTE, SECOND))


def seen(condition: model.Leaf, observed: Observed) -> str | None:
    """What the condition sees, such as `3` or `the last one 2026-03-01T10:00:00Z`; none when there is nothing to see."""
    match condition:
        case model.Event():
            return None
        case model.Absent():
            return "none so far" if observed is None else f"the last one {_to_the_second(observed)}"
        case model.InStage():
            return f"{rough_duration(_microseconds(observed))} in the stage"
        case model.Sequence(steps, _):
            return f"{observed} of {len(steps)} steps"
        case _:
            return "no value yet" if observed is None else value_text(observed)


def lacking(condition: model.Leaf, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
    """What is missing for the condition to be `wanted` at `now`, which it is not: `2 of 3; 1 more`, `12d more`.

    `changes_at`: when time alone makes it so; none when it never does.
    """
    match condition:
        case model.Event():
            return f"waits for {describe(condition)}"
        case model.Absent() if wanted:
            more = _more(now, changes_at)
            return more if observed is None else f"{more}; the last one {_to_the_second(observed)}"
        case model.Absent():
            return "none so far" if observed is None else f"not since {_to_the_second(observed)}"
        case model.InStage(duration):
            return _more(now, changes_at) if wanted else f"{rough_duration(_microseconds(observed) - duration)} too long"
        case model.Sequence(steps, _):
            taken = observed if isinstance(observed, int) else 0
            return f"{taken} of {len(steps)} steps; next {describe_match(steps[taken])}" if wanted else f"all {len(steps)} steps taken"
        case model.Trait():
            return "not known yet" if observed is None else _is_and_needs(condition.comparison, observed, wanted=wanted)
        case _:
            return _compared(condition, observed, wanted=wanted)


def rough_duration(microseconds: int) -> str:
    """A duration in its two largest units, rounded up, so that what is left is never shown as nothing: `12d`, `3h20m`, `5s`."""
    for unit, finer in _FINER:
        if microseconds >= unit:
            return format_duration(-(-microseconds // finer) * finer)
    return format_duration(-(-microseconds // SECOND) * SECOND)


def time_text(at: int) -> str:
    """A time to the second, for reading: `2026-11-21T10:00:00Z`."""
    return instant_text(at - at % SECOND)


def number_text(number: float) -> str:
    """A number as people write it: `3`, `379.5`, at most three decimals unless it is tiny."""
    if not math.isfinite(number):
        return "infinite" if number > 0 else "minus infinite"
    if number == int(number):
        return str(int(number))
    if abs(number) < 0.001:
        return f"{number:.3g}"
    return f"{number:.3f}".rstrip("0").rstrip(".")


def value_text(value: Observed) -> str:
    """A value as it would be written in a journey file."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)


def _compared(condition: model.Count | model.Aggregate | model.Score, observed: Observed, *, wanted: bool) -> str:
    adds_up = not isinstance(condition, model.Aggregate) or condition.kind in ("sum", "distinct")
    if observed is None:
        return "no value yet"
    tests = condition.comparison.tests
    if not (adds_up and isinstance(observed, int | float)) or (len(tests) > 1 and not wanted):
        return _is_and_needs(condition.comparison, observed, wanted=wanted)
    if not wanted:
        tests = tuple(model.Test(_OPPOSITE.get(test.operator, test.operator), test.operand) for test in tests)
    whole = isinstance(condition, model.Count) or (isinstance(condition, model.Aggregate) and condition.kind == "distinct")
    failed = [gap for test in tests if (gap := _gap(test, observed, whole=whole))]
    return " and ".join(failed) or _is_and_needs(condition.comparison, observed, wanted=wanted)


def _gap(test: model.Test, number: float, *, whole: bool) -> str | None:
    """How far `number` is from passing the test; none when it passes. `whole`: it only ever is a whole number."""
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


def _is_and_needs(comparison: model.Comparison, observed: Observed, *, wanted: bool) -> str:
    needs = describe_comparison(comparison)
    if not wanted:
        needs = f"not {needs}" if len(comparison.tests) == 1 else f"not ({needs})"
    return f"is {value_text(observed)}, needs {needs}"


def _more(now: int, changes_at: int | None) -> str:
    return "never" if changes_at is None else f"{rough_duration(changes_at - now)} more"


def _to_the_second(time: Observed) -> str:
    return f"{str(time)[:19]}Z"


def _microseconds(seconds: Observed) -> int:
    return round(seconds * SECOND) if isinstance(seconds, int | float) else 0
