"""The rows of the table of conditions, and the keys that many kinds share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from etapa.journey.language.kinds.condition import Condition
from etapa.journey.language.matching.matches import ANY_TYPE, EVERYWHERE, Comparison, Match, Weights
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.reading.comparisons import any_operator_schema, comparison_schemas, read_comparison
from etapa.journey.language.reading.findings import Report, listed, shortened
from etapa.journey.language.reading.lists import MAX_LIST, OneOrMany
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.operands import COMPARISON_KEYS, Kind
from etapa.journey.language.reading.shapes import BAD, Bad, Number, Shape, Span, Text, is_number, refuse
from etapa.journey.language.reading.where import WhereShape, types_that_fit
from etapa.journey.language.reading.yaml_nodes import InvalidNode, MapNode, Node

MAX_TYPE = 128
"""Longest touchpoint type and trait name, in characters; touchpoints with longer types are refused."""

LARGEST_WEIGHT: Final = 1e300

_NEVER_TYPES: Final = frozenset({"type", "types", "where", "within", "before", "calendar", *COMPARISON_KEYS})
_BESIDE = ": write the type itself, and `where`, `within` and comparisons beside it, such as {count: purchase, within: 30d, gte: 2}"

T = TypeVar("T")


class Types(Shape[tuple[str, ...]]):
    """One touchpoint type, a list of them, or `"*"` for any. Read sorted, without repeats."""

    _SHAPE = OneOrMany(Text("a touchpoint type", longest=MAX_TYPE), "touchpoint types")

    def read(self, node: Node, report: Report) -> tuple[str, ...] | Bad:
        if isinstance(node, MapNode):
            return refuse(node, "a touchpoint type", report, _BESIDE)
        types = self._SHAPE.read(node, report)
        if types is BAD:
            return BAD
        if ANY_TYPE in types and len(types) > 1:
            report.error(node.position, '"*" stands for every type already: write it alone, or leave it out')
            return BAD
        return tuple(sorted(set(types)))

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/types"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        return self._SHAPE.schema()


class Weighted(NamedTuple):
    """Types, and what each counts; `weights` none: all the same."""

    types: tuple[str, ...]
    weights: Weights | None


class WeightedTypes(Shape[Weighted]):
    """Touchpoint types as elsewhere, or a map from types to what each counts, in which `"*"` is every type not named."""

    def read(self, node: Node, report: Report) -> Weighted | Bad:
        if not isinstance(node, MapNode):
            types = Types().read(node, report)
            return types if isinstance(types, Bad) else Weighted(types, None)
        if not node.entries:
            return refuse(node, "touchpoint types and their weights, such as {order: 1, cancel: -1}", report)
        if len(node.entries) > MAX_LIST:
            report.error(node.position, f"expected at most {MAX_LIST} types, found {len(node.entries)}")
            return BAD
        if any(entry.key in _NEVER_TYPES and not is_number(getattr(entry.node, "value", None)) for entry in node.entries):
            return refuse(node, "a touchpoint type, or a map of types to weights", report, _BESIDE)
        before = report.errors
        weights: list[tuple[str, int | float]] = []
        for entry in node.entries:
            if not 0 < len(entry.key) <= MAX_TYPE:
                report.error(
                    entry.key_position, f"expected a touchpoint type of 1 to {MAX_TYPE} characters, found `{shortened(entry.key)}`"
                )
            weight = Number().read(entry.node, report)
            if weight is BAD:
                if isinstance(entry.node, InvalidNode):
                    report.error(entry.node.position, "a weight must be finite and not 0: leave out types that do not count")
                continue
            if weight == 0 or not -LARGEST_WEIGHT <= weight <= LARGEST_WEIGHT:
                report.error(entry.node.position, "a weight must be finite and not 0: leave out types that do not count")
            weights.append((entry.key, weight))
        if report.errors != before:
            return BAD
        types = (ANY_TYPE,) if any(kind == ANY_TYPE for kind, _ in weights) else tuple(sorted(kind for kind, _ in weights))
        return Weighted(types, tuple(sorted(weights)))

    def schema(self) -> dict[str, Any]:
        weight = {"type": "number", "not": {"const": 0}}
        names = {"minLength": 1, "maxLength": MAX_TYPE}
        weighted = {"type": "object", "minProperties": 1, "maxProperties": MAX_LIST, "propertyNames": names, "additionalProperties": weight}
        return {"anyOf": [Types().schema(), weighted]}


def weights_in(record: ReadMap, types: Field[Any]) -> Weights | None:
    """The weights in a sound record; none if it has none."""
    found = record.need(types)
    return found.weights if isinstance(found, Weighted) else None


_NO_COMPARISON = Comparison(())


@dataclass(frozen=True)
class ConditionKind:
    """One kind of condition: its keys, whether it compares, and how its record becomes a condition."""

    name: str
    description: str
    fields: tuple[Field[Any], ...]
    build: Callable[[ReadMap, Comparison, Report], Condition | Bad]
    compares: Callable[[ReadMap], Kind] | None = None
    """The values that its comparison can meet; none if it takes no comparison."""
    widest: Kind | None = None
    """The operators listed in messages and the schema before the record is known."""
    phrases: type[KindPhrases] | None = None
    """What its sentences need of every language; none for `all`, `any` and `not`, whose phrases all rules share."""

    def read(self, node: MapNode, report: Report) -> Condition | Bad:
        noun = f"`{self.name}`"
        told = list(self.widest.keys) if self.widest else []
        record = read_fields(node, noun, self.fields, report, also=COMPARISON_KEYS if self.widest else (), told=told)
        if record is BAD:
            return BAD
        comparison: Comparison | Bad = _NO_COMPARISON
        if self.widest is not None:
            if not record.sound and not record.rest:
                return BAD  # What is wrong may be the comparison that would otherwise be missed.
            kind = self.compares(record) if self.compares and record.sound else self.widest
            comparison = read_comparison(record.rest, noun, node.position, kind, report)
        return self.build(record, comparison, report) if record.sound and comparison is not BAD else BAD

    def schema(self) -> dict[str, Any]:
        title = {"title": self.name, "description": self.description}
        if self.widest is None:
            return {**title, **map_schema(self.fields)}
        return {**title, **map_schema(self.fields, comparison_schemas(self.widest)), **any_operator_schema(self.widest)}


WHERE = Field("where", WhereShape(), "Only touchpoints that satisfy every entry: a path and a value, or a path and comparisons.")
WITHIN = Field("within", Span(), "Only touchpoints from this long ago up to now. Left out: ever.")
OF_WEIGHTED = Field(
    "of",
    WeightedTypes(),
    'The touchpoints that take part: a type, a list of types, or "*"; or a map from types to weights, such as {purchase: 1, refund: -1}.',
    required=True,
)
OF = Field("of", Types(), 'The touchpoints that take part: a type, a list of types, or "*".', required=True)


def own(name: str, shape: Shape[T], description: str) -> Field[T]:
    """The field that gives a kind its name."""
    return Field(name, shape, description, required=True)


def read_match(record: ReadMap, types: Field[tuple[str, ...]] | Field[Weighted], report: Report) -> Match | Bad:
    """The match that a sound record describes."""
    key: Field[Any] = types
    found = record.need(key)
    match = Match(found.types if isinstance(found, Weighted) else found, record.get(WHERE) or EVERYWHERE)
    if match.types != (ANY_TYPE,) and not types_that_fit(match.types, match.where):
        report.error(record.place(WHERE), f"what `where` says of `type` can never be true of {listed(match.types)}")
        return BAD
    return match
