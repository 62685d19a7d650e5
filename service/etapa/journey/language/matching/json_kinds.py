"""The types of JSON, as comparisons tell them apart: what is of another type than the operand is never equal to it."""

from typing import Literal

from etapa.journey.language.matching.matches import Test

JsonKind = Literal["null", "boolean", "number", "text", "list", "object"]


def json_kind(value: object) -> JsonKind:
    """Of a value as JSON decoders give it. A boolean is no number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, dict) else "list"


def kinds_of(test: Test) -> set[JsonKind]:
    """The types of a test's operands; none of `exists`, which compares nothing."""
    if test.operator == "exists":
        return set()
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    return {json_kind(each) for each in operands}
