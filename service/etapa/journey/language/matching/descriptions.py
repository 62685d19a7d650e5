"""Matches and comparisons as text, the parts of conditions' words: `purchase where channel = "web"`, `>= 3`."""

import json

from etapa.journey.duration import format_duration
from etapa.journey.language.matching.matches import ELEMENTS, Comparison, Conversion, Elements, Match, Operator, Path, Test, Weights, Where

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


def describe_match(match: Match, weights: Weights | None = None) -> str:
    """`product_view | add_to_cart where channel = "web"`; with weights `cancel -1 | order 1`."""
    types = " | ".join(match.types if weights is None else [f"{kind} {points_text(weight)}" for kind, weight in weights])
    return f"{types} where {describe_where(match.where)}" if match.where.entries else types


def describe_where(where: Where) -> str:
    return " and ".join(f"{describe_path(path)} {describe_comparison(comparison)}" for path, comparison in where.entries)


def describe_path(path: Path) -> str:
    return ".".join(path).replace(f".{ELEMENTS}", ELEMENTS)


def describe_comparison(comparison: Comparison) -> str:
    """`>= 3`; with several tests `>= 3 and < 10`; with a conversion `as number >= 3`."""
    return f"{as_text(comparison.conversion)}{describe_tests(comparison)}".lstrip()


def describe_tests(comparison: Comparison) -> str:
    """The same without the conversion."""
    return " and ".join([*map(_describe_test, comparison.tests), *map(_describe_elements, comparison.elements)])


def _describe_elements(elements: Elements) -> str:
    """`has any (sku = "A" and price > 3)`, `has only (> 3)`."""
    asked = elements.asked
    inner = describe_comparison(asked) if isinstance(asked, Comparison) else describe_where(asked)
    return f"has {'only' if elements.quantifier == 'all' else elements.quantifier} ({inner})"


def as_text(conversion: Conversion | None) -> str:
    """` as number `, with a blank on both sides, or one blank."""
    return " " if conversion is None else f" as {conversion} "


def _describe_test(test: Test) -> str:
    if test.operator == "exists":
        return "exists" if test.operand else "is missing"
    operand = list(test.operand) if isinstance(test.operand, tuple) else test.operand
    return f"{_SIGNS[test.operator]} {json.dumps(operand, ensure_ascii=False)}"


def window_text(within: int | None) -> str:
    return "" if within is None else ", " + format_duration(within)


def points_text(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
