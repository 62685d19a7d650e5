"""Reading comparisons: `gte: 3`, `in: [web, app]`, and where they may stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from etapa.journey.language.matching.matches import Comparison, Operator, Path, Scalar, Test, Where
from etapa.journey.language.matching.phrases import describe_comparison
from etapa.journey.language.matching.possible import Domain, outcome
from etapa.journey.language.matching.predicates import LARGEST_PATTERN, PatternError, PatternTooLarge, compile_comparison, compile_pattern
from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.shapes import BAD, Bad, Flag, ListOf, Plain, Shape, Text, refuse, warn_of_repeats
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node, ScalarNode

MAX_PATTERN = 1000
MAX_PATTERNS = 500
"""Different regular expressions in a file."""
MAX_PATTERN_SIZE = 250_000
"""Instructions of all of them together: compiled within half a second, in less than 50 MiB."""
MAX_PATH_KEYS = 16
MAX_WHERE = 50

OPERATORS: tuple[Operator, ...] = get_args(Operator)

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


@dataclass(frozen=True)
class PlainList(Shape[tuple[Scalar, ...]]):
    """The operand of `in` and `not_in`."""

    item: Plain

    def read(self, node: Node, report: Report) -> tuple[Scalar, ...] | Bad:
        if isinstance(node, ListNode):
            warn_of_repeats(node, report)
        return ListOf(self.item, "values").read(node, report)

    def schema(self) -> dict[str, Any]:
        return ListOf(self.item, "values").schema()


class Pattern(Shape[str]):
    def read(self, node: Node, report: Report) -> str | Bad:
        pattern = Text("a regular expression", longest=MAX_PATTERN).read(node, report)
        if pattern is BAD:
            return BAD
        if pattern not in report.patterns and not self._compile(pattern, node.position, report):
            return BAD
        size = report.patterns[pattern]
        if report.pattern_size <= MAX_PATTERN_SIZE:
            return pattern if size else BAD
        report.error(
            node.position,
            f"the regular expressions up to here take {report.pattern_size} instructions, {size} of them this one; at most "
            f"{MAX_PATTERN_SIZE} are allowed: {{3,9}} multiplies what stands before it by 9, and a class such as \\pL is about a thousand",
        )
        return BAD

    def _compile(self, pattern: str, position: Position, report: Report) -> bool:
        """Note the size of a pattern that was not met before. Where there is no room for another one, none is compiled any more."""
        if report.pattern_size > MAX_PATTERN_SIZE:
            report.error(position, "not looked at, because the regular expressions before it are too large already")
            return False
        if len(report.patterns) >= MAX_PATTERNS:
            report.error(position, f"the file holds more than {MAX_PATTERNS} different regular expressions")
            return False
        try:
            size = compile_pattern(pattern).size
        except PatternError as error:
            # One that is too large takes as long as the largest one that is not.
            report.pattern_size += LARGEST_PATTERN if isinstance(error, PatternTooLarge) else 0
            report.patterns[pattern] = 0
            report.error(position, f'"{shortened(pattern)}" is not a regular expression that RE2 takes: {error}')
            return False
        report.patterns[pattern] = size
        report.pattern_size += size
        return True

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN}


class _Present(Plain):
    """The operand of `ne`: null would be satisfied by every value, a missing one included."""

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode) and node.value is None:
            return refuse(node, self.noun, report, ": `exists: true` asks for a value that is there")
        return super().read(node, report)


_NUMBER = Plain(text=False, boolean=False)
_NUMBER_OR_NULL = Plain(text=False, boolean=False, null=True)
_ORDERED = Plain(boolean=False)
_EXISTS: dict[Operator, Shape[Any]] = {"exists": Flag()}
_NUMBER_ORDER: dict[Operator, Shape[Any]] = {"gt": _NUMBER, "gte": _NUMBER, "lt": _NUMBER, "lte": _NUMBER}
_NUMBER_BASIC: dict[Operator, Shape[Any]] = {"eq": _NUMBER, "ne": _NUMBER, **_NUMBER_ORDER}
_NUMBER_LISTS: dict[Operator, Shape[Any]] = {"in": PlainList(_NUMBER), "not_in": PlainList(_NUMBER)}
_ANY: dict[Operator, Shape[Any]] = {
    "eq": Plain(null=True),
    "ne": _Present(),
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


_NAMED: Mapping[str, Operator] = {"=": "eq", "==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SIGNED = re.compile(r"\s*(?P<sign>[=!<>]=|[=<>])\s*(?P<rest>[\w.+-]+)\s*")
_NUMBER_TEXT = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


@dataclass(frozen=True)
class Kind:
    """What a comparison compares: the operators it takes, and the values it can meet."""

    domain: Domain
    operators: Mapping[Operator, Shape[Any]] = field(hash=False)


COUNT = Kind(Domain("a count (a whole number from 0)", whole=True, minimum=0), _NUMBER_BASIC)
DISTINCT = Kind(COUNT.domain, {**_NUMBER_BASIC, **_NUMBER_LISTS})
SUM = Kind(Domain("a sum (a number)"), {**_NUMBER_BASIC, **_NUMBER_LISTS})
STATISTIC = Kind(
    Domain("a number or nothing", missing=True),
    {**_NUMBER_BASIC, "eq": _NUMBER_OR_NULL, **_NUMBER_LISTS, **_EXISTS},
)
SCORE = Kind(Domain("a score (a number)"), _NUMBER_ORDER)
RISING_SCORE = Kind(Domain("a score without negative points (a number from 0)", minimum=0), _NUMBER_ORDER)
FALLING_SCORE = Kind(Domain("a score without positive points (a number up to 0)", maximum=0), _NUMBER_ORDER)
VALUE = Kind(Domain("a value, which may be missing", texts=True, others=True, missing=True), _ANY)
PRESENT_VALUE = Kind(Domain("a value that is there (a missing trait means no)", texts=True, others=True), _ANY)
CHANNEL = Kind(Domain("a channel (text or missing)", numbers=False, texts=True, missing=True), _ANY)
TYPE = Kind(Domain("a touchpoint type (text, never missing)", numbers=False, texts=True), _ANY)
LATEST_TEXT = Kind(Domain("the latest text, or nothing", numbers=False, texts=True, missing=True), _ANY)


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
    return {operator: {**shape.schema(), "description": DESCRIPTIONS[operator]} for operator, shape in kind.operators.items()}


def any_operator_schema(kind: Kind) -> dict[str, Any]:
    """At least one comparison is there."""
    return {"anyOf": [{"required": [operator]} for operator in kind.operators]}


class PathShape(Shape[Path]):
    """Where a value lies in a touchpoint."""

    _EXPECTED = "`channel`, `type`, `properties.KEY[.KEY…]` or `traits.KEY`"

    def read(self, node: Node, report: Report) -> Path | Bad:
        text = Text(f"a path ({self._EXPECTED})").read(node, report)
        return text if text is BAD else read_path(text, node.position, report)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^(channel|type|properties(\.[^.]+)+|traits\.[^.]+)$"}


def read_path(text: str, position: Position, report: Report) -> Path | Bad:
    head, *keys = text.split(".")
    heads = ("channel", "type", "properties", "traits")
    if head not in heads:
        advice = nearest(head, heads) or f"; write `properties.{shortened(text)}` if it is a property"
        report.error(position, f"`{shortened(text)}` is not a path{advice} (a path is {PathShape._EXPECTED})")
        return BAD
    if len(keys) > MAX_PATH_KEYS:
        report.error(position, f"a path has at most {MAX_PATH_KEYS} keys, found {len(keys)}")
        return BAD
    keys_allowed = {"channel": len(keys) == 0, "type": len(keys) == 0, "traits": len(keys) == 1, "properties": len(keys) >= 1}
    if not keys_allowed[head] or not all(keys):
        report.error(position, f"`{shortened(text)}` is not a path; a path is {PathShape._EXPECTED}")
        return BAD
    return (head, *keys)


def kind_of_path(path: Path) -> Kind:
    """What a `where` can meet at `path`."""
    return {"channel": CHANNEL, "type": TYPE}.get(path[0], VALUE)


class WhereShape(Shape[Where]):
    """A map of paths to a value, or to a map of comparisons."""

    def read(self, node: Node, report: Report) -> Where | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, "a map of paths, such as {channel: web}", report)
        if not node.entries:
            return refuse(node, "at least one path (leave `where` out to match every touchpoint)", report)
        if len(node.entries) > MAX_WHERE:
            report.error(node.position, f"`where` has at most {MAX_WHERE} paths, found {len(node.entries)}")
            return BAD
        entries: list[tuple[Path, Comparison]] = []
        for entry in node.entries:
            path = read_path(entry.key, entry.key_position, report)
            comparison = self._comparison(entry.node, VALUE if path is BAD else kind_of_path(path), report)
            if path is not BAD and comparison is not BAD:
                entries.append((path, comparison))
        # In one order, so that the same question asked twice is one question.
        return Where(tuple(sorted(entries, key=lambda entry: entry[0]))) if len(entries) == len(node.entries) else BAD

    def _comparison(self, node: Node, kind: Kind, report: Report) -> Comparison | Bad:
        if isinstance(node, ListNode):
            return refuse(node, "a value or a map of comparisons", report, ": write {in: […]} for one of several values")
        if isinstance(node, ScalarNode):
            return read_comparison({"eq": (node.position, node)}, "a path", node.position, kind, report)
        if not isinstance(node, MapNode):
            return BAD
        unknown = [entry for entry in node.entries if entry.key not in OPERATORS]
        for entry in unknown:
            advice = nearest(entry.key, OPERATORS) or ";"
            report.error(entry.key_position, f"unknown comparison `{shortened(entry.key)}`{advice} allowed: {listed(kind.operators)}")
        known: dict[str, tuple[Position, Node]] = {
            entry.key: (entry.key_position, entry.node) for entry in node.entries if entry.key in OPERATORS
        }
        if unknown and not known:
            return BAD
        comparison = read_comparison(known, "a path", node.position, kind, report)
        return BAD if unknown else comparison

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/where"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        operators = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": comparison_schemas(VALUE)}
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_WHERE,
            "propertyNames": PathShape().schema(),
            "additionalProperties": {"anyOf": [Plain(null=True).schema(), operators]},
        }


def types_that_fit(types: tuple[str, ...], where: Where) -> bool:
    """Whether any of `types` can satisfy what `where` says of `type`."""
    asked = [compile_comparison(comparison) for path, comparison in where.entries if path == ("type",)]
    return any(all(predicate.accepts(each) for predicate in asked) for each in types)
