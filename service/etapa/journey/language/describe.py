"""Conditions as text, the way a stage change gives its reasons: `count(purchase, 90d) >= 3`.

The same words appear in stage changes, in `etapa why` and in test reports, so they are made in this one place.
"""

import json

from etapa.journey.language.duration import format_duration
from etapa.journey.language.model import (
    ANY_TYPE,
    EVERYWHERE,
    Absent,
    Aggregate,
    All,
    AnyOf,
    Comparison,
    Condition,
    Count,
    Event,
    InStage,
    Leaf,
    Match,
    Not,
    Operator,
    Path,
    Score,
    Sequence,
    Test,
    Trait,
    Where,
)

_SIGNS: dict[Operator, str] = {
    "eq": "=",
    "ne": "!=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "not_in": "not in",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
}


def describe(condition: Condition) -> str:
    """The condition on one line. `all` and `any` stand in brackets unless they are all there is."""
    match condition:
        case All(conditions):
            return " and ".join(_inner(each) for each in conditions)
        case AnyOf(conditions):
            return " or ".join(_inner(each) for each in conditions)
        case Not(negated):
            return "not " + _inner(negated)
        case _:
            return _describe_leaf(condition)


def describe_match(match: Match) -> str:
    """`product_view | add_to_cart where channel = "web"`."""
    types = " | ".join(match.types)
    return f"{types} where {describe_where(match.where)}" if match.where.entries else types


def describe_where(where: Where) -> str:
    return " and ".join(f"{describe_path(path)} {describe_comparison(comparison)}" for path, comparison in where.entries)


def describe_path(path: Path) -> str:
    return ".".join(path)


def describe_comparison(comparison: Comparison) -> str:
    """`>= 3`, or `>= 3 and < 10` when there are several tests."""
    return " and ".join(_describe_test(test) for test in comparison.tests)


def _describe_leaf(leaf: Leaf) -> str:
    match leaf:
        case Event(match):
            return f"event({describe_match(match)})"
        case Count(match, within, comparison):
            return f"count({describe_match(match)}{_window(within)}) {describe_comparison(comparison)}"
        case Aggregate(kind, path, match, within, comparison):
            return f"{kind}({describe_path(path)} of {describe_match(match)}{_window(within)}) {describe_comparison(comparison)}"
        case Absent(match, duration):
            if match.types == (ANY_TYPE,) and match.where == EVERYWHERE:
                return f"idle({format_duration(duration)})"
            return f"absent({describe_match(match)}, {format_duration(duration)})"
        case InStage(duration):
            return f"in_stage({format_duration(duration)})"
        case Sequence(steps, within):
            return f"sequence({' then '.join(describe_match(step) for step in steps)}{_window(within)})"
        case Score(points, half_life, comparison):
            each = ", ".join(f"{kind} {_number(worth)}" for kind, worth in points)
            return f"score({each}, half-life {format_duration(half_life)}) {describe_comparison(comparison)}"
        case Trait(name, comparison):
            return f"trait({name}) {describe_comparison(comparison)}"


def _describe_test(test: Test) -> str:
    if test.operator == "exists":
        return "exists" if test.operand else "is missing"
    operand = list(test.operand) if isinstance(test.operand, tuple) else test.operand
    return f"{_SIGNS[test.operator]} {json.dumps(operand, ensure_ascii=False)}"


def _inner(condition: Condition) -> str:
    text = describe(condition)
    return f"({text})" if isinstance(condition, All | AnyOf) else text


def _window(within: int | None) -> str:
    return "" if within is None else ", " + format_duration(within)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
