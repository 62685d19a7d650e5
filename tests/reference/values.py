"""A touchpoint's values and how they compare, implemented plainly from the page on comparisons."""

from typing import Any

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model


def inside(keys: tuple[str, ...], value: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def value_at(path: model.Path, touchpoint: Touchpoint) -> Any:
    value: Any = {
        "channel": touchpoint.channel,
        "type": touchpoint.type,
        "properties": touchpoint.properties,
        "traits": touchpoint.traits,
    }
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def json_type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    names = {int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return names[type(value)]


def satisfies(comparison: model.Comparison, value: Any) -> bool:
    return all(passes(test, value) for test in comparison.tests)


def passes(test: model.Test, value: Any) -> bool:
    operand: Any = test.operand
    match test.operator:
        case "eq":
            return same(value, operand)
        case "ne":
            return not same(value, operand)
        case "in":
            return any(same(value, each) for each in operand) and value is not None
        case "not_in":
            return not any(same(value, each) for each in operand)
        case "exists":
            return (value is not None) is operand
        case "gt" | "gte" | "lt" | "lte":
            both_text = isinstance(value, str) and isinstance(operand, str)
            if not both_text and not (is_number(value) and is_number(operand)):
                return False
            return bool({"gt": value > operand, "gte": value >= operand, "lt": value < operand, "lte": value <= operand}[test.operator])
    raise NotImplementedError(test.operator)


def same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
