"""Reading comparisons: `gte: 3`, `in: [web, app]`, and where they may stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from etapa.journey.language.matching.matches import Comparison, Conversion, Operator, Test
from etapa.journey.language.matching.phrases import describe_comparison
from etapa.journey.language.matching.possible import Domain, converted_domain, outcome
from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.operands import DateText, OrNull, Pattern, PlainList, Present
from etapa.journey.language.reading.shapes import BAD, Bad, Flag, Plain, Shape, Text, refuse
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

OPERATORS: tuple[Operator, ...] = get_args(Operator)
AS = "as"
COMPARISON_KEYS: tuple[str, ...] = (*OPERATORS, AS)
"""The keys of a comparison: operators, and as what the value is read first."""
_AS_WHAT = (
    "The value is read as this before it is compared: text such as 12.50 as a number, true or false as a boolean, RFC 3339 as a date. "
    "What cannot be read so is missing."
)

DESCRIPTIONS: Mapping[Operator, str] = {
    "eq": "The value equals this one. 1 equals 1.0; true equals only true; null stands for a missing value.",
    "ne": "The value does not equal this one. A missing value satisfies it.",
    "gt": "Greater than this number; or a text after this one by code point.",
    "gte": "This number or greater; or this text or one after it.",
    "lt": "Less than this number; or a text before this one.",
    "lte": "This number or less; or this text or one before it.",
    "in": "The value equals one of these.",
    "not_in": "The value equals none of these. A missing value satisfies it.",
    "exists": "true: the value is there and not null. false: it is missing.",
    "contains": "The text holds this text, or the list holds this value.",
    "starts_with": "The text starts with this one.",
    "ends_with": "The text ends with this one.",
    "matches": "The text holds something that matches this regular expression (RE2).",
}

_NUMBER = Plain(text=False, boolean=False)
_NUMBER_OR_NULL = Plain(text=False, boolean=False, null=True)
_ORDERED = Plain(boolean=False)
_EXISTS: dict[Operator, Shape[Any]] = {"exists": Flag()}
_NUMBER_ORDER: dict[Operator, Shape[Any]] = {"gt": _NUMBER, "gte": _NUMBER, "lt": _NUMBER, "lte": _NUMBER}
_NUMBER_BASIC: dict[Operator, Shape[Any]] = {"eq": _NUMBER, "ne": _NUMBER, **_NUMBER_ORDER}
_NUMBER_LISTS: dict[Operator, Shape[Any]] = {"in": PlainList(_NUMBER), "not_in": PlainList(_NUMBER)}
_ANY: dict[Operator, Shape[Any]] = {
    "eq": Plain(null=True),
    "ne": Present(),
    "gt": _ORDERED,
    "gte": _ORDERED,
    "lt": _ORDERED,
    "lte": _ORDERED,
    "in": PlainList(Plain()),
    "not_in": PlainList(Plain()),
    "exists": Flag(),
    "contains": Plain(),
    "starts_with": Text(),
    "ends_with": Text(),
    "matches": Pattern(),
}


_BOOLEAN = Plain(text=False, number=False)


def _of_one_type(shape: Plain | DateText, *, ordered: bool) -> dict[Operator, Shape[Any]]:
    """What a value takes that was read as something."""
    orders: dict[Operator, Shape[Any]] = {"gt": shape, "gte": shape, "lt": shape, "lte": shape} if ordered else {}
    lists: dict[Operator, Shape[Any]] = {"in": PlainList(shape), "not_in": PlainList(shape)}
    return {"eq": OrNull(shape), "ne": shape, **orders, **lists, **_EXISTS}


_NAMED: Mapping[str, Operator] = {"=": "eq", "==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SIGNED = re.compile(r"\s*(?P<sign>[=!<>]=|[=<>])\s*(?P<rest>[\w.+-]+)\s*")
_NUMBER_TEXT = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


@dataclass(frozen=True)
class Kind:
    """What a comparison compares: the operators it takes, and the values it can meet."""

    domain: Domain
    operators: Mapping[Operator, Shape[Any]] = field(hash=False)
    read_as: "Mapping[Conversion, Kind]" = field(default_factory=dict, hash=False)
    """What it compares when the values are read as something else first; empty when they cannot be."""


READ_AS: Mapping[Conversion, Kind] = {
    "number": Kind(converted_domain("number"), _of_one_type(_NUMBER, ordered=True)),
    "boolean": Kind(converted_domain("boolean"), _of_one_type(_BOOLEAN, ordered=False)),
    "date": Kind(converted_domain("date"), _of_one_type(DateText(), ordered=True)),
}
COUNT = Kind(Domain("a count (a whole number from 0)", whole=True, minimum=0), _NUMBER_BASIC)
_DIFFERENT = Kind(COUNT.domain, {**_NUMBER_BASIC, **_NUMBER_LISTS})
DISTINCT = replace(_DIFFERENT, read_as=dict.fromkeys(READ_AS, _DIFFERENT))
_TOTAL = Kind(Domain("a sum (a number)"), {**_NUMBER_BASIC, **_NUMBER_LISTS})
SUM = replace(_TOTAL, read_as={"number": _TOTAL})
_STATISTIC = Kind(
    Domain("a number or nothing", missing=True),
    {**_NUMBER_BASIC, "eq": _NUMBER_OR_NULL, **_NUMBER_LISTS, **_EXISTS},
)
AVERAGE = replace(_STATISTIC, read_as={"number": _STATISTIC})
EXTREME = replace(_STATISTIC, read_as={"number": _STATISTIC, "date": READ_AS["date"]})
SCORE = Kind(Domain("a score (a number)"), _NUMBER_ORDER)
RISING_SCORE = Kind(Domain("a score without negative points (a number from 0)", minimum=0), _NUMBER_ORDER)
FALLING_SCORE = Kind(Domain("a score without positive points (a number up to 0)", maximum=0), _NUMBER_ORDER)
VALUE = Kind(Domain("a value, which may be missing", texts=True, others=True, missing=True), _ANY, READ_AS)
PRESENT_VALUE = Kind(Domain("a value that is there (a missing trait means no)", texts=True, others=True), _ANY, READ_AS)
CHANNEL = Kind(Domain("a channel (text or missing)", numbers=False, texts=True, missing=True), _ANY, READ_AS)
TYPE = Kind(Domain("a touchpoint type (text, never missing)", numbers=False, texts=True), _ANY, READ_AS)
LATEST_TEXT = Kind(Domain("the latest text, or nothing", numbers=False, texts=True, missing=True), _ANY, READ_AS)


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
    elif operator in _NUMBER_ORDER and _NUMBER_TEXT.fullmatch(operand):
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
        found[AS] = {"enum": list(kind.read_as), "description": _AS_WHAT}
    return found


def any_operator_schema(kind: Kind) -> dict[str, Any]:
    """At least one comparison is there."""
    return {"anyOf": [{"required": [operator]} for operator in kind.operators]}
