"""Shapes: what is allowed at one place of a journey file.

A shape reads a node into a value, or reports what was found and what is allowed. It also describes itself as JSON Schema, so the
loader and the schema that editors use cannot disagree.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from etapa.journey.duration import PATTERN, DurationError, parse_duration
from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.reading.findings import Position, Report, shortened
from etapa.journey.language.reading.yaml_nodes import InvalidNode, Node, ScalarNode, found

MAX_TEXT = 1000

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Bad(Enum):
    """Stands for a value that could not be read; the reason has been reported."""

    BAD = "bad"


BAD: Final = Bad.BAD


class Shape(ABC, Generic[T_co]):
    """What is allowed at one place."""

    @abstractmethod
    def read(self, node: Node, report: Report) -> T_co | Bad:
        """The value of `node`, or `BAD` after a report."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The shape as JSON Schema."""


def refuse(node: Node, expected: str, report: Report, advice: str = "") -> Bad:
    if not isinstance(node, InvalidNode):
        report.error(node.position, f"expected {expected}, found {found(node)}{advice}")
    return BAD


def is_number(value: object) -> bool:
    """A boolean is not a number here, as in JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Text(Shape[str]):
    """Text of 1 to `longest` characters that matches `pattern`, if there is one. The pattern must be anchored."""

    noun: str = "text"
    pattern: str | None = None
    longest: int = MAX_TEXT

    def read(self, node: Node, report: Report) -> str | Bad:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            plain = isinstance(node, ScalarNode) and node.value is not None
            return refuse(node, self.noun, report, ": write it in quotes to make it text" if plain else "")
        if not node.value:
            return refuse(node, self.noun, report)
        if len(node.value) > self.longest:
            report.error(node.position, f"expected {self.noun} of at most {self.longest} characters, found {len(node.value)}")
            return BAD
        if self.pattern is not None and not re.fullmatch(self.pattern, node.value):
            return refuse(node, self.noun, report)
        return node.value

    def schema(self) -> dict[str, Any]:
        rest = {} if self.pattern is None else {"pattern": self.pattern}
        return {"type": "string", "minLength": 1, "maxLength": self.longest, **rest}


class Name(NamedTuple):
    """Text that refers to something defined elsewhere in the file, with its position."""

    text: str
    position: Position


@dataclass(frozen=True)
class Reference(Shape[Name]):
    """The id of something defined elsewhere; whether it exists is checked after everything is read."""

    noun: str
    longest: int = MAX_TEXT

    def read(self, node: Node, report: Report) -> Name | Bad:
        text = Text(self.noun, longest=self.longest).read(node, report)
        return text if text is BAD else Name(text, node.position)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, **({} if self.longest == MAX_TEXT else {"maxLength": self.longest})}


@dataclass(frozen=True)
class Whole(Shape[int]):
    minimum: int
    maximum: int

    def read(self, node: Node, report: Report) -> int | Bad:
        value = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum:
            return value
        return refuse(node, f"a whole number from {self.minimum} to {self.maximum}", report)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


class Number(Shape[int | float]):
    """A finite number. Booleans are not numbers."""

    def read(self, node: Node, report: Report) -> int | float | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return node.value
        return refuse(node, "a number", report)

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}


class Flag(Shape[bool]):
    def read(self, node: Node, report: Report) -> bool | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        return refuse(node, "true or false", report)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice(Shape[T]):
    """One of a few words."""

    options: tuple[T, ...]

    def read(self, node: Node, report: Report) -> T | Bad:
        value = node.value if isinstance(node, ScalarNode) else None
        chosen = next((option for option in self.options if option == value), None)
        if chosen is not None:
            return chosen
        return refuse(node, " or ".join(f"`{option}`" for option in self.options), report)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


@dataclass(frozen=True)
class Span(Shape[int]):
    """A duration, in microseconds."""

    zero_allowed: bool = False

    def read(self, node: Node, report: Report) -> int | Bad:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            number = isinstance(node, ScalarNode) and is_number(node.value)
            return refuse(node, "a duration such as 90d or 1d12h", report, ": its unit (s, m, h, d, w or y) is missing" if number else "")
        try:
            duration = parse_duration(shortened(node.value))
        except DurationError as error:
            report.error(node.position, str(error))
            return BAD
        if duration == 0 and not self.zero_allowed:
            return refuse(node, "a duration longer than 0s", report)
        return duration

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN}


class Percentage(Shape[float]):
    """A share of customers, read as 0 to 1."""

    _PATTERN: Final = "^(100|[0-9]{1,2}([.][0-9]{1,6})?)%$"

    def read(self, node: Node, report: Report) -> float | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, str) and re.fullmatch(self._PATTERN, node.value):
            return float(node.value[:-1]) / 100
        return refuse(node, "a percentage from 0% to 100%, such as 10%", report)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self._PATTERN}


@dataclass(frozen=True)
class Plain(Shape[Scalar]):
    """One value: text, number, boolean or null, as allowed."""

    null: bool = False
    boolean: bool = True
    text: bool = True
    number: bool = True

    @property
    def noun(self) -> str:
        kinds = ["a number"] * self.number + ["text"] * self.text + ["true or false"] * self.boolean + ["null"] * self.null
        return kinds[0] if len(kinds) == 1 else ", ".join(kinds[:-1]) + " or " + kinds[-1]

    def read(self, node: Node, report: Report) -> Scalar | Bad:
        if isinstance(node, ScalarNode):
            value = node.value
            if isinstance(value, str) and len(value) > MAX_TEXT:
                report.error(node.position, f"text is longer than {MAX_TEXT} characters")
                return BAD
            if self._allows(value):
                return value
        return refuse(node, self.noun, report)

    def _allows(self, value: Scalar) -> bool:
        if value is None:
            return self.null
        if isinstance(value, bool):
            return self.boolean
        return self.text if isinstance(value, str) else self.number

    def schema(self) -> dict[str, Any]:
        types = ["number"] * self.number + ["string"] * self.text + ["boolean"] * self.boolean + ["null"] * self.null
        return {"type": types[0] if len(types) == 1 else types}
