"""The operators of comparisons: their meaning, their operands, and which of them a count, a sum or a value takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from etapa.journey.language.matching.matches import Conversion, Operator, Quantifier, Scalar
from etapa.journey.language.matching.patterns import LARGEST_PATTERN, PatternError, PatternTooLarge, compile_pattern
from etapa.journey.language.matching.possible import Domain, converted_domain
from etapa.journey.language.reading.findings import Position, Report, shortened
from etapa.journey.language.reading.lists import ListOf, warn_of_repeats
from etapa.journey.language.reading.shapes import BAD, MAX_TEXT, Bad, Flag, Plain, Shape, Text, refuse
from etapa.journey.language.reading.yaml_nodes import ListNode, Node, ScalarNode
from etapa.journey.localtime.dates import read_date

MAX_PATTERN = 1000
MAX_PATTERNS = 500
"""Most different regular expressions in a file."""
MAX_PATTERN_SIZE = 250_000
"""Most instructions of all of them together: they compile within half a second, in less than 50 MiB."""

OPERATORS: tuple[Operator, ...] = get_args(Operator)
AS = "as"
QUANTIFIERS: tuple[Quantifier, ...] = get_args(Quantifier)
COMPARISON_KEYS: tuple[str, ...] = (*OPERATORS, *QUANTIFIERS, AS)
"""The keys of a comparison: operators, quantifiers over the elements of a list, and the conversion of the value."""
ABOUT_ELEMENTS: Mapping[Quantifier, str] = {
    "any": "At least one element of the list satisfies this: a comparison of the element, or paths into it with comparisons.",
    "all": "Every element of the list satisfies this; true for an empty list, false for a value that is not a list.",
    "none": "No element of the list satisfies this; true for a value that is not a list.",
}
AS_WHAT = "The value is converted to this before it is compared: text such as 12.50 to a number, true or false to a boolean, RFC 3339 to a date. A value that cannot be converted is missing."

DESCRIPTIONS: Mapping[Operator, str] = {
    "eq": "The value equals this one. 1 equals 1.0; true equals only true; null stands for a missing value.",
    "ne": "The value does not equal this one. A missing value satisfies it.",
    "gt": "Greater than this number; or a text after this one by code point.",
    "gte": "This number or greater; or this text or one after it.",
    "lt": "Less than this number; or a text before this one.",
    "lte": "This number or less; or this text or one before it.",
    "in": "The value equals one of these.",
    "not_in": "The value equals none of these. A missing value satisfies it.",
    "exists": "true: the value is present and not null. false: it is missing.",
    "contains": "The text contains this text, or the list contains this value.",
    "starts_with": "The text starts with this one.",
    "ends_with": "The text ends with this one.",
    "matches": "Some part of the text matches this regular expression (RE2).",
}


@dataclass(frozen=True)
class PlainList(Shape[tuple[Scalar, ...]]):
    """The operand of `in` and `not_in`."""

    item: "Plain | DateText"

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
            f"the regular expressions so far take {report.pattern_size} instructions, {size} of them this one; at most "
            f"{MAX_PATTERN_SIZE} are allowed: {{3,9}} multiplies what stands before it by 9, and a class such as \\pL is about a thousand",
        )
        return BAD

    def _compile(self, pattern: str, position: Position, report: Report) -> bool:
        """Add the size of a new pattern. Once there is no room for another, no more are compiled."""
        if report.pattern_size > MAX_PATTERN_SIZE:
            report.error(position, "not checked, because the regular expressions before it are already too large")
            return False
        if len(report.patterns) >= MAX_PATTERNS:
            report.error(position, f"the file holds more than {MAX_PATTERNS} different regular expressions")
            return False
        try:
            size = compile_pattern(pattern).size
        except PatternError as error:
            # A pattern that is too large takes as long to compile as the largest that is not.
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
    """The operand of `ne`. Not null, because every value would satisfy that, even a missing one."""

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode) and node.value is None:
            return refuse(node, self.noun, report, ": `exists: true` asks whether a value is present")
        return super().read(node, report)


class DateText(Shape[str]):
    """The operand of a date: a day, or a date-time with an offset."""

    _NOUN = "a date in quotes, such as 2026-01-31 (its local midnight) or 2026-01-31T10:00:00Z"

    def read(self, node: Node, report: Report) -> str | Bad:
        text = node.value if isinstance(node, ScalarNode) else None
        if isinstance(text, str) and len(text) <= MAX_TEXT and read_date(text) is not None:
            return text
        return refuse(node, self._NOUN, report)

    def schema(self) -> dict[str, Any]:
        time = "[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
        return {"type": "string", "pattern": f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({time})?$"}


@dataclass(frozen=True)
class _OrNull(Shape[Scalar]):
    """The operand of `eq`: null stands for a missing value."""

    shape: Shape[Any]

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode) and node.value is None:
            return None
        found: Scalar | Bad = self.shape.read(node, report)
        return found

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.shape.schema(), {"type": "null"}]}


_NUMBER = Plain(text=False, boolean=False)
_BOOLEAN = Plain(text=False, number=False)
_NUMBER_OR_NULL = Plain(text=False, boolean=False, null=True)
_ORDERED = Plain(boolean=False)
_EXISTS: dict[Operator, Shape[Any]] = {"exists": Flag()}
NUMBER_ORDER: dict[Operator, Shape[Any]] = {"gt": _NUMBER, "gte": _NUMBER, "lt": _NUMBER, "lte": _NUMBER}
_NUMBER_BASIC: dict[Operator, Shape[Any]] = {"eq": _NUMBER, "ne": _NUMBER, **NUMBER_ORDER}
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


def _of_one_type(shape: Plain | DateText, *, ordered: bool) -> dict[Operator, Shape[Any]]:
    """The operators of converted values."""
    orders: dict[Operator, Shape[Any]] = {"gt": shape, "gte": shape, "lt": shape, "lte": shape} if ordered else {}
    lists: dict[Operator, Shape[Any]] = {"in": PlainList(shape), "not_in": PlainList(shape)}
    return {"eq": _OrNull(shape), "ne": shape, **orders, **lists, **_EXISTS}


@dataclass(frozen=True)
class Kind:
    """What a comparison compares: the operators it takes, and the values it can meet."""

    domain: Domain
    operators: Mapping[Operator, Shape[Any]] = field(hash=False)
    read_as: "Mapping[Conversion, Kind]" = field(default_factory=dict, hash=False)
    """The kinds after each conversion; empty if values cannot be converted."""

    @property
    def quantifiers(self) -> tuple[Quantifier, ...]:
        """The quantifiers that it takes; only values can be lists."""
        return QUANTIFIERS if self.domain.others and self.read_as else ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that it takes."""
        return (*self.operators, *self.quantifiers, *([AS] if self.read_as else []))


READ_AS: Mapping[Conversion, Kind] = {
    "number": Kind(converted_domain("number"), _of_one_type(_NUMBER, ordered=True)),
    "boolean": Kind(converted_domain("boolean"), _of_one_type(_BOOLEAN, ordered=False)),
    "date": Kind(converted_domain("date"), _of_one_type(DateText(), ordered=True)),
}
COUNT = Kind(Domain("a count (a whole number from 0)", whole=True, minimum=0), _NUMBER_BASIC)
WEIGHTED_COUNT = Kind(Domain("a sum of weights (a number)"), _NUMBER_BASIC)
DAYS = Kind(Domain("a number of days (a whole number from 0)", whole=True, minimum=0), _NUMBER_BASIC)
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
SCORE = Kind(Domain("a score (a number)"), NUMBER_ORDER)
RISING_SCORE = Kind(Domain("a score without negative points (a number from 0)", minimum=0), NUMBER_ORDER)
FALLING_SCORE = Kind(Domain("a score without positive points (a number up to 0)", maximum=0), NUMBER_ORDER)
VALUE = Kind(Domain("a value, which may be missing", texts=True, others=True, missing=True), _ANY, READ_AS)
PRESENT_VALUE = Kind(Domain("a value that is present (a missing trait means no)", texts=True, others=True), _ANY, READ_AS)
CHANNEL = Kind(Domain("a channel (text or missing)", numbers=False, texts=True, missing=True), _ANY, READ_AS)
TYPE = Kind(Domain("a touchpoint type (text, never missing)", numbers=False, texts=True), _ANY, READ_AS)
LATEST_TEXT = Kind(Domain("the latest text, or nothing", numbers=False, texts=True, missing=True), _ANY, READ_AS)
