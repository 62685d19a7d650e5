"""Reading a campaign's `goal`: what the campaign is for, until when, and what it is worth."""

from dataclasses import dataclass
from typing import Any

from etapa.journey.language.kinds.kind import OF_WEIGHTED, WHERE, read_match, weights_in
from etapa.journey.language.kinds.table import CONDITIONS, ConditionShape
from etapa.journey.language.matching.matches import Conversion
from etapa.journey.language.model import Condition, Goal, GoalValue
from etapa.journey.language.reading.findings import Report, listed
from etapa.journey.language.reading.lists import OneOrMany
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.names import Known
from etapa.journey.language.reading.shapes import BAD, Bad, Choice, Name, Reference, Shape, Span, refuse
from etapa.journey.language.reading.where import PathShape
from etapa.journey.language.reading.yaml_nodes import MapNode, Node

_FORMS = "a goal is {enter: STAGE, within: D} or {CONDITION…, within: D}"


SUM = Field("sum", PathShape(elements=True), "The path to the numbers that are added up, such as `properties.amount`.", required=True)
_NUMBER: Choice[Conversion] = Choice(("number",))
AS = Field("as", _NUMBER, "Read text such as `12.50` as a number first.")


class GoalValueShape(Shape[GoalValue]):
    """`{sum: PATH, of: TYPES}`: what the customer is worth between the trigger and the outcome."""

    def read(self, node: Node, report: Report) -> GoalValue | Bad:
        record = read_fields(node, "`value`", (SUM, OF_WEIGHTED, WHERE, AS), report)
        if isinstance(record, Bad) or not record.sound:
            return BAD
        path, conversion = record.need(SUM), record.get(AS)
        if path[0] in ("channel", "type") and conversion is None:
            report.error(record.place(SUM), f"`{path[0]}` is text, never a number: there is nothing to add up")
            return BAD
        match = read_match(record, OF_WEIGHTED, report)
        return BAD if isinstance(match, Bad) else GoalValue(path, match, conversion, weights_in(record, OF_WEIGHTED))

    def schema(self) -> dict[str, Any]:
        return map_schema((SUM, OF_WEIGHTED, WHERE, AS))


@dataclass(frozen=True)
class WrittenGoal:
    """A goal as written: the stages it names may not exist."""

    within: int
    enter: tuple[Name, ...]
    when: Condition | None
    value: GoalValue | None


ENTER = Field("enter", OneOrMany(Reference("a stage id"), "stage ids"), "Met when the customer enters one of these stages.", required=True)
WITHIN = Field("within", Span(), "How long after the trigger it can be met. After that it is missed.", required=True)
VALUE = Field("value", GoalValueShape(), "The goal's value: a sum of numbers between the trigger and the outcome.")


class GoalShape(Shape[WrittenGoal]):
    """`{enter: STAGE, within: D}` or `{CONDITION…, within: D}`, each with an optional `value`."""

    def read(self, node: Node, report: Report) -> WrittenGoal | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, "a goal: {enter: STAGE, within: D} or {CONDITION…, within: D}", report)
        keys = [entry.key for entry in node.entries]
        if ENTER.name in keys:
            record = read_fields(node, "a goal", (ENTER, WITHIN, VALUE), report)
            return BAD if isinstance(record, Bad) or not record.sound else _goal(record, record.need(ENTER), None)
        own = (WITHIN.name, VALUE.name)
        asked = MapNode(tuple(entry for entry in node.entries if entry.key not in own), node.position)
        rest = MapNode(tuple(entry for entry in node.entries if entry.key in own), node.position)
        condition: Condition | Bad = BAD
        if asked.entries:
            condition = ConditionShape().read(asked, report)
        else:
            report.error(node.position, f"{_FORMS}; found {listed(keys) or 'nothing'}")
        record = read_fields(rest, "a goal", (WITHIN, VALUE), report)
        if isinstance(condition, Bad) or isinstance(record, Bad) or not record.sound:
            return BAD
        return _goal(record, (), condition)

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/goal"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        return {
            "description": "What a campaign is for: a stage to be entered or a condition to become true, within a time.",
            "anyOf": [map_schema((ENTER, WITHIN, VALUE)), _condition_schema()],
        }


def _condition_schema() -> dict[str, Any]:
    """The keys of all kinds of conditions beside the goal's own. The loader checks that they make one condition."""
    told: dict[str, list[dict[str, Any]]] = {}
    for kind in CONDITIONS.values():
        for key, schema in kind.schema()["properties"].items():
            if schema not in told.setdefault(key, []):
                told[key].append(schema)
    keys = {key: some[0] if len(some) == 1 else {"description": some[0]["description"], "anyOf": some} for key, some in told.items()}
    of_goal = map_schema((WITHIN, VALUE))
    return {
        **of_goal,
        "properties": {**keys, **of_goal["properties"]},
        "anyOf": [{"required": [kind]} for kind in CONDITIONS],
    }


def _goal(record: ReadMap, enter: tuple[Name, ...], when: Condition | None) -> WrittenGoal:
    return WrittenGoal(record.need(WITHIN), enter, when, record.get(VALUE))


GOAL = Field(
    "goal",
    GoalShape(),
    "What the campaign is for. Each trigger opens it, in the holdout group as well, and `campaign-outcomes` tells whether it was met.",
)


def check_goal(record: ReadMap, stages: Known, report: Report) -> None:
    """Check the stages that the goal of a campaign names."""
    written = record.get(GOAL)
    for name in () if written is None else written.enter:
        stages.check(name, report)


def goal(record: ReadMap) -> Goal | None:
    """The goal in a campaign's sound record; none if it has none."""
    written = record.get(GOAL)
    if written is None:
        return None
    return Goal(written.within, tuple(dict.fromkeys(name.text for name in written.enter)), written.when, written.value)
