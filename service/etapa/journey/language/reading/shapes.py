"""Shapes: what may stand at one place of a journey file.

A shape reads a node into a value, or reports what was found and what is allowed; and it describes itself as JSON Schema.
So the loader and the schema that editors use cannot say different things.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from etapa.journey.duration import PATTERN, DurationError, parse_duration
from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.yaml_nodes import InvalidNode, ListNode, MapNode, Node, ScalarNode, found, plain_value

MAX_TEXT = 1000
MAX_LIST = 1000

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Bad(Enum):
    """Stands for a value that could not be read; why has been reported."""

    BAD = "bad"


BAD: Final = Bad.BAD


class Shape(ABC, Generic[T_co]):
    """What may stand at one place."""

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
    """Text of 1 to `longest` characters that matches `pattern` (anchored by its author) when there is one."""

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
    """Text that refers to something defined elsewhere in the file, and where it stands."""

    text: str
    position: Position


@dataclass(frozen=True)
class Reference(Shape[Name]):
    """The id of something defined elsewhere; whether it exists is checked once all is read."""

    noun: str

    def read(self, node: Node, report: Report) -> Name | Bad:
        text = Text(self.noun).read(node, report)
        return text if text is BAD else Name(text, node.position)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


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
    """A finite number. Booleans are none."""

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
            return refuse(node, "a duration longer than nothing", report)
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
    """One value: text, and numbers, booleans and null as far as they are allowed."""

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


class JsonMap(Shape[Mapping[str, Any]]):
    """A map of whatever JSON can hold, kept as it stands."""

    def read(self, node: Node, report: Report) -> Mapping[str, Any] | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, "a map", report)
        value: Mapping[str, Any] = plain_value(node)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True)
class TextMap(Shape[Mapping[str, str]]):
    """A map to text whose keys match a pattern (anchored by its author)."""

    noun: str
    key_pattern: str

    def read(self, node: Node, report: Report) -> Mapping[str, str] | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, self.noun, report)
        before = report.errors
        texts: dict[str, str] = {}
        for entry in node.entries:
            if not re.fullmatch(self.key_pattern, entry.key):
                report.error(entry.key_position, f"expected {self.noun}, found the key `{shortened(entry.key)}`")
            text = Text().read(entry.node, report)
            if text is not BAD:
                texts[entry.key] = text
        return texts if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "propertyNames": {"pattern": self.key_pattern}, "additionalProperties": Text().schema()}


@dataclass(frozen=True)
class ListOf(Shape[tuple[T, ...]]):
    """A list of `minimum` to `maximum` items.

    Items that cannot be read are reported, and the list is bad; with `keeps_good` the other items are given all the same, so
    that what is wrong with those is found too.
    """

    item: Shape[T]
    noun: str
    minimum: int = 1
    maximum: int = MAX_LIST
    keeps_good: bool = False

    def read(self, node: Node, report: Report) -> tuple[T, ...] | Bad:
        if not isinstance(node, ListNode):
            return refuse(node, f"a list of {self.noun}", report)
        if len(node.items) < self.minimum:
            return refuse(node, f"a list of at least {self.minimum} {self.noun}", report)
        if len(node.items) > self.maximum:
            report.error(node.position, f"expected at most {self.maximum} {self.noun}, found {len(node.items)}")
            return BAD
        items = [self.item.read(item, report) for item in node.items]
        good = tuple(item for item in items if item is not BAD)
        return good if self.keeps_good or len(good) == len(items) else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.minimum, "maxItems": self.maximum}


@dataclass(frozen=True)
class OneOrMany(Shape[tuple[T, ...]]):
    """One item, or a list of them. An item written twice is worth a warning."""

    item: Shape[T]
    noun: str

    def read(self, node: Node, report: Report) -> tuple[T, ...] | Bad:
        if not isinstance(node, ListNode):
            item = self.item.read(node, report)
            return item if item is BAD else (item,)
        warn_of_repeats(node, report)
        return ListOf(self.item, self.noun).read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.item.schema(), ListOf(self.item, self.noun).schema()]}


def warn_of_repeats(node: ListNode, report: Report) -> None:
    seen: set[tuple[type, Scalar]] = set()
    for item in node.items:
        if isinstance(item, ScalarNode):
            # True and 1 are one to Python, and two in a file.
            key = (type(item.value), item.value)
            if key in seen:
                report.warning(item.position, f"{found(item)} is in the list already")
            seen.add(key)


@dataclass(frozen=True)
class Field(Generic[T]):
    """A key of a map: its shape, what it means to the author of a journey, and whether it may be left out."""

    name: str
    shape: Shape[T]
    description: str
    required: bool = False
    default: Any = None
    """Only told, in the schema; the reader of the map applies it."""

    def schema(self) -> dict[str, Any]:
        default = {} if self.default is None else {"default": self.default}
        return {**self.shape.schema(), "description": self.description, **default}


@dataclass
class Record:
    """A map that was read by its fields."""

    position: Position
    sound: bool = True
    """False when anything in the map was reported as an error."""
    values: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    rest: dict[str, tuple[Position, Node]] = field(default_factory=dict)
    """Entries that the fields do not name but the caller allowed."""

    def get(self, key: Field[T]) -> T | None:
        """The value, or none when it is not there or could not be read."""
        value: T | None = self.values.get(key.name)
        return value

    def need(self, key: Field[T]) -> T:
        """The value of a required field, in a record that is sound."""
        value: T = self.values[key.name]
        return value

    def place(self, key: Field[Any]) -> Position:
        return self.positions.get(key.name, self.position)


def read_fields(
    node: Node, noun: str, fields: Sequence[Field[Any]], report: Report, also: Sequence[str] = (), told: Sequence[str] = ()
) -> Record | Bad:
    """Read a map by its fields. Unknown and missing keys are reported.

    Keys in `also` are handed back unread; messages about keys that are allowed name those in `told` beside the fields.
    """
    allowed = [each.name for each in fields] + list(told)
    if not isinstance(node, MapNode):
        return refuse(node, f"{noun} (a map with {listed(each.name for each in fields)})", report)
    by_name = {each.name: each for each in fields}
    record = Record(node.position)
    before = report.errors
    for entry in node.entries:
        if entry.key in by_name:
            record.positions[entry.key] = entry.node.position
            value = by_name[entry.key].shape.read(entry.node, report)
            if value is not BAD:
                record.values[entry.key] = value
        elif entry.key in also:
            record.rest[entry.key] = (entry.key_position, entry.node)
        else:
            advice = nearest(entry.key, allowed) or ";"
            report.error(entry.key_position, f"unknown key `{shortened(entry.key)}` in {noun}{advice} allowed: {listed(allowed)}")
    missing = [each.name for each in fields if each.required and each.name not in record.positions]
    if missing:
        report.error(node.position, f"{noun} needs {listed(missing)}")
    record.sound = report.errors == before
    return record


def map_schema(fields: Sequence[Field[Any]], also: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """JSON Schema of a map read by `fields`; `also` adds properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.name for each in fields if each.required],
        "properties": {**{each.name: each.schema() for each in fields}, **(also or {})},
    }


@dataclass(frozen=True)
class MapOf(Shape[Record]):
    """A map with fields. It is given even when it is not sound, so that what else is wrong can be found."""

    noun: str
    fields: tuple[Field[Any], ...]

    def read(self, node: Node, report: Report) -> Record | Bad:
        return read_fields(node, self.noun, self.fields, report)

    def schema(self) -> dict[str, Any]:
        return map_schema(self.fields)
