"""Reading conditions: one entry in a table for each kind, which the loader and the JSON Schema share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from etapa.journey.language.comparisons import (
    COUNT,
    DISTINCT,
    FALLING_SCORE,
    LATEST_TEXT,
    OPERATORS,
    RISING_SCORE,
    SCORE,
    STATISTIC,
    SUM,
    VALUE,
    Kind,
    PathShape,
    WhereShape,
    any_operator_schema,
    comparison_schemas,
    read_comparison,
    types_that_fit,
)
from etapa.journey.language.findings import Report, listed, nearest, shortened
from etapa.journey.language.logic import always_true_as_any, counts_itself, never_true_together
from etapa.journey.language.model import (
    ANY_TYPE,
    EVERYWHERE,
    Absent,
    Aggregate,
    AggregateKind,
    All,
    AnyOf,
    Comparison,
    Condition,
    Count,
    Event,
    InStage,
    Match,
    Not,
    Path,
    Score,
    Sequence,
    Trait,
)
from etapa.journey.language.shapes import (
    BAD,
    MAX_LIST,
    Bad,
    Field,
    ListOf,
    Number,
    OneOrMany,
    Record,
    Shape,
    Span,
    Text,
    map_schema,
    read_fields,
    refuse,
)
from etapa.journey.language.yaml_nodes import ListNode, MapNode, Node, ScalarNode

MAX_TYPE = 128
"""Longest touchpoint type and trait name; touchpoints with longer types are not let in."""
MAX_STEPS = 32
MAX_TOGETHER = 100
"""Most conditions in one `all` or `any`."""

T = TypeVar("T")


class Types(Shape[tuple[str, ...]]):
    """One touchpoint type, a list of them, or `"*"` for any. Read sorted, without repeats."""

    _SHAPE = OneOrMany(Text("a touchpoint type", longest=MAX_TYPE), "touchpoint types")

    def read(self, node: Node, report: Report) -> tuple[str, ...] | Bad:
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


class Points(Shape[tuple[tuple[str, float], ...]]):
    """Touchpoint types and what each is worth."""

    def read(self, node: Node, report: Report) -> tuple[tuple[str, float], ...] | Bad:
        if not isinstance(node, MapNode) or not node.entries:
            return refuse(node, "a map of touchpoint types to points, such as {product_view: 1, add_to_cart: 5}", report)
        if len(node.entries) > MAX_LIST:
            report.error(node.position, f"expected at most {MAX_LIST} types, found {len(node.entries)}")
            return BAD
        before = report.errors
        points: list[tuple[str, float]] = []
        for entry in node.entries:
            if entry.key == ANY_TYPE or not 0 < len(entry.key) <= MAX_TYPE:
                report.error(
                    entry.key_position, f"expected one touchpoint type of 1 to {MAX_TYPE} characters, found `{shortened(entry.key)}`"
                )
            worth = Number().read(entry.node, report)
            if worth == 0:
                report.error(entry.node.position, "no points at all change nothing: leave the type out")
            elif worth is not BAD:
                points.append((entry.key, float(worth)))
        return tuple(sorted(points)) if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        names = {"minLength": 1, "maxLength": MAX_TYPE, "not": {"const": ANY_TYPE}}
        worth = {"type": "number", "not": {"const": 0}}
        return {"type": "object", "minProperties": 1, "maxProperties": MAX_LIST, "propertyNames": names, "additionalProperties": worth}


class ConditionShape(Shape[Condition]):
    """Any condition."""

    def read(self, node: Node, report: Report) -> Condition | Bad:
        names = listed(CONDITIONS)
        if not isinstance(node, MapNode):
            advice = ": put conditions in {all: […]} or {any: […]}" if isinstance(node, ListNode) else ""
            return refuse(node, "a condition (a map)", report, advice)
        kinds = [entry for entry in node.entries if entry.key in CONDITIONS]
        if not kinds:
            unknown = [entry for entry in node.entries if entry.key not in _OPTIONS]
            if unknown:
                advice = nearest(unknown[0].key, CONDITIONS) or ";"
                report.error(unknown[0].key_position, f"unknown condition `{shortened(unknown[0].key)}`{advice} allowed: {names}")
            else:
                report.error(node.position, f"a condition needs one of {names}")
            return BAD
        if len(kinds) > 1:
            both = listed(entry.key for entry in kinds)
            report.error(
                kinds[1].key_position, f"a condition is one thing, found {both}: put each in a map of its own under `all` or `any`"
            )
            return BAD
        return CONDITIONS[kinds[0].key].read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/condition"}


_NO_COMPARISON = Comparison(())


@dataclass(frozen=True)
class ConditionKind:
    """One kind of condition: its keys, whether it compares, and how its record becomes a condition."""

    name: str
    description: str
    fields: tuple[Field[Any], ...]
    build: Callable[[Record, Comparison, Report], Condition | Bad]
    compares: Callable[[Record], Kind] | None = None
    """What its comparison can meet; none when it takes no comparison."""
    widest: Kind | None = None
    """The operators that are told, in messages and the schema, before the record is known."""

    def read(self, node: MapNode, report: Report) -> Condition | Bad:
        noun = f"`{self.name}`"
        told = list(self.widest.operators) if self.widest else []
        record = read_fields(node, noun, self.fields, report, also=OPERATORS if self.widest else (), told=told)
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
WITHIN = Field("within", Span(), "Only touchpoints of this long until now. Left out: ever.")
OF = Field("of", Types(), 'The touchpoints that take part: a type, a list of types, or "*".', required=True)


def _own(name: str, shape: Shape[T], description: str) -> Field[T]:
    return Field(name, shape, description, required=True)


def _match(record: Record, types: Field[tuple[str, ...]], report: Report) -> Match | Bad:
    match = Match(record.need(types), record.get(WHERE) or EVERYWHERE)
    if match.types != (ANY_TYPE,) and not types_that_fit(match.types, match.where):
        report.error(record.place(WHERE), f"what `where` says of `type` can never be true of {listed(match.types)}")
        return BAD
    return match


EVENT = _own("event", Types(), 'The touchpoint types that are meant: a type, a list of types, or "*" for any.')


def _event(record: Record, _: Comparison, report: Report) -> Condition | Bad:
    match = _match(record, EVENT, report)
    return match if match is BAD else Event(match)


COUNTED = _own("count", Types(), 'The touchpoint types that are counted: a type, a list of types, or "*".')


def _count(record: Record, comparison: Comparison, report: Report) -> Condition | Bad:
    match = _match(record, COUNTED, report)
    return match if match is BAD else Count(match, record.get(WITHIN), comparison)


@dataclass(frozen=True)
class _AggregateReader:
    kind: AggregateKind
    path: Field[Path]

    def __call__(self, record: Record, comparison: Comparison, report: Report) -> Condition | Bad:
        match = _match(record, OF, report)
        path = record.need(self.path)
        if self.kind in ("sum", "avg", "min", "max") and path[0] in ("channel", "type"):
            report.error(record.place(self.path), f"`{path[0]}` is text, never a number: there is nothing to take the {self.kind} of")
            return BAD
        return match if match is BAD else Aggregate(self.kind, path, match, record.get(WITHIN), comparison)


def _aggregate(kind: AggregateKind, description: str, widest: Kind) -> ConditionKind:
    path = _own(kind, PathShape(), "Where the value lies: `channel`, `type`, `properties.KEY[.KEY…]` or `traits.KEY`.")

    def compares(record: Record) -> Kind:
        return LATEST_TEXT if kind == "last" and record.need(path)[0] in ("channel", "type") else widest

    return ConditionKind(kind, description, (path, OF, WHERE, WITHIN), _AggregateReader(kind, path), compares, widest)


ABSENT = _own("absent", Types(), 'The touchpoint types that must not have come: a type, a list of types, or "*".')
FOR = _own("for", Span(), "How long none has come.")


def _absent(record: Record, _: Comparison, report: Report) -> Condition | Bad:
    match = _match(record, ABSENT, report)
    return match if match is BAD else Absent(match, record.need(FOR))


IDLE = _own("idle", Span(), "How long the customer has done nothing at all.")


def _idle(record: Record, _: Comparison, __: Report) -> Condition:
    return Absent(Match((ANY_TYPE,)), record.need(IDLE))


IN_STAGE = _own("in_stage", Span(), "How long the customer has been in its stage, at least.")


def _in_stage(record: Record, _: Comparison, __: Report) -> Condition:
    return InStage(record.need(IN_STAGE))


class Step(Shape[Match]):
    """One step of a sequence."""

    def read(self, node: Node, report: Report) -> Match | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return refuse(node, "a step (a map)", report, f": write {{event: {shortened(node.value)}}}")
        record = read_fields(node, "a step", (EVENT, WHERE), report)
        return BAD if record is BAD or not record.sound else _match(record, EVENT, report)

    def schema(self) -> dict[str, Any]:
        return map_schema((EVENT, WHERE))


STEPS = _own("sequence", ListOf(Step(), "steps", maximum=MAX_STEPS), "The steps, each a touchpoint of its own, in this order.")
SEQUENCE_WITHIN = Field("within", Span(), "All steps lie in this long until now.", required=True)


def _sequence(record: Record, _: Comparison, __: Report) -> Condition:
    return Sequence(record.need(STEPS), record.need(SEQUENCE_WITHIN))


POINTS = _own("score", Points(), "Touchpoint types and what each is worth when it happens.")
HALF_LIFE = _own("half_life", Span(), "After this long a touchpoint is worth half.")


def _score(record: Record, comparison: Comparison, _: Report) -> Condition:
    return Score(record.need(POINTS), record.need(HALF_LIFE), comparison)


def _score_kind(record: Record) -> Kind:
    points = [worth for _, worth in record.need(POINTS)]
    if min(points) > 0:
        return RISING_SCORE
    return FALLING_SCORE if max(points) < 0 else SCORE


TRAIT = _own(
    "trait", Text("the name of a trait", longest=MAX_TYPE), "The trait, as touchpoints have set it; the latest by its time counts."
)


def _trait(record: Record, comparison: Comparison, report: Report) -> Condition:
    name = record.need(TRAIT)
    if name.startswith("traits."):
        report.warning(record.place(TRAIT), f"the trait is named without `traits.` before it: `{shortened(name.removeprefix('traits.'))}`")
    return Trait(name, comparison)


ALL = _own("all", ListOf(ConditionShape(), "conditions", maximum=MAX_TOGETHER), "Every one of these holds.")
ANY = _own("any", ListOf(ConditionShape(), "conditions", maximum=MAX_TOGETHER), "At least one of these holds.")
NOT = _own("not", ConditionShape(), "This does not hold.")


def _all(record: Record, _: Comparison, report: Report) -> Condition | Bad:
    conditions = record.need(ALL)
    reason = never_true_together(conditions)
    if reason:
        report.error(record.position, f"these conditions can never be true together: {reason}")
        return BAD
    warning = counts_itself(conditions)
    if warning:
        report.warning(record.position, warning)
    return All(conditions)


def _any(record: Record, _: Comparison, report: Report) -> Condition | Bad:
    conditions = record.need(ANY)
    reason = always_true_as_any(conditions)
    if reason:
        report.error(record.position, f"one of these conditions is always true: {reason}")
        return BAD
    return AnyOf(conditions)


def _not(record: Record, _: Comparison, __: Report) -> Condition:
    return Not(record.need(NOT))


def _table() -> Iterator[ConditionKind]:
    yield ConditionKind(
        "event", "True while a touchpoint that matches is being processed; false when time alone has passed.", (EVENT, WHERE), _event
    )
    yield ConditionKind(
        "count", "How many matching touchpoints there are.", (COUNTED, WHERE, WITHIN), _count, compares=lambda _: COUNT, widest=COUNT
    )
    yield _aggregate("sum", "The sum of the numbers at a path; 0 when there are none.", SUM)
    yield _aggregate("avg", "The mean of the numbers at a path; missing when there are none.", STATISTIC)
    yield _aggregate("min", "The least of the numbers at a path; missing when there are none.", STATISTIC)
    yield _aggregate("max", "The greatest of the numbers at a path; missing when there are none.", STATISTIC)
    yield _aggregate("distinct", "How many different values there are at a path.", DISTINCT)
    yield _aggregate("last", "The value at a path of the latest matching touchpoint.", VALUE)
    yield ConditionKind("absent", "No matching touchpoint for so long, of a customer known for so long.", (ABSENT, WHERE, FOR), _absent)
    yield ConditionKind("idle", 'No touchpoint at all for so long: short for `absent: "*"`.', (IDLE,), _idle)
    yield ConditionKind("in_stage", "The customer has been in its stage for so long.", (IN_STAGE,), _in_stage)
    yield ConditionKind("sequence", "Touchpoints came in this order.", (STEPS, SEQUENCE_WITHIN), _sequence)
    yield ConditionKind(
        "score", "Points for touchpoints, halving with time.", (POINTS, HALF_LIFE), _score, compares=_score_kind, widest=SCORE
    )
    yield ConditionKind("trait", "A trait of the customer.", (TRAIT,), _trait, compares=lambda _: VALUE, widest=VALUE)
    yield ConditionKind("all", "All of several conditions.", (ALL,), _all)
    yield ConditionKind("any", "Any of several conditions.", (ANY,), _any)
    yield ConditionKind("not", "The opposite of a condition.", (NOT,), _not)


CONDITIONS: Mapping[str, ConditionKind] = {kind.name: kind for kind in _table()}
_OPTIONS = {each.name for kind in CONDITIONS.values() for each in kind.fields} | set(OPERATORS)
