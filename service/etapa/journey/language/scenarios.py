"""Reading `tests`: touchpoints, and the stage changes they must make."""

from collections.abc import Sequence
from typing import Any

from etapa.journey.duration import PATTERN
from etapa.journey.language.kinds.kind import MAX_TYPE
from etapa.journey.language.model import LINK, ExpectedChange, ExpectedGoal, GivenTouchpoint, Scenario
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import Field, JsonMap, MapOf, ReadMap
from etapa.journey.language.reading.names import Known, known_among
from etapa.journey.language.reading.shapes import BAD, Bad, Flag, Number, Reference, Shape, Span, Text
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

CUSTOMER = "customer"
"""The id of the customer whom a test is about."""
MAX_TESTS = 1000
MAX_TOUCHPOINTS = 1000


class FromStart(Shape[int]):
    """A time in a test: a duration after its start or, with a minus, before it."""

    _SPAN = Span(zero_allowed=True)

    def read(self, node: Node, report: Report) -> int | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, str) and node.value.startswith("-"):
            before = self._SPAN.read(ScalarNode(node.value[1:], node.position), report)
            return before if before is BAD else -before
        return self._SPAN.read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN.replace("^", "^-?", 1)}


AT = Field(
    "at",
    FromStart(),
    "The time since the start of the test; with a minus, before it, such as -1d for a touchpoint that comes late.",
    required=True,
)
TYPE = Field("type", Text("a touchpoint type", longest=MAX_TYPE), "The touchpoint's type.", required=True)
CHANNEL = Field("channel", Text("a channel", longest=128), "The touchpoint's channel.")
PROPERTIES = Field("properties", JsonMap(), "The touchpoint's properties.")
TRAITS = Field("traits", JsonMap(), "Traits that the touchpoint sets.")
TOUCHPOINT_ID = Field(
    "id", Text("an id", longest=256), "The touchpoint's id. Left out: a unique one. Write the same one twice to test duplicates."
)
OF_CUSTOMER = Field(
    "customer", Text("a customer id", longest=256), f"The customer's id. Left out: `{CUSTOMER}`, whom the test is about; see `identity`."
)
SAME_AS = Field("same_as", Text("a customer id", longest=256), f"Only for the type `{LINK}`: which of the two ids is kept.")
TOUCHPOINT = MapOf("a touchpoint", (AT, TYPE, CHANNEL, PROPERTIES, TRAITS, TOUCHPOINT_ID, OF_CUSTOMER, SAME_AS))

TO = Field("to", Reference("a stage id"), "The stage entered.", required=True)
CHANGE = MapOf("an expected change", (AT, TO))

NAME = Field("name", Text("a name", longest=200), "What the test says about the journey.", required=True)
GIVEN = Field(
    "given",
    ListOf(TOUCHPOINT, "touchpoints", maximum=MAX_TOUCHPOINTS, keeps_good=True),
    "One customer's touchpoints, in the order in which they arrive. Those of other ids count once a link joins them.",
    required=True,
)
EXPECT = Field(
    "expect",
    ListOf(CHANGE, "changes", minimum=0, maximum=MAX_TOUCHPOINTS, keeps_good=True),
    "All stage changes, in order; the first enters the initial stage. An empty list means that nothing follows it.",
    required=True,
)
UNTIL = Field("until", Span(zero_allowed=True), "Timers run up to this time. Left out: no timer runs after the last touchpoint.")
TRIGGERS = Field(
    "triggers",
    ListOf(Reference("a campaign id"), "campaign ids", minimum=0, maximum=MAX_TOUCHPOINTS),
    "All campaigns that are triggered, in order.",
)
OUTCOME_AT = Field("at", FromStart(), "When the goal is met or missed, counted from the start of the test.", required=True)
CAMPAIGN = Field("campaign", Reference("a campaign id"), "The campaign whose goal it is.", required=True)
MET = Field("met", Flag(), "Whether the goal is met; false: its time runs out.", required=True)
VALUE = Field("value", Number(), "What it is worth. Left out: not checked.")
OUTCOME = MapOf("an expected outcome", (OUTCOME_AT, CAMPAIGN, MET, VALUE))
OUTCOMES = Field(
    "outcomes",
    ListOf(OUTCOME, "outcomes", minimum=0, maximum=MAX_TOUCHPOINTS, keeps_good=True),
    "All outcomes of the campaigns' goals, in order.",
)
TEST = MapOf("a test", (NAME, GIVEN, EXPECT, UNTIL, TRIGGERS, OUTCOMES))
TESTS = Field("tests", ListOf(TEST, "tests", minimum=0, maximum=MAX_TESTS, keeps_good=True), "Tests of this journey, run by `etapa test`.")


def check(records: Sequence[ReadMap], stages: Known, campaigns: Known, report: Report, *, unites: bool) -> None:
    """Check what tests refer to. `unites`: the file says how ids are united."""
    known_among(records, NAME, "test", report)
    for record in records:
        for change in record.get(EXPECT) or ():
            to = change.get(TO)
            if to is not None:
                stages.check(to, report)
        for trigger in record.get(TRIGGERS) or ():
            campaigns.check(trigger, report)
        for outcome in record.get(OUTCOMES) or ():
            campaign = outcome.get(CAMPAIGN)
            if campaign is not None:
                campaigns.check(campaign, report)
        for touchpoint in record.get(GIVEN) or ():
            _check_link(touchpoint, report, unites=unites)
        until = record.get(UNTIL)
        times = [touchpoint.get(AT) or 0 for touchpoint in record.get(GIVEN) or ()]
        if until is not None and times and until < max(times):
            report.warning(record.place(UNTIL), "`until` lies before the last touchpoint, so no timer runs after it")


def _check_link(touchpoint: ReadMap, report: Report, *, unites: bool) -> None:
    is_link, same_as = touchpoint.get(TYPE) == LINK, touchpoint.get(SAME_AS)
    if same_as is not None and not is_link:
        report.error(touchpoint.place(SAME_AS), f"only a touchpoint of the type `{LINK}` can have `same_as`")
    elif is_link and SAME_AS.name not in touchpoint.positions:
        report.error(touchpoint.place(TYPE), f"a `{LINK}` needs `same_as`: the id that is kept")
    elif is_link and same_as == (touchpoint.get(OF_CUSTOMER) or CUSTOMER):
        report.error(touchpoint.place(SAME_AS), f"a `{LINK}` joins two different ids; without `customer` the other is `{CUSTOMER}`")
    elif is_link and not unites:
        report.error(touchpoint.place(TYPE), "this file joins no ids: `identity: {stage: replay}` says how")


def scenario(record: ReadMap) -> Scenario:
    """A test from its sound record."""
    triggers, outcomes = record.get(TRIGGERS), record.get(OUTCOMES)
    return Scenario(
        name=record.need(NAME),
        given=tuple(_touchpoint(each) for each in record.need(GIVEN)),
        expect=tuple(ExpectedChange(each.need(AT), each.need(TO).text) for each in record.need(EXPECT)),
        until=record.get(UNTIL),
        triggers=None if triggers is None else tuple(name.text for name in triggers),
        outcomes=None if outcomes is None else tuple(map(_outcome, outcomes)),
    )


def _outcome(record: ReadMap) -> ExpectedGoal:
    return ExpectedGoal(record.need(OUTCOME_AT), record.need(CAMPAIGN).text, record.need(MET), record.get(VALUE))


def _touchpoint(record: ReadMap) -> GivenTouchpoint:
    return GivenTouchpoint(
        at=record.need(AT),
        type=record.need(TYPE),
        channel=record.get(CHANNEL),
        properties=record.get(PROPERTIES),
        traits=record.get(TRAITS),
        id=record.get(TOUCHPOINT_ID),
        customer=record.get(OF_CUSTOMER),
        same_as=record.get(SAME_AS),
    )
