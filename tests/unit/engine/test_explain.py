"""Why a customer does not move: every kind of condition says what it sees, what is missing, and when that changes by itself."""

from collections.abc import Sequence
from typing import Any

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import instant_text
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.explain import ExplainedCondition, ExplainedGroup, Explanation, explain
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.kinds.wording import rough_duration
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.phrasing.quantities import number_text
from etapa.journey.units import DAY, HOUR, SECOND

START = parse_time("2026-03-01T00:00:00Z")

Given = tuple[float, str, dict[str, Any]]


def program(*whens: str, version: int = 1) -> Program:
    """A journey with a rule for each condition, all out of the stage `here`, each to a different stage."""
    stages = "".join(f"  - {{id: there-{number}}}\n" for number in range(len(whens)))
    rules = "".join(f"  - {{id: rule-{number}, from: here, to: there-{number}, when: {when}}}\n" for number, when in enumerate(whens))
    text = f"journey: test\nversion: {version}\nstages:\n  - {{id: here}}\n{stages}rules:\n{rules}"
    return compile_journey(journey_or_raise(text, "test.yaml"))


def customer_of(compiled: Program, given: Sequence[Given]) -> Customer:
    customer = None
    for number, (day, kind, details) in enumerate(given):
        at = START + round(day * DAY)
        customer = touch(compiled, customer, Touchpoint(f"e-{number}", "c", kind, at, **details)).customer
    assert customer is not None
    return customer


def explained(when: str, given: Sequence[Given], day: float) -> Explanation:
    """As if the customer had never left the stage `here`, whatever was true on the way."""
    compiled = program(when)
    customer = customer_of(compiled, given)
    if customer.stage != "here":
        customer.stage, customer.entered_at = "here", START
    return explain(compiled, customer, START + round(day * DAY))


def only(explanation: Explanation) -> ExplainedCondition:
    (rule,) = explanation.rules
    assert isinstance(rule.when, ExplainedCondition)
    return rule.when


def bought(day: float, amount: float = 10, **properties: object) -> Given:
    return day, "purchase", {"properties": {"amount": amount, **properties}}


def seen(day: float, kind: str = "view", **details: Any) -> Given:
    return day, kind, details


CASES: list[tuple[str, list[Given], float, object, str, float | None]] = [
    # condition, touchpoints, judged on day, observed, missing, holds from day
    ("{event: purchase}", [seen(0)], 1, None, "waits for event(purchase)", None),
    ("{count: purchase, gte: 3}", [bought(0), bought(1)], 2, 2, "2 of 3; 1 more", None),
    ("{count: purchase, within: 90d, gt: 2}", [seen(0)], 2, 0, "0 of 3; 3 more", None),
    ("{count: purchase, within: 30d, lte: 1}", [bought(0), bought(1), bought(2)], 3, 3, "3, at most 1; 2 too many", 31),
    ("{count: purchase, within: 30d, lt: 2}", [bought(0), bought(1)], 3, 2, "2, at most 1; 1 too many", 30),
    ("{count: purchase, within: 30d, eq: 0}", [bought(0)], 3, 1, "1, at most 0; 1 too many", 30),
    ("{count: purchase, eq: 2}", [bought(0)], 3, 1, "1 of 2; 1 more", None),
    ("{count: purchase, within: 30d, ne: 1}", [bought(0)], 3, 1, "is 1, needs another", 30),
    ("{count: purchase, gte: 2, lt: 5}", [bought(0)], 3, 1, "1 of 2; 1 more", None),
    ("{not: {count: purchase, within: 30d, gte: 2}}", [bought(0), bought(1)], 3, 2, "2, at most 1; 1 too many", 30),
    ("{not: {count: purchase, gte: 1, lt: 5}}", [bought(0)], 3, 1, "is 1, needs not (>= 1 and < 5)", None),
    ("{sum: properties.amount, of: purchase, gt: 500}", [bought(0, 120.5)], 1, 120.5, "120.5 of 500; 379.5 more", None),
    ("{sum: properties.amount, of: purchase, gt: 500}", [bought(0, 500)], 1, 500, "is 500, needs more", None),
    (
        "{sum: properties.amount, of: purchase, within: 30d, lte: 50}",
        [bought(0, 40), bought(1, 30.25)],
        2,
        70.25,
        "70.25, at most 50; 20.25 too much",
        30,
    ),
    ("{avg: properties.amount, of: purchase, gte: 50}", [bought(0, 40)], 2, 40, "is 40, needs >= 50", None),
    ("{min: properties.amount, of: purchase, within: 30d, gte: 50}", [seen(0)], 2, None, "no value yet", None),
    ("{max: properties.amount, of: purchase, gte: 50}", [bought(0, 40)], 2, 40, "is 40, needs >= 50", None),
    ("{distinct: properties.sku, of: purchase, gte: 3}", [bought(0, sku="a"), bought(1, sku="b")], 2, 2, "2 of 3; 1 more", None),
    (
        "{distinct: properties.sku, of: purchase, within: 9d, lt: 2}",
        [bought(0, sku="a"), bought(1, sku="b")],
        2,
        2,
        "2, at most 1; 1 too many",
        9,
    ),
    ("{last: channel, of: '*', eq: app}", [seen(0, channel="web")], 2, "web", 'is "web", needs = "app"', None),
    ("{last: channel, of: purchase, eq: app}", [seen(0, channel="web")], 2, None, "no value yet", None),
    ("{not: {last: channel, of: '*', eq: web}}", [seen(0, channel="web")], 2, "web", 'is "web", needs not = "web"', None),
    ("{trait: persona, eq: student}", [seen(0, traits={"persona": "retired"})], 2, "retired", 'is "retired", needs = "student"', None),
    ("{trait: persona, eq: student}", [seen(0)], 2, None, "not known yet", None),
    ("{absent: purchase, for: 30d}", [bought(0)], 18, "2026-03-01T00:00:00Z", "12d more; the last one 2026-03-01T00:00:00Z", 30),
    ("{absent: purchase, for: 30d}", [seen(0)], 18, None, "12d more", 30),
    ("{idle: 1d}", [seen(0)], 0.9, "2026-03-01T00:00:00Z", "2h24m more; the last one 2026-03-01T00:00:00Z", 1),
    ("{not: {absent: purchase, for: 30d}}", [bought(0), seen(40)], 40, "2026-03-01T00:00:00Z", "not since 2026-03-01T00:00:00Z", None),
    ("{not: {absent: purchase, for: 30d}}", [seen(0), seen(40)], 40, None, "none so far", None),
    ("{in_stage: 7d}", [seen(0)], 2, 172_800.0, "5d more", 7),
    ("{sequence: [{event: cart}, {event: purchase}], within: 3d}", [seen(0, "cart")], 1, 1, "1 of 2 steps; next purchase", None),
    ("{sequence: [{event: cart}, {event: purchase}], within: 3d}", [seen(0)], 1, 0, "0 of 2 steps; next cart", None),
    (
        "{not: {sequence: [{event: cart}, {event: purchase}], within: 3d}}",
        [seen(0, "cart"), bought(1)],
        2,
        2,
        "all 2 steps taken",
        3,
    ),
    ("{score: {view: 2}, half_life: 1d, gte: 10}", [seen(0), seen(0)], 1, 2.0, "2 of 10; 8 more", None),
    ("{score: {view: 8}, half_life: 1d, lte: 1}", [seen(0)], 2, 2.0, "2, at most 1; 1 too much", 3),
]


@pytest.mark.parametrize(
    ("when", "given", "day", "observed", "missing", "holds_from"), CASES, ids=[f"{case[0]} {case[4]}" for case in CASES]
)
def test_a_condition_that_does_not_hold_says_what_is_missing_and_when_time_alone_mends_it(
    when: str, given: list[Given], day: float, observed: object, missing: str, holds_from: float | None
) -> None:
    clause = only(explained(when, given, day))
    assert (clause.holds, clause.observed, clause.missing) == (False, observed, missing)
    assert clause.changes_at == (None if holds_from is None else START + round(holds_from * DAY))


@pytest.mark.parametrize(
    ("when", "given", "day", "words", "until"),
    [
        ("{not: {event: purchase}}", [seen(0)], 1, None, None),
        ("{count: view, within: 30d, gte: 1}", [seen(0)], 1, "1", 30),
        ("{absent: purchase, for: 30d}", [bought(0), seen(31)], 40, "the last one 2026-03-01T00:00:00Z", None),
        ("{absent: purchase, for: 30d}", [seen(0)], 40, "none so far", None),
        ("{in_stage: 7d}", [seen(0)], 9, "9d in the stage", None),
        ("{trait: persona, eq: student}", [seen(0, traits={"persona": "student"})], 1, '"student"', None),
        ("{sequence: [{event: cart}, {event: view}], within: 3d}", [seen(0, "cart"), seen(1)], 2, "2 of 2 steps", 3),
        ("{trait: persona, exists: false}", [seen(0)], 1, "no value yet", None),
    ],
)
def test_a_condition_that_holds_says_what_it_sees_and_until_when(
    when: str, given: list[Given], day: float, words: str | None, until: float | None
) -> None:
    clause = only(explained(when, given, day))
    assert (clause.holds, clause.missing, clause.seen) == (True, None, words)
    assert clause.changes_at == (None if until is None else START + until * DAY)


def test_all_any_and_not_keep_their_shape_with_not_drawn_into_what_it_negates() -> None:
    explanation = explained("{all: [{event: purchase}, {not: {any: [{count: view, gte: 5}, {idle: 1d}]}}]}", [seen(0)], 0.5)
    outer = explanation.rules[0].when
    assert isinstance(outer, ExplainedGroup)
    assert (outer.kind, outer.holds, outer.changes_at) == ("all", False, None)
    event, inner = outer.members
    assert isinstance(event, ExplainedCondition)
    assert isinstance(inner, ExplainedGroup)
    assert (inner.kind, inner.holds, inner.changes_at) == ("all", True, START + DAY)
    assert [member.condition for member in inner.members if isinstance(member, ExplainedCondition)] == [
        "not count(view) >= 5",
        "not idle(1d)",
    ]


def test_a_group_changes_when_time_alone_has_changed_enough_of_its_parts() -> None:
    # The purchase leaves its window after 2 days, the view after 5: from then on both are zero.
    when = "{all: [{count: purchase, within: 2d, eq: 0}, {count: view, within: 5d, eq: 0}]}"
    (rule,) = explained(when, [seen(0), bought(0)], 1).rules
    assert (rule.when.holds, rule.when.changes_at) == (False, START + 5 * DAY)


def test_a_group_that_is_never_true_at_any_turn_of_its_parts_changes_never() -> None:
    when = "{all: [{count: view, within: 5d, eq: 0}, {count: view, within: 9d, eq: 2}]}"
    (rule,) = explained(when, [seen(0)], 1).rules
    assert (rule.when.holds, rule.when.changes_at) == (False, None)


def test_rules_come_in_the_order_in_which_they_are_judged_and_only_those_out_of_the_stage() -> None:
    compiled = program("{event: purchase}", "{count: view, gte: 2}")
    explanation = explain(compiled, customer_of(compiled, [seen(0)]), START)
    assert [(rule.id, rule.to) for rule in explanation.rules] == [("rule-0", "there-0"), ("rule-1", "there-1")]
    moved = customer_of(compiled, [seen(0), bought(1)])
    assert explain(compiled, moved, START).rules == []


def test_it_is_judged_now_but_never_before_the_customers_clock() -> None:
    compiled = program("{in_stage: 7d}")
    customer = customer_of(compiled, [seen(0), seen(2)])
    assert explain(compiled, customer, START).at == START + 2 * DAY
    assert explain(compiled, customer, START + 3 * DAY).at == START + 3 * DAY


def test_what_the_timers_will_do_if_nothing_happens_is_foreseen() -> None:
    explanation = explained("{all: [{idle: 3d}, {count: view, within: 9d, gte: 1}]}", [seen(0)], 1)
    assert explanation.customer.due == START + 3 * DAY
    assert [(change.to, change.at, change.rule) for change in explanation.foreseen] == [("there-0", START + 3 * DAY, "rule-0")]


def test_a_timer_that_moves_nobody_promises_nothing() -> None:
    explanation = explained("{all: [{count: view, within: 5d, eq: 0}, {count: view, within: 9d, eq: 2}]}", [seen(0)], 1)
    assert explanation.foreseen == ()


def test_explaining_changes_nothing_even_when_the_state_is_carried_over() -> None:
    before = program("{count: view, gte: 5}", version=1)
    customer = customer_of(before, [seen(0), seen(1)])
    stored = encode_state(customer)
    explanation = explain(program("{count: view, gte: 2}", version=2), customer, START + 9 * DAY)
    assert encode_state(customer) == stored
    assert (explanation.stored_version, explanation.stored_stage, explanation.customer.stage) == (1, "here", "there-0")
    assert [(change.to, change.cause) for change in explanation.carried_over] == [("there-0", "journey")]


def test_a_stage_that_is_no_more_is_explained_from_the_initial_one() -> None:
    compiled = program("{event: purchase}")
    customer = customer_of(compiled, [seen(0)])
    customer.stage = "gone"
    explanation = explain(compiled, customer, START)
    assert (explanation.stored_stage, explanation.customer.stage) == ("gone", "here")
    assert len(explanation.rules) == 1


@pytest.mark.parametrize(
    ("duration", "words"),
    [(12 * DAY, "12d"), (12 * DAY - 1, "12d"), (3 * HOUR + 1, "3h1m"), (1, "1s"), (0, "0s"), (90 * SECOND, "1m30s"), (400 * DAY, "1y35d")],
)
def test_durations_are_rounded_up_to_two_units(duration: int, words: str) -> None:
    assert rough_duration(duration) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(3.0, "3"), (0.1 + 0.2, "0.3"), (1e-9, "1e-09"), (1234567.891, "1234567.891"), (float("inf"), "infinite"), (-2.5, "-2.5")],
)
def test_numbers_are_short(number: float, words: str) -> None:
    assert number_text(number) == words


def test_times_of_observed_touchpoints_are_those_of_the_evaluator() -> None:
    clause = only(explained("{idle: 30d}", [seen(0.25)], 1))
    assert clause.observed == instant_text(START + 6 * HOUR)
