"""Shapes of maps, and reading maps field by field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from etapa.journey.language.reading.findings import Position, Report, listed, nearest, shortened
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, T, Text, refuse
from etapa.journey.language.reading.yaml_nodes import MapNode, Node, ScalarNode, plain_value


class JsonMap(Shape[Mapping[str, Any]]):
    """A map of any JSON values, kept unchanged."""

    def read(self, node: Node, report: Report) -> Mapping[str, Any] | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, "a map", report)
        value: Mapping[str, Any] = plain_value(node)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True)
class TextMap(Shape[Mapping[str, str]]):
    """A map to text whose keys match a pattern. The pattern must be anchored."""

    noun: str
    key_pattern: str

    def read(self, node: Node, report: Report) -> Mapping[str, str] | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, self.noun, report)
        before = report.errors
        texts: dict[str, str] = {}
        for entry in node.entries:
            if not re.fullmatch(self.key_pattern, entry.key):
                # To YAML, `{en: That it comes, and fits}` has two entries.
                torn = isinstance(entry.node, ScalarNode) and entry.node.value is None
                advice = "; a text that holds a comma stands in quotes" if torn else ""
                report.error(entry.key_position, f"expected {self.noun}, found the key `{shortened(entry.key)}`{advice}")
                if torn:
                    continue
            text = Text().read(entry.node, report)
            if text is not BAD:
                texts[entry.key] = text
        return texts if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "propertyNames": {"pattern": self.key_pattern}, "additionalProperties": Text().schema()}


@dataclass(frozen=True)
class Field(Generic[T]):
    """A key of a map: its shape, its description for authors of journeys, and whether it is required."""

    name: str
    shape: Shape[T]
    description: str
    required: bool = False
    default: Any = None
    """For the schema only; the reader of the map applies it."""

    def schema(self) -> dict[str, Any]:
        default = {} if self.default is None else {"default": self.default}
        return {**self.shape.schema(), "description": self.description, **default}


@dataclass
class ReadMap:
    """A map read by its fields."""

    position: Position
    sound: bool = True
    """False if anything in the map was reported as an error."""
    values: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    rest: dict[str, tuple[Position, Node]] = field(default_factory=dict)
    """Entries that the fields do not name but the caller allowed."""

    def get(self, key: Field[T]) -> T | None:
        """The value, or none if it is missing or could not be read."""
        value: T | None = self.values.get(key.name)
        return value

    def need(self, key: Field[T]) -> T:
        """The value of a required field in a sound record."""
        value: T = self.values[key.name]
        return value

    def place(self, key: Field[Any]) -> Position:
        return self.positions.get(key.name, self.position)


def read_fields(
    node: Node, noun: str, fields: Sequence[Field[Any]], report: Report, also: Sequence[str] = (), told: Sequence[str] = ()
) -> ReadMap | Bad:
    """Read a map by its fields. Unknown and missing keys are reported.

    Keys in `also` are returned unread. Messages that list the allowed keys also name those in `told`.
    """
    allowed = [each.name for each in fields] + list(told)
    if not isinstance(node, MapNode):
        return refuse(node, f"{noun} (a map with {listed(each.name for each in fields)})", report)
    by_name = {each.name: each for each in fields}
    record = ReadMap(node.position)
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
class MapOf(Shape[ReadMap]):
    """A map with fields. It is returned even if it is not sound, so that further errors can be found."""

    noun: str
    fields: tuple[Field[Any], ...]

    def read(self, node: Node, report: Report) -> ReadMap | Bad:
        return read_fields(node, self.noun, self.fields, report)

    def schema(self) -> dict[str, Any]:
        return map_schema(self.fields)
