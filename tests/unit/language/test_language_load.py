"""A journey file is read into a journey: what it says, and what it leaves to defaults."""

from pathlib import Path

import pytest

from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.load import JourneyError, journey_or_raise, load_journey
from etapa.journey.language.model import (
    EVER,
    All,
    AnyOf,
    Calendar,
    Campaign,
    Caps,
    Comparison,
    Condition,
    ExpectedChange,
    GivenTouchpoint,
    Match,
    Not,
    Scenario,
    Stage,
    Test,
    Transition,
    Where,
    Window,
)
from etapa.journey.units import DAY, HOUR, SECOND, YEAR

RETAIL = Path(__file__).parents[3] / "service" / "etapa" / "journeys" / "retail.yaml"

SMALL = """\
journey: small
version: 1
stages:
  - {id: first, phase: early, label: {en: First, es: Primera}}
  - {id: second}
  - {id: third}
rules:
  - {id: on, to: third, when: {event: go}}
  - {id: back, from: [third, second], to: first, when: {event: reset}}
  - {id: half, from: first, to: second, when: {event: half}}
"""


def condition(written: str) -> Condition:
    text = f"journey: a\nversion: 1\nstages: [{{id: s}}, {{id: t}}]\nrules:\n  - id: r\n    to: t\n    when: {written}\n"
    return journey_or_raise(text, "journey.yaml").rules[0].when


def test_what_is_left_out_has_its_default() -> None:
    journey = journey_or_raise(SMALL, "journey.yaml")
    assert (journey.id, journey.version, journey.initial, journey.remember_ids, journey.grace) == ("small", 1, "first", 64, 10 * SECOND)
    assert (journey.consent, journey.caps, journey.campaigns, journey.tests) == (None, None, (), ())


def test_what_is_written_overrides_it() -> None:
    journey = journey_or_raise(SMALL + "initial: second\nremember_ids: 0\ngrace: 0s\n", "journey.yaml")
    assert (journey.initial, journey.remember_ids, journey.grace) == ("second", 0, 0)


def test_stages_keep_their_order_phases_and_labels() -> None:
    first, second, third = journey_or_raise(SMALL, "journey.yaml").stages
    assert first == Stage("first", "early", {"en": "First", "es": "Primera"})
    assert (second, third) == (Stage("second", None, {}), Stage("third", None, {}))


def test_a_rule_without_from_leaves_every_stage_listed_before_its_to() -> None:
    rules = {rule.id: rule.sources for rule in journey_or_raise(SMALL, "journey.yaml").rules}
    assert rules == {"on": ("first", "second"), "back": ("second", "third"), "half": ("first",)}


def compares(*tests: Test) -> Comparison:
    return Comparison(tests)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{event: [b, a]}", Event(Match(("a", "b")))),
        ('{event: "*"}', Event(Match(("*",)))),
        ("{event: on}", Event(Match(("on",)))),
        (
            "{event: a, where: {type: a, channel: {in: [web, app]}}}",
            Event(Match(("a",), Where(((("channel",), compares(Test("in", ("web", "app")))), (("type",), compares(Test("eq", "a"))))))),
        ),
        (
            "{event: a, where: {properties.a.b: null}}",
            Event(Match(("a",), Where(((("properties", "a", "b"), compares(Test("eq", None))),)))),
        ),
        ("{count: a, gte: 3}", Count(Match(("a",)), EVER, compares(Test("gte", 3)))),
        (
            "{count: a, within: 1d12h, lt: 5, gte: 2}",
            Count(Match(("a",)), Window(DAY + 12 * HOUR), compares(Test("gte", 2), Test("lt", 5))),
        ),
        ("{count: a, gte: 0x10}", Count(Match(("a",)), EVER, compares(Test("gte", 16)))),
        ("{count: a, gte: 0o17}", Count(Match(("a",)), EVER, compares(Test("gte", 15)))),
        (
            "{sum: properties.amount, of: a, within: 1y, gt: 5e2}",
            Aggregate("sum", ("properties", "amount"), Match(("a",)), Window(YEAR), compares(Test("gt", 500.0))),
        ),
        (
            "{avg: traits.age, of: a, eq: null}",
            Aggregate("avg", ("traits", "age"), Match(("a",)), EVER, compares(Test("eq", None))),
        ),
        ("{distinct: channel, of: a, gte: 2}", Aggregate("distinct", ("channel",), Match(("a",)), EVER, compares(Test("gte", 2)))),
        ("{last: channel, of: a, eq: yes}", Aggregate("last", ("channel",), Match(("a",)), EVER, compares(Test("eq", "yes")))),
        ("{count: a, before: 1d, lt: 5}", Count(Match(("a",)), Window(before=DAY), compares(Test("lt", 5)))),
        ("{count: a, within: 2d, before: 1d, lt: 5}", Count(Match(("a",)), Window(2 * DAY, DAY), compares(Test("lt", 5)))),
        (
            "{count: a, calendar: last month, lt: 5}",
            Count(Match(("a",)), Window(calendar=Calendar("month", True)), compares(Test("lt", 5))),
        ),
        ("{days: a, calendar: this year, gte: 5}", Days(Match(("a",)), Window(calendar=Calendar("year")), compares(Test("gte", 5)))),
        ("{absent: a, for: 30d}", Absent(Match(("a",)), 30 * DAY)),
        ("{idle: 30d}", Absent(Match(("*",)), 30 * DAY)),
        ("{in_stage: 30d}", InStage(30 * DAY)),
        ("{sequence: [{event: a}, {event: a}], within: 1h}", Sequence((Match(("a",)), Match(("a",))), HOUR)),
        (
            "{score: {b: 2, a: -1.5}, half_life: 1d, gt: 3}",
            Score((("a", -1.5), ("b", 2.0)), DAY, compares(Test("gt", 3))),
        ),
        ("{trait: persona, eq: true}", Trait("persona", compares(Test("eq", True)))),
        ("{not: {idle: 1d}}", Not(Absent(Match(("*",)), DAY))),
        ("{all: [{in_stage: 1d}, {event: a}]}", All((InStage(DAY), Event(Match(("a",)))))),
        ("{any: [{in_stage: 1d}, {event: a}]}", AnyOf((InStage(DAY), Event(Match(("a",)))))),
    ],
)
def test_each_kind_of_condition_is_read(written: str, expected: Condition) -> None:
    read = condition(written)
    assert read == expected
    # 1, 1.0 and True are equal by ==, but not here.
    assert repr(read) == repr(expected)


CAMPAIGNS = (
    SMALL
    + """\
consent: {trait: marketing, eq: true}
caps: {max: 2, per: 7d}
campaigns:
  - id: hello
    label: {en: Hello, es: Hola}
    on: {enter: third}
    when: {sum: properties.amount, of: buy, gte: 100}
    cooldown: 30d
    once: true
    holdout: 12.5%
    payload: {template: hello, lines: [1, null, {deep: yes}]}
  - id: goodbye
    on: [{leave: [second, third]}, {from: first, to: [second, third]}]
tests:
  - name: goes on
    given:
      - {at: 0d, type: visit}
      - {at: 1d, type: go, id: x, channel: web, properties: {amount: 3}, traits: {marketing: true}}
    expect: [{at: 0d, to: first}, {at: 1d, to: third}]
    until: 30d
    triggers: [hello, goodbye]
"""
)


def test_campaigns_are_read_with_consent_and_caps() -> None:
    journey = journey_or_raise(CAMPAIGNS, "journey.yaml")
    assert journey.consent == Trait("marketing", compares(Test("eq", True)))
    assert journey.caps == Caps(2, 7 * DAY)
    assert journey.campaigns == (
        Campaign(
            "hello",
            (Transition(None, ("third",)),),
            when=Aggregate("sum", ("properties", "amount"), Match(("buy",)), EVER, compares(Test("gte", 100))),
            cooldown=30 * DAY,
            once=True,
            holdout=0.125,
            payload={"template": "hello", "lines": [1, None, {"deep": "yes"}]},
            label={"en": "Hello", "es": "Hola"},
        ),
        Campaign("goodbye", (Transition(("second", "third"), None), Transition(("first",), ("second", "third")))),
    )


def test_tests_are_read() -> None:
    (test,) = journey_or_raise(CAMPAIGNS, "journey.yaml").tests
    assert test == Scenario(
        "goes on",
        (
            GivenTouchpoint(0, "visit"),
            GivenTouchpoint(DAY, "go", "web", {"amount": 3}, {"marketing": True}, "x"),
        ),
        (ExpectedChange(0, "first"), ExpectedChange(DAY, "third")),
        30 * DAY,
        ("hello", "goodbye"),
    )


def test_a_file_that_cannot_be_used_raises_with_all_its_findings() -> None:
    with pytest.raises(JourneyError) as caught:
        journey_or_raise(SMALL.replace("version: 1", "version: 0").replace("to: third", "to: thrid"), "small.yaml")
    assert len(caught.value.findings) == 2
    assert "small.yaml:2:10: error: expected a whole number" in str(caught.value)
    assert "  version: 0\n           ^" in str(caught.value)


def test_the_shipped_journey_loads_without_a_finding() -> None:
    loaded = load_journey(RETAIL.read_text("utf-8"), "retail.yaml")
    assert loaded.findings == ()
    journey = loaded.journey
    assert journey is not None
    assert [stage.id for stage in journey.stages] == ["discovery", "consideration", "purchase", "service", "loyalty", "advocacy"]
    assert {stage.phase for stage in journey.stages} == {"pre-purchase", "purchase", "post-purchase"}
    assert all(set(stage.label) == {"en", "es"} for stage in journey.stages)
    assert (journey.remember_ids, len(journey.tests) >= 10) == (16, True)


def test_ids_may_be_remembered_for_a_time() -> None:
    journey = journey_or_raise(SMALL + "remember_ids: {last: 8, for: 30d}\n", "journey.yaml")
    assert (journey.remember_ids, journey.remember_for) == (8, 30 * DAY)
    journey = journey_or_raise(SMALL + "remember_ids: {for: 1h}\n", "journey.yaml")
    assert (journey.remember_ids, journey.remember_for) == (64, HOUR)
    for wrong, words in (("{last: 8}", "`remember_ids` needs `for`"), ("{last: 2000, for: 1d}", "a whole number from 0 to 1024")):
        with pytest.raises(JourneyError, match=words):
            journey_or_raise(SMALL + f"remember_ids: {wrong}\n", "journey.yaml")
