"""The types of JSON, as comparisons distinguish them: a value of another type than the operand never equals it."""

from typing import Literal

from etapa.journey.language.matching.matches import Test

JsonKind = Literal["null", "boolean", "number", "text", "list", "object"]


def json_kind(value: object) -> JsonKind:
    """The type of a decoded JSON value. A boolean is not a number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, dict) else "list"


def kinds_of(test: Test) -> set[JsonKind]:
    """The types of a test's operands; empty for `exists`, which compares nothing."""
    if test.operator == "exists":
        return set()
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    return {json_kind(each) for each in operands}
