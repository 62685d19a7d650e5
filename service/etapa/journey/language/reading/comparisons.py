"""Reading comparisons: `gte: 3`, `in: [web, app]`, and where they may stand."""

import re
from collections.abc import Mapping
from typing import Any

from etapa.journey.language.matching.matches import Comparison, Conversion, Operator, Test
from etapa.journey.language.matching.phrases import describe_comparison
from etapa.journey.language.matching.possible import Domain, outcome
from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.operands import AS, AS_WHAT, DESCRIPTIONS, NUMBER_ORDER, OPERATORS, Kind
from etapa.journey.language.reading.shapes import BAD, Bad, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

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
    conversion: Conversion | None = None
    if AS in entries:
        found = _read_as(*entries[AS], noun, kind, report)
        if found is BAD:
            return BAD
        conversion, kind = found, kind.read_as[found]
        noun += f" with `as: {found}`"
    tests: list[Test] = []
    sound = True
    asked = {name: entry for name, entry in entries.items() if name != AS}
    if not asked:
        report.error(position, f"{noun} needs a comparison, too: at least one of {listed(kind.operators)}")
        return BAD
    for name, (key_position, node) in asked.items():
        operator = next((each for each in kind.operators if each == name), None)
        if operator is None:
            report.error(key_position, f"{noun} does not take `{name}`; allowed: {listed(kind.operators)}")
            sound = False
            continue
        operand = kind.operators[operator].read(node, report)
        if operand is BAD:
            sound = False
        else:
            if conversion is None:
                _doubt(operator, operand, node.position, report)
            tests.append(Test(operator, operand))
    if not sound:
        return BAD
    # In one order, so that the same question asked twice is one question.
    comparison = Comparison(tuple(sorted(tests, key=lambda test: OPERATORS.index(test.operator))), conversion)
    first = next(iter(asked.values()))[0]
    return comparison if check_decides(comparison, kind.domain, first, report) else BAD


def _read_as(key_position: Position, node: Node, noun: str, kind: Kind, report: Report) -> Conversion | Bad:
    if not kind.read_as:
        report.error(key_position, f"{noun} does not take `as`: what it compares is a number already; allowed: {listed(kind.operators)}")
        return BAD
    for conversion in kind.read_as:
        if isinstance(node, ScalarNode) and node.value == conversion:
            return conversion
    word = node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""
    return refuse(node, " or ".join(f"`{each}`" for each in kind.read_as), report, nearest(word, kind.read_as))


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
    found: dict[str, Any] = {}
    for operator in OPERATORS:
        # What takes any value takes those that were read as something, too.
        kinds = (kind,) if kind.domain.texts else (kind, *kind.read_as.values())
        shapes = [each.operators[operator].schema() for each in kinds if operator in each.operators]
        different = [shape for place, shape in enumerate(shapes) if shape not in shapes[:place]]
        if different:
            found[operator] = {**(different[0] if len(different) == 1 else {"anyOf": different}), "description": DESCRIPTIONS[operator]}
    if kind.read_as:
        found[AS] = {"enum": list(kind.read_as), "description": AS_WHAT}
    return found


def any_operator_schema(kind: Kind) -> dict[str, Any]:
    """At least one comparison is there."""
    return {"anyOf": [{"required": [operator]} for operator in kind.operators]}
