"""Reading comparisons: `gte: 3`, `in: [web, app]`, and where they may stand."""

import re
from collections.abc import Mapping
from typing import Any

from etapa.journey.language.matching.matches import Comparison, Operator, Test
from etapa.journey.language.matching.phrases import describe_comparison
from etapa.journey.language.matching.possible import Domain, outcome
from etapa.journey.language.reading.findings import Position, Report, listed, shortened
from etapa.journey.language.reading.operands import DESCRIPTIONS, NUMBER_ORDER, OPERATORS, Kind
from etapa.journey.language.reading.shapes import BAD, Bad
from etapa.journey.language.reading.yaml_nodes import Node

_NAMED: Mapping[str, Operator] = {"=": "eq", "==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SIGNED = re.compile(r"\s*(?P<sign>[=!<>]=|[=<>])\s*(?P<rest>[\w.+-]+)\s*")
_NUMBER_TEXT = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


def read_comparison(
    entries: Mapping[str, tuple[Position, Node]], noun: str, position: Position, kind: Kind, report: Report
) -> Comparison | Bad:
    """A comparison from the entries of a map whose keys are operators. One that decides nothing is reported."""
    if not entries:
        report.error(position, f"{noun} needs a comparison: at least one of {listed(kind.operators)}")
        return BAD
    tests: list[Test] = []
    sound = True
    for name, (key_position, node) in entries.items():
        operator = next((each for each in kind.operators if each == name), None)
        if operator is None:
            report.error(key_position, f"{noun} does not take `{name}`; allowed: {listed(kind.operators)}")
            sound = False
            continue
        operand = kind.operators[operator].read(node, report)
        if operand is BAD:
            sound = False
        else:
            _doubt(operator, operand, node.position, report)
            tests.append(Test(operator, operand))
    if not sound:
        return BAD
    # In one order, so that the same question asked twice is one question.
    comparison = Comparison(tuple(sorted(tests, key=lambda test: OPERATORS.index(test.operator))))
    first = next(iter(entries.values()))[0]
    return comparison if check_decides(comparison, kind.domain, first, report) else BAD


def _doubt(operator: Operator, operand: object, position: Position, report: Report) -> None:
    """Warn of text that was probably not meant as text."""
    if not isinstance(operand, str):
        return
    signed = _SIGNED.fullmatch(operand)
    if signed:
        name = _NAMED[signed["sign"]]
        report.warning(position, f'"{shortened(operand)}" is compared as text, sign and all: write {{{name}: {shortened(signed["rest"])}}}')
    elif operator in NUMBER_ORDER and _NUMBER_TEXT.fullmatch(operand):
        report.warning(
            position, f'"{shortened(operand)}" is text here, and no number compares with text: write {operator}: {shortened(operand)}'
        )


def check_decides(comparison: Comparison, domain: Domain, position: Position, report: Report) -> bool:
    """Report a comparison that is always or never true of the values in `domain`."""
    result = outcome(domain, comparison)
    if result == "open":
        return True
    text = describe_comparison(comparison)
    report.error(position, f"`{text}` {'is always' if result == 'always' else 'can never be'} true of {domain.noun}")
    return False


def comparison_schemas(kind: Kind) -> dict[str, Any]:
    """The operators of `kind` as properties of a JSON Schema."""
    return {operator: {**shape.schema(), "description": DESCRIPTIONS[operator]} for operator, shape in kind.operators.items()}


def any_operator_schema(kind: Kind) -> dict[str, Any]:
    """At least one comparison is there."""
    return {"anyOf": [{"required": [operator]} for operator in kind.operators]}
