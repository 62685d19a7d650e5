"""Reading comparisons, such as `gte: 3` and `in: [web, app]`, and where they are allowed."""

import re
from collections.abc import Mapping
from typing import Any

from etapa.journey.language.matching.descriptions import describe_comparison
from etapa.journey.language.matching.matches import ELEMENTS, Comparison, Conversion, Elements, Operator, Path, Test, Where
from etapa.journey.language.matching.possible import Domain, outcome
from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.operands import (
    ABOUT_ELEMENTS,
    AS,
    AS_WHAT,
    COMPARISON_KEYS,
    DESCRIPTIONS,
    NUMBER_ORDER,
    OPERATORS,
    QUANTIFIERS,
    VALUE,
    Kind,
)
from etapa.journey.language.reading.shapes import BAD, Bad, refuse
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node, ScalarNode

MAX_PATHS = 50
"""Most paths in one `where`, and in a comparison of an element."""
MAX_PATH_KEYS = 16

_NAMED: Mapping[str, Operator] = {"=": "eq", "==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SIGNED = re.compile(r"\s*(?P<sign>[=!<>]=|[=<>])\s*(?P<rest>[\w.+-]+)\s*")
_NUMBER_TEXT = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


def read_comparison(
    entries: Mapping[str, tuple[Position, Node]], noun: str, position: Position, kind: Kind, report: Report
) -> Comparison | Bad:
    """A comparison from the entries of a map whose keys are operators. Comparisons that decide nothing are reported."""
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
    elements: list[Elements] = []
    for name, (key_position, node) in asked.items():
        quantifier = next((each for each in kind.quantifiers if each == name), None)
        if quantifier is not None:
            found_elements = _read_elements(node, report)
            sound = sound and found_elements is not BAD
            elements += [] if found_elements is BAD else [Elements(quantifier, found_elements)]
            continue
        operator = next((each for each in kind.operators if each == name), None)
        if operator is None:
            report.error(key_position, f"{noun} does not take `{name}`; allowed: {listed(kind.operators)}{_inside(name)}")
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
    # In a fixed order, so that equal comparisons are recognised as equal.
    comparison = Comparison(tuple(sorted(tests, key=lambda test: OPERATORS.index(test.operator))), conversion, tuple(elements))
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


def _inside(name: str) -> str:
    return ": what elements are read as stands inside" if name in QUANTIFIERS else ""


def _read_elements(node: Node, report: Report) -> Comparison | Where | Bad:
    """What an element must satisfy: a comparison, or paths into it."""
    if not isinstance(node, MapNode) or not node.entries:
        return refuse(node, "what an element must be: a comparison, such as {eq: A}, or paths into it, such as {sku: A}", report)
    operators = [entry for entry in node.entries if entry.key in COMPARISON_KEYS]
    if len(operators) == len(node.entries):
        return read_comparison(
            {entry.key: (entry.key_position, entry.node) for entry in node.entries}, "an element", node.position, VALUE, report
        )
    if operators:
        report.error(
            operators[0].key_position,
            f"`{operators[0].key}` compares the element itself, and the other keys are paths into it: write one or the other",
        )
        return BAD
    if len(node.entries) > MAX_PATHS:
        report.error(node.position, f"at most {MAX_PATHS} paths into an element are allowed, found {len(node.entries)}")
        return BAD
    entries: list[tuple[Path, Comparison]] = []
    for entry in node.entries:
        keys = tuple(entry.key.split("."))
        if not all(keys) or len(keys) > MAX_PATH_KEYS or ELEMENTS in entry.key:
            report.error(entry.key_position, f"`{shortened(entry.key)}` is not a path into an element, such as `sku` or `price.amount`")
            continue
        comparison = read_compared(entry.node, VALUE, report)
        if comparison is not BAD:
            entries.append((keys, comparison))
    return Where(tuple(sorted(entries, key=lambda each: each[0]))) if len(entries) == len(node.entries) else BAD


def read_compared(node: Node, kind: Kind, report: Report) -> Comparison | Bad:
    """A comparison: a bare value, which means `eq`, or a map of comparisons."""
    if isinstance(node, ListNode):
        return refuse(node, "a value or a map of comparisons", report, ": write {in: […]} for one of several values")
    if isinstance(node, ScalarNode):
        return read_comparison({"eq": (node.position, node)}, "a path", node.position, kind, report)
    if not isinstance(node, MapNode):
        return BAD
    unknown = [entry for entry in node.entries if entry.key not in COMPARISON_KEYS]
    for entry in unknown:
        advice = nearest(entry.key, COMPARISON_KEYS) or ";"
        report.error(entry.key_position, f"unknown comparison `{shortened(entry.key)}`{advice} allowed: {listed(kind.operators)}")
    known: dict[str, tuple[Position, Node]] = {
        entry.key: (entry.key_position, entry.node) for entry in node.entries if entry.key in COMPARISON_KEYS
    }
    if unknown and not known:
        return BAD
    comparison = read_comparison(known, "a path", node.position, kind, report)
    return BAD if unknown else comparison


def _doubt(operator: Operator, operand: object, position: Position, report: Report) -> None:
    """Warn about text that was probably not meant as text."""
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
    """Report a comparison that is always or never true of the values in `domain`. Returns whether it decides."""
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
        # An operand for any value also allows those for converted values.
        kinds = (kind,) if kind.domain.texts else (kind, *kind.read_as.values())
        shapes = [each.operators[operator].schema() for each in kinds if operator in each.operators]
        different = [shape for place, shape in enumerate(shapes) if shape not in shapes[:place]]
        if different:
            found[operator] = {**(different[0] if len(different) == 1 else {"anyOf": different}), "description": DESCRIPTIONS[operator]}
    for quantifier in kind.quantifiers:
        found[quantifier] = {"type": "object", "minProperties": 1, "description": ABOUT_ELEMENTS[quantifier]}
    if kind.read_as:
        found[AS] = {"enum": list(kind.read_as), "description": AS_WHAT}
    return found


def any_operator_schema(kind: Kind) -> dict[str, Any]:
    """A schema that requires at least one comparison."""
    return {"anyOf": [{"required": [operator]} for operator in (*kind.operators, *kind.quantifiers)]}
