"""Reading `consent`, `caps` and `campaigns`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from etapa.journey.language.design.labels import LABEL
from etapa.journey.language.goals import GOAL, check_goal, goal
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.logic import leaves
from etapa.journey.language.kinds.table import ConditionShape
from etapa.journey.language.kinds.trait import TRAIT, Trait
from etapa.journey.language.matching.json_kinds import kinds_of
from etapa.journey.language.matching.matches import Comparison, Elements
from etapa.journey.language.matching.possible import outcome
from etapa.journey.language.model import Campaign, Caps, Quiet, Transition
from etapa.journey.language.quiet import OWN_QUIET
from etapa.journey.language.reading.comparisons import any_operator_schema, comparison_schemas, read_comparison
from etapa.journey.language.reading.findings import Position, Report
from etapa.journey.language.reading.lists import ListOf, OneOrMany
from etapa.journey.language.reading.maps import Field, JsonMap, MapOf, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.names import ID, Known, known_among
from etapa.journey.language.reading.operands import COMPARISON_KEYS, PRESENT_VALUE, VALUE
from etapa.journey.language.reading.shapes import BAD, Bad, Flag, Name, Percentage, Reference, Shape, Span, Whole
from etapa.journey.language.reading.yaml_nodes import Node

MAX_CAMPAIGNS = 200
MAX_TRIGGERS = 1000


class ConsentShape(Shape[Trait]):
    """A trait and a comparison of its value. A missing trait means no, so the comparison never sees a missing value."""

    def read(self, node: Node, report: Report) -> Trait | Bad:
        record = read_fields(node, "`consent`", (TRAIT,), report, also=COMPARISON_KEYS, told=COMPARISON_KEYS)
        if record is BAD:
            return BAD
        comparison = read_comparison(record.rest, "`consent`", node.position, VALUE, report)
        if comparison is not BAD and outcome(PRESENT_VALUE.domain, comparison) == "never":
            report.error(node.position, "`consent` can never be given: a missing trait means no, and no value satisfies the comparison")
            return BAD
        if comparison is not BAD and not _is_strict(comparison, node, report):
            return BAD
        return Trait(record.need(TRAIT), comparison) if record.sound and comparison is not BAD else BAD

    def schema(self) -> dict[str, Any]:
        return {**map_schema((TRAIT,), comparison_schemas(VALUE)), **any_operator_schema(VALUE)}


def _is_strict(comparison: Comparison, node: Node, report: Report) -> bool:
    """Whether each test implies the type of the value, as consent requires; if not, it is reported."""
    for test in comparison.tests:
        if test.operator == "exists":
            report.error(node.position, "`exists` would accept any value as a yes, even false: compare the value, such as `eq: true`")
            return False
        if len(kinds_of(test)) > 1:
            report.error(
                node.position,
                f"`{test.operator}` lists values of different types, but consent is one kind of value: list only true, only texts or only numbers",
            )
            return False
    inner = [asked for each in comparison.elements for asked in _comparisons_in(each)]
    return all(_is_strict(each, node, report) for each in inner)


def _comparisons_in(elements: Elements) -> list[Comparison]:
    asked = elements.asked
    return [asked] if isinstance(asked, Comparison) else [comparison for _, comparison in asked.entries]


@dataclass(frozen=True)
class Move:
    """A transition as written: `sources` or `targets` none means any."""

    sources: tuple[Name, ...] | None
    targets: tuple[Name, ...] | None
    position: Position


_STAGES = OneOrMany(Reference("a stage id"), "stage ids")
ENTER = Field("enter", _STAGES, "Whenever a customer enters one of these stages.")
LEAVE = Field("leave", _STAGES, "Whenever a customer leaves one of these stages.")
FROM = Field("from", _STAGES, "The stages left; with `to`.")
TO = Field("to", _STAGES, "The stages entered; with `from`.")


class MoveShape(Shape[Move]):
    """`{enter: STAGE}`, `{leave: STAGE}` or `{from: STAGE, to: STAGE}`; each takes a list as well."""

    _FORMS = "{enter: STAGE}, {leave: STAGE} or {from: STAGE, to: STAGE}"

    def read(self, node: Node, report: Report) -> Move | Bad:
        record = read_fields(node, "`on`", (ENTER, LEAVE, FROM, TO), report)
        if record is BAD:
            return BAD
        if set(record.positions) not in ({"enter"}, {"leave"}, {"from", "to"}):
            if record.sound or record.positions:
                report.error(node.position, f"`on` is {self._FORMS}")
            return BAD
        sources = record.get(LEAVE) or record.get(FROM)
        targets = record.get(ENTER) or record.get(TO)
        return Move(sources, targets, node.position) if record.sound else BAD

    def schema(self) -> dict[str, Any]:
        forms = ((ENTER,), (LEAVE,), (FROM, TO))
        return {"anyOf": [{**map_schema(form), "required": [each.name for each in form]} for form in forms]}


CONSENT = Field("consent", ConsentShape(), "What every campaign requires: the trait is present and satisfies the comparison.")
MAX = Field("max", Whole(1, MAX_TRIGGERS), "How many triggers, over all campaigns.", required=True)
PER = Field("per", Span(), "Within how long.", required=True)
CAPS = Field("caps", MapOf("`caps`", (MAX, PER)), "The most triggers that one customer gets.")

CAMPAIGN_ID = Field("id", ID, "The campaign's id, as used in its triggers.", required=True)
ON = Field("on", OneOrMany(MoveShape(), "stage changes"), "The stage changes that trigger it.", required=True)
WHEN = Field("when", ConditionShape(), "A condition that must also hold right after the change; not `event`.")
COOLDOWN = Field("cooldown", Span(), "No second trigger for the same customer within this time.")
ONCE = Field("once", Flag(), "At most once for the same customer, ever.")
HOLDOUT = Field("holdout", Percentage(), "Share of customers kept as a holdout group.")
PAYLOAD = Field("payload", JsonMap(), "Copied unchanged into the trigger.")
CAMPAIGN = MapOf("a campaign", (CAMPAIGN_ID, LABEL, ON, WHEN, COOLDOWN, ONCE, OWN_QUIET, HOLDOUT, GOAL, PAYLOAD))
CAMPAIGNS = Field(
    "campaigns",
    ListOf(CAMPAIGN, "campaigns", minimum=0, maximum=MAX_CAMPAIGNS, keeps_good=True),
    "What follows when customers move. Each stage change is offered to the campaigns in this order.",
)


def check(records: Sequence[ReadMap], stages: Known, report: Report) -> Known:
    """Check what campaigns refer to. Returns the campaigns' ids."""
    for record in records:
        for move in record.get(ON) or ():
            for name in (*(move.sources or ()), *(move.targets or ())):
                stages.check(name, report)
            for target in move.targets or ():
                if any(source.text == target.text for source in move.sources or ()):
                    report.error(target.position, f"no customer moves from `{target.text}` to itself")
        _check_when(record, report)
        check_goal(record, stages, report)
    return known_among(records, CAMPAIGN_ID, "campaign", report)


def _check_when(record: ReadMap, report: Report) -> None:
    condition = record.get(WHEN)
    found = list(leaves(condition)) if condition is not None else []
    if any(isinstance(leaf, Event) for leaf in found):
        report.error(record.place(WHEN), "a campaign is judged at the change, with no touchpoint at hand: `event` is never true here")
    if any(isinstance(leaf, InStage) for leaf in found):
        report.error(
            record.place(WHEN), "a campaign is judged at the change, when the stage has just been entered: `in_stage` is never true here"
        )


def caps(record: ReadMap) -> Caps | None:
    """The caps in a journey's sound record."""
    each = record.get(CAPS)
    return None if each is None else Caps(each.need(MAX), each.need(PER))


def campaign(record: ReadMap, quiet: Quiet | None) -> Campaign:
    """A campaign from its sound record. `quiet`: the quiet times of the file."""
    return Campaign(
        id=record.need(CAMPAIGN_ID),
        on=tuple(Transition(_texts(move.sources), _texts(move.targets)) for move in record.need(ON)),
        when=record.get(WHEN),
        cooldown=record.get(COOLDOWN),
        once=record.get(ONCE) or False,
        holdout=record.get(HOLDOUT) or 0.0,
        payload=record.get(PAYLOAD),
        quiet=record.get(OWN_QUIET) if OWN_QUIET.name in record.positions else quiet,
        goal=goal(record),
        label=record.get(LABEL) or {},
    )


def _texts(names: tuple[Name, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(name.text for name in names))
