"""The table of conditions, with a row for each kind, shared by the loader, the JSON Schema and their messages."""

from collections.abc import Iterator, Mapping
from typing import Any

from etapa.journey.language.kinds import absence, aggregate, clock, count, date, days, event, first, in_stage, score, sequence, trait
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Not
from etapa.journey.language.kinds.kind import ConditionKind, own
from etapa.journey.language.kinds.logic import always_true_as_any, counts_itself, never_true_together
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.reading.findings import Report, listed, nearest, shortened
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import COMPARISON_KEYS, QUANTIFIERS
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, refuse
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node

MAX_TOGETHER = 100
"""Most conditions in one `all` or `any`."""

_FOR_EXAMPLE = ": write it as a map, such as {event: purchase} or {count: purchase, within: 30d, gte: 2}"


class ConditionShape(Shape[Condition]):
    """Any condition."""

    def read(self, node: Node, report: Report) -> Condition | Bad:
        names = listed(CONDITIONS)
        if not isinstance(node, MapNode):
            advice = ": put conditions in {all: […]} or {any: […]}" if isinstance(node, ListNode) else _FOR_EXAMPLE
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
            # In a comparison, `any` and `all` with a map are about the elements of a list.
            kinds = [entry for entry in kinds if entry.key not in QUANTIFIERS or not isinstance(entry.node, MapNode)] or kinds
        if len(kinds) > 1:
            both = listed(entry.key for entry in kinds)
            report.error(
                kinds[1].key_position, f"a condition is one thing, found {both}: put each in a map of its own under `all` or `any`"
            )
            return BAD
        return CONDITIONS[kinds[0].key].read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/condition"}


ALL = own("all", ListOf(ConditionShape(), "conditions", maximum=MAX_TOGETHER), "Every one of these holds.")
ANY = own("any", ListOf(ConditionShape(), "conditions", maximum=MAX_TOGETHER), "At least one of these holds.")
NOT = own("not", ConditionShape(), "This does not hold.")


def _all(record: ReadMap, _: Comparison, report: Report) -> Condition | Bad:
    conditions = record.need(ALL)
    reason = never_true_together(conditions)
    if reason:
        report.error(record.position, f"these conditions can never be true together: {reason}")
        return BAD
    warning = counts_itself(conditions)
    if warning:
        report.warning(record.position, warning)
    return All(conditions)


def _any(record: ReadMap, _: Comparison, report: Report) -> Condition | Bad:
    conditions = record.need(ANY)
    reason = always_true_as_any(conditions)
    if reason:
        report.error(record.position, f"one of these conditions is always true: {reason}")
        return BAD
    return AnyOf(conditions)


def _not(record: ReadMap, _: Comparison, __: Report) -> Condition:
    return Not(record.need(NOT))


def _table() -> Iterator[ConditionKind]:
    yield event.KIND
    yield count.KIND
    yield from aggregate.KINDS
    yield days.KIND
    yield first.KIND
    yield from absence.KINDS
    yield in_stage.KIND
    yield sequence.KIND
    yield score.KIND
    yield trait.KIND
    yield date.KIND
    yield clock.KIND
    yield ConditionKind("all", "All of several conditions.", (ALL,), _all)
    yield ConditionKind("any", "Any of several conditions.", (ANY,), _any)
    yield ConditionKind("not", "The opposite of a condition.", (NOT,), _not)


CONDITIONS: Mapping[str, ConditionKind] = {kind.name: kind for kind in _table()}
_OPTIONS = {each.name for kind in CONDITIONS.values() for each in kind.fields} | set(COMPARISON_KEYS)
