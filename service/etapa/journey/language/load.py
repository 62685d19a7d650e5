"""Reading a journey file: from text to a `Journey`, or to everything that is wrong with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etapa.errors import EtapaError
from etapa.journey.language import campaigns, scenarios
from etapa.journey.language.checks import look_over
from etapa.journey.language.design import catalogues, frame
from etapa.journey.language.design import stages as stage_design
from etapa.journey.language.design.labels import LABEL
from etapa.journey.language.design.parts import Design
from etapa.journey.language.doubts import doubt
from etapa.journey.language.goals import GOAL
from etapa.journey.language.identity import IDENTITY, doubt_known, doubt_replay, identity
from etapa.journey.language.kinds.logic import depth, leaves
from etapa.journey.language.kinds.table import ConditionShape
from etapa.journey.language.model import EARLIEST_TAKEN, Condition, CustomerZone, Journey, Rule, Stage
from etapa.journey.language.quiet import QUIET
from etapa.journey.language.reading.findings import Finding, Position, Report
from etapa.journey.language.reading.instants import Instant
from etapa.journey.language.reading.lists import ListOf, OneOrMany
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap, read_fields
from etapa.journey.language.reading.names import ID, Known, known_among
from etapa.journey.language.reading.shapes import BAD, Name, Reference, Span, Text, Whole
from etapa.journey.language.reading.yaml_nodes import Node, parse
from etapa.journey.language.remembered_ids import DEFAULT, REMEMBER_IDS
from etapa.journey.language.zone_field import ZONE
from etapa.journey.units import SECOND

MAX_STAGES = 100
MAX_RULES = 2000
MAX_CONDITIONS = 8000
"""Most conditions in the whole file, counting those within `all`, `any` and `not` one by one."""
MAX_CONDITION_DEPTH = 16
DEFAULT_GRACE = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Places:
    """The lines of the file where things are defined, by id; tests by name."""

    stages: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    campaigns: Mapping[str, int] = field(default_factory=dict)
    tests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of reading a file. If any finding is an error, the journey is none and there are no places."""

    journey: Journey | None
    findings: tuple[Finding, ...]
    places: Places = Places()


class JourneyError(EtapaError):
    """A journey file cannot be used. `findings` says why; the message shows all of them in full."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(finding.in_full() for finding in findings))
        self.findings = findings


def load_journey(text: str, file: str, more: Sequence[Callable[[Node, Report], None]] = ()) -> Loaded:
    """Read a journey from `text`; findings name `file`. Never raises, whatever the text says. `more`: further checks."""
    report = Report(file, text)
    read = None
    node = parse(text, report)
    if node is not None:
        read = _journey(node, report)
        doubt(node, report)
        for check in more:
            check(node, report)
    if read is None or report.has_errors:
        return Loaded(None, report.findings())
    journey, places = read
    return Loaded(journey, report.findings(), places)


def journey_or_raise(text: str, file: str) -> Journey:
    """The journey in `text`. Raises `JourneyError` if it cannot be used; ignores warnings."""
    loaded = load_journey(text, file)
    if loaded.journey is None:
        raise JourneyError(loaded.findings)
    return loaded.journey


_KEBAB = Text(
    "an id in kebab-case (letters a to z without accents, digits, hyphens), such as retail or win-back", "^[a-z0-9]+(-[a-z0-9]+)*$", 64
)
STAGE_ID = Field("id", ID, "The stage's id, as used in stage changes and in Redis.", required=True)
PHASE = Field("phase", Reference("the name of a phase", longest=64), "The phase that the stage belongs to.")
STAGE = MapOf("a stage", (STAGE_ID, PHASE, LABEL, *stage_design.FIELDS))

EVERY_STAGE = "*"
RULE_ID = Field("id", ID, "The rule's id, as used in the stage changes it makes.", required=True)
FROM = Field(
    "from",
    OneOrMany(Reference("a stage id"), "stage ids"),
    'The stages that customers leave by it. "*": every stage but `to`. Left out: every stage listed before `to`.',
)
TO = Field("to", Reference("a stage id"), "The stage it leads to.", required=True)
WHEN = Field("when", ConditionShape(), "The condition that moves a customer.", required=True)
RULE = MapOf("a rule", (RULE_ID, FROM, TO, WHEN))

ID_FIELD = Field("journey", _KEBAB, "The journey's id, in kebab-case.", required=True)
VERSION = Field(
    "version", Whole(1, 2**31 - 1), "A positive number, copied into every stage change. Raise it with every change.", required=True
)
INITIAL = Field("initial", Reference("a stage id"), "Where new customers start. Left out: the first stage.")
ACCEPT_FROM = Field(
    "accept_from",
    Instant(),
    "Touchpoints that occurred before this are refused: in a worker they become dead letters, `from_the_past`.",
    default="2000-01-01T00:00:00Z",
)
CAMPAIGNS_FROM = Field("campaigns_from", Instant(), "Stage changes dated before this trigger no campaign. Left out: all stage changes may.")
GRACE = Field("grace", Span(zero_allowed=True), "How long a timer waits for late touchpoints that are still on their way.", default="10s")
STAGES = Field(
    "stages", ListOf(STAGE, "stages", maximum=MAX_STAGES, keeps_good=True), "The stages, in the order of the journey.", required=True
)
RULES = Field(
    "rules",
    ListOf(RULE, "rules", minimum=0, maximum=MAX_RULES, keeps_good=True),
    "The rules, read from top to bottom; the first that holds wins.",
    required=True,
)
JOURNEY_FIELDS = (
    ID_FIELD,
    VERSION,
    INITIAL,
    REMEMBER_IDS,
    GRACE,
    ZONE,
    ACCEPT_FROM,
    CAMPAIGNS_FROM,
    IDENTITY,
    *catalogues.FIELDS,
    STAGES,
    RULES,
    campaigns.CONSENT,
    campaigns.CAPS,
    QUIET,
    campaigns.CAMPAIGNS,
    frame.MAP,
    scenarios.TESTS,
)


def _journey(node: Node, report: Report) -> tuple[Journey, Places] | None:
    record = read_fields(node, "a journey", JOURNEY_FIELDS, report)
    if record is BAD:
        return None
    stage_records = record.get(STAGES) or ()
    rule_records = record.get(RULES) or ()
    stages = known_among(stage_records, STAGE_ID, "stage", report)
    known_among(rule_records, RULE_ID, "rule", report)
    initial = record.get(INITIAL)
    if initial is not None:
        stages.check(initial, report)
    for rule in rule_records:
        _check_rule(rule, stages, report)
    campaign_records = record.get(campaigns.CAMPAIGNS) or ()
    triggers = campaigns.check(campaign_records, stages, report)
    test_records = record.get(scenarios.TESTS) or ()
    scenarios.check(test_records, stages, triggers, report, unites=record.get(IDENTITY) is not None)
    _check_design(record, stage_records, stages, report)
    _check_size(rule_records, campaign_records, record, report)
    if report.has_errors:
        return None
    order = stages.names
    remembered = record.get(REMEMBER_IDS) or DEFAULT
    journey = Journey(
        id=record.need(ID_FIELD),
        version=record.need(VERSION),
        initial=initial.text if initial else order[0],
        remember_ids=remembered.last,
        remember_for=remembered.duration,
        grace=_or(record.get(GRACE), DEFAULT_GRACE),
        accept_from=_or(record.get(ACCEPT_FROM), EARLIEST_TAKEN),
        campaigns_from=record.get(CAMPAIGNS_FROM),
        stages=tuple(_stage(each) for each in stage_records),
        rules=tuple(_rule(each, order) for each in rule_records),
        consent=record.get(campaigns.CONSENT),
        caps=campaigns.caps(record),
        campaigns=tuple(campaigns.campaign(each, record.get(QUIET)) for each in campaign_records),
        tests=tuple(scenarios.scenario(each) for each in test_records),
        zone=record.get(ZONE) or CustomerZone(),
        design=_design(record, stage_records),
        identity=identity(record),
    )
    doubt_known(record, report)
    doubt_replay(record, report)
    moves = {(source, rule.to) for rule in journey.rules for source in rule.sources}
    frame.doubt_steps(record, moves, stage_records, STAGE_ID, report)
    look_over(
        journey,
        [each.place(STAGE_ID) for each in stage_records],
        [each.place(RULE_ID) for each in rule_records],
        [each.place(campaigns.ON) for each in campaign_records],
        [FROM.name not in each.positions for each in rule_records],
        report,
    )
    return journey, Places(
        _lines(stage_records, STAGE_ID),
        _lines(rule_records, RULE_ID),
        _lines(campaign_records, campaigns.CAMPAIGN_ID),
        _lines(test_records, scenarios.NAME),
    )


def _lines(records: Sequence[ReadMap], name: Field[Any]) -> Mapping[str, int]:
    return {record.need(name): record.place(name).line for record in records}


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _check_rule(rule: ReadMap, stages: Known, report: Report) -> None:
    to = rule.get(TO)
    sources: tuple[Name, ...] = rule.get(FROM) or ()
    if any(source.text == EVERY_STAGE for source in sources):
        if len(sources) > 1:
            report.error(rule.place(FROM), '"*" stands for every stage but `to` already: write it alone')
        sources = ()
    for source in sources:
        stages.check(source, report)
        if to is not None and source.text == to.text:
            report.error(source.position, f"the rule leads from `{to.text}` to itself")
    if to is not None and stages.check(to, report) and FROM.name not in rule.positions and to.text == stages.first:
        report.error(to.position, f"no stage is listed before `{to.text}`, so the rule leaves none: write the stages it leaves as `from`")


def _check_size(rules: tuple[ReadMap, ...], campaign_records: tuple[ReadMap, ...], record: ReadMap, report: Report) -> None:
    found = [(each.get(WHEN), each.place(WHEN)) for each in rules]
    found += [(each.get(campaigns.WHEN), each.place(campaigns.WHEN)) for each in campaign_records]
    found += [(written.when, each.place(GOAL)) for each in campaign_records if (written := each.get(GOAL)) is not None]
    conditions: list[tuple[Condition, Position]] = [(condition, position) for condition, position in found if condition is not None]
    for condition, position in conditions:
        if depth(condition) > MAX_CONDITION_DEPTH:
            report.error(position, f"conditions are nested {depth(condition)} deep; at most {MAX_CONDITION_DEPTH} are allowed")
    total = sum(1 for condition, _ in conditions for _ in leaves(condition))
    if total > MAX_CONDITIONS:
        report.error(record.place(RULES), f"the journey has {total} conditions; at most {MAX_CONDITIONS} are allowed")


def _check_design(record: ReadMap, stage_records: tuple[ReadMap, ...], stages: Known, report: Report) -> None:
    phases = catalogues.phases_known(record, report)
    catalogues.check(record, report)
    frame.check(record, stages, report)
    for stage in stage_records:
        stage_design.check(stage, record, report)
        phase = stage.get(PHASE)
        if phases is not None and phase is not None:
            phases.check(phase, report)


def _design(record: ReadMap, stage_records: tuple[ReadMap, ...]) -> Design:
    designs = {stage.need(STAGE_ID): stage_design.stage_design(stage) for stage in stage_records}
    return Design(
        phases=catalogues.phases(record),
        channels=catalogues.channels(record),
        types=catalogues.types(record),
        personas=catalogues.personas(record),
        stages={stage: design for stage, design in designs.items() if not design.is_empty},
        frame=frame.frame_of(record),
    )


def _stage(record: ReadMap) -> Stage:
    phase = record.get(PHASE)
    return Stage(record.need(STAGE_ID), None if phase is None else phase.text, record.get(LABEL) or {})


def _rule(record: ReadMap, order: tuple[str, ...]) -> Rule:
    to = record.need(TO).text
    names = record.get(FROM)
    if names is None:
        sources = set(order[: order.index(to)])
    elif names[0].text == EVERY_STAGE:
        sources = set(order) - {to}
    else:
        sources = {name.text for name in names}
    return Rule(record.need(RULE_ID), tuple(each for each in order if each in sources), to, record.need(WHEN))
