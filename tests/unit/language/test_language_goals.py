"""Reading a campaign's goal, and what is wrong with it, with line and column."""

import json

import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.journey_schema import journey_schema_text
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import ExpectedGoal, Goal, GoalValue, Match
from etapa.journey.units import DAY

HEAD = """journey: shop
version: 1
stages: [{id: new}, {id: buyer}]
rules: [{id: buys, to: buyer, when: {event: purchase}}]
campaigns:
  - id: hello
    on: {enter: buyer}
    goal: """
DEFINITIONS = json.loads(journey_schema_text())["$defs"]
SCHEMA = {"$ref": "#/$defs/goal", "$defs": DEFINITIONS}


def goal_of(text: str) -> Goal | None:
    return journey_or_raise(f"{HEAD}{text}\n", "shop.yaml").campaigns[0].goal


def test_a_goal_is_a_stage_or_a_condition_within_a_time() -> None:
    assert goal_of("{enter: buyer, within: 7d}") == Goal(7 * DAY, ("buyer",))
    assert goal_of("{enter: [new, buyer], within: 7d}") == Goal(7 * DAY, ("new", "buyer"))
    assert goal_of("{event: purchase, within: 7d}") == Goal(7 * DAY, (), Event(Match(("purchase",))))


def test_within_is_the_goals_and_a_window_of_the_conditions_own_stands_in_all() -> None:
    plain = goal_of("{count: purchase, gte: 2, within: 7d}")
    assert plain is not None
    assert isinstance(plain.when, Count)
    assert plain.when.window.reach() is None
    windowed = goal_of("{all: [{count: purchase, within: 2d, gte: 2}], within: 7d}")
    assert windowed is not None
    assert windowed.within == 7 * DAY


def test_a_value_is_a_sum() -> None:
    found = goal_of("{enter: buyer, within: 7d, value: {sum: properties.amount, of: {purchase: 1, refund: -1}, as: number}}")
    assert found is not None
    assert found.value == GoalValue(("properties", "amount"), Match(("purchase", "refund")), "number", (("purchase", 1), ("refund", -1)))


@pytest.mark.parametrize(
    ("goal", "place", "message"),
    [
        ("{enter: buyer}", "8:11", "a goal needs `within`"),
        ("{event: purchase}", "8:11", "a goal needs `within`"),
        ("{within: 7d}", "8:11", "a goal is {enter: STAGE, within: D} or {CONDITION…, within: D}; found `within`"),
        ("{enter: nowhere, within: 7d}", "8:19", "there is no stage `nowhere`"),
        ("{enter: buyer, event: purchase, within: 7d}", "8:26", "unknown key `event` in a goal"),
        ("{evnt: purchase, within: 7d}", "8:12", "unknown condition `evnt`"),
        ("{event: purchase, within: soon}", "8:37", "soon"),
        ("{enter: buyer, within: 7d, value: {sum: channel, of: purchase}}", "8:51", "there is nothing to add up"),
        ("{enter: buyer, within: 7d, value: {sum: properties.amount}}", "8:45", "needs `of`"),
        ("{enter: buyer, within: 7d, value: {sum: properties.amount, of: purchase, as: date}}", "8:88", "expected `number`"),
        ("7d", "8:11", "expected a goal"),
        ("{count: purchase, gte: 0, within: 7d}", "8:29", "is always true"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(goal: str, place: str, message: str) -> None:
    loaded = load_journey(f"{HEAD}{goal}\n", "shop.yaml")
    assert loaded.journey is None
    found = [str(finding) for finding in loaded.findings if finding.severity == "error"]
    assert any(f"shop.yaml:{place}" in each and message in each for each in found), found


@pytest.mark.parametrize(
    ("goal", "good"),
    [
        ({"enter": "buyer", "within": "7d"}, True),
        ({"event": "purchase", "within": "7d", "value": {"sum": "properties.amount", "of": "purchase"}}, True),
        ({"all": [{"count": "purchase", "within": "2d", "gte": 2}], "within": "7d"}, True),
        ({"trait": "vip", "eq": True, "within": "7d"}, True),
        ({"enter": "buyer"}, False),
        ({"event": "purchase"}, False),
        ({"within": "7d"}, False),
        ({"enter": "buyer", "event": "purchase", "within": "7d"}, False),
        ({"event": "purchase", "within": "7d", "value": {"sum": "properties.amount"}}, False),
    ],
)
def test_schema_and_loader_take_the_same_goals(goal: dict[str, object], good: bool) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(goal) is good
    assert (load_journey(f"{HEAD}{json.dumps(goal)}\n", "shop.yaml").journey is not None) is good


def test_a_test_may_expect_outcomes_of_known_campaigns() -> None:
    text = (
        f"{HEAD}{{event: praise, within: 7d}}\ntests:\n  - name: x\n    given: [{{at: 0d, type: purchase}}]\n    expect: []\n    outcomes: "
    )
    expected = journey_or_raise(text + "[{at: 7d, campaign: hello, met: false}]\n", "shop.yaml").tests[0].outcomes
    assert expected == (ExpectedGoal(7 * DAY, "hello", met=False),)
    loaded = load_journey(text + "[{at: 7d, campaign: helo, met: false}]\n", "shop.yaml")
    assert ["there is no campaign `helo`" in str(finding) for finding in loaded.findings if finding.severity == "error"] == [True]


def test_durations_and_types_of_a_goal_are_doubted_as_elsewhere() -> None:
    loaded = load_journey(f"{HEAD}{{event: 'purchase*', within: 6m}}\n", "shop.yaml")
    said = " ".join(str(finding) for finding in loaded.findings)
    assert "`6m` is 6 minutes" in said
    assert "purchase*" in said
