"""What may stand behind an operator: a value, several, a pattern, a date."""

from dataclasses import dataclass
from typing import Any

from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.matching.patterns import LARGEST_PATTERN, PatternError, PatternTooLarge, compile_pattern
from etapa.journey.language.reading.findings import Position, Report, shortened
from etapa.journey.language.reading.shapes import BAD, MAX_TEXT, Bad, ListOf, Plain, Shape, Text, refuse, warn_of_repeats
from etapa.journey.language.reading.yaml_nodes import ListNode, Node, ScalarNode
from etapa.journey.localtime.dates import read_date

MAX_PATTERN = 1000
MAX_PATTERNS = 500
"""Different regular expressions in a file."""
MAX_PATTERN_SIZE = 250_000
"""Instructions of all of them together: compiled within half a second, in less than 50 MiB."""


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


class Present(Plain):
    """The operand of `ne`: null would be satisfied by every value, a missing one included."""

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode) and node.value is None:
            return refuse(node, self.noun, report, ": `exists: true` asks for a value that is there")
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
        return {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$",
        }


@dataclass(frozen=True)
class OrNull(Shape[Scalar]):
    """The operand of `eq`: null stands for a missing value."""

    shape: Shape[Any]

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode) and node.value is None:
            return None
        found: Scalar | Bad = self.shape.read(node, report)
        return found

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.shape.schema(), {"type": "null"}]}
