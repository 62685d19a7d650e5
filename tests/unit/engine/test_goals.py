"""Outcomes of campaigns' goals: met by a stage or a condition, or missed when their time runs out; and their value."""

from collections.abc import Sequence

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import carry_over, fire, run_and_note, touch
from etapa.journey.engine.judging.explain import explain
from etapa.journey.engine.judging.goals import MOST_OPEN
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.partition import Partition
from tests.unit.engine.shops import did, us
from tests.unit.engine.test_campaigns import shop


def hello(goal: str, more: str = "") -> str:
    return f"{{id: hello, on: {{enter: buyer}}{more}, goal: {goal}}}"


def played(program: Program, *touchpoints: Touchpoint, until: str) -> tuple[Customer, list[CampaignOutcome]]:
    customer: Customer | None = None
    outcomes: list[CampaignOutcome] = []
    for touchpoint in touchpoints:
        touched = touch(program, None if customer is None else decode_state(encode_state(customer), customer.id), touchpoint)
        customer = touched.customer
        outcomes += touched.outcomes
    assert customer is not None
    happened = run_and_note(program, customer, us(until))
    return customer, [*outcomes, *happened.outcomes]


def told(outcomes: Sequence[CampaignOutcome]) -> list[tuple[bool, int, float | None]]:
    return [(each.met, each.at, each.value) for each in outcomes]


PRAISED = "{event: praise, within: 10d}"


def test_a_stage_entered_in_time_meets_the_goal() -> None:
    customer, outcomes = played(shop(hello("{enter: fan, within: 10d}")), did("purchase", 0), did("praise", us("3d")), until="20d")
    (outcome,) = outcomes
    assert (outcome.campaign, outcome.customer_id, outcome.sequence, outcome.holdout) == ("hello", "c-1", 2, False)
    assert (outcome.met, outcome.at, outcome.elapsed, outcome.value) == (True, us("3d"), us("3d"), None)
    assert customer.due == us("30d"), "nothing is left but the rule of those who sleep"


@pytest.mark.parametrize(("late", "met", "at"), [(-1, True, us("10d") - 1), (0, False, us("10d")), (1, False, us("10d"))])
@pytest.mark.parametrize("goal", ["{enter: fan, within: 10d}", PRAISED])
def test_a_goal_is_missed_exactly_when_its_time_runs_out(goal: str, late: int, met: bool, at: int) -> None:
    _, outcomes = played(shop(hello(goal)), did("purchase", 0), did("praise", us("10d") + late), until="20d")
    assert told(outcomes) == [(met, at, None)]


def test_running_out_moves_the_clock() -> None:
    customer, outcomes = played(shop(hello(PRAISED)), did("purchase", 0), until="10d")
    assert told(outcomes) == [(False, us("10d"), None)]
    assert customer.clock == us("10d")


def test_a_later_change_of_the_same_chain_counts() -> None:
    _, outcomes = played(shop(hello("{enter: fan, within: 10d}")), did("hurry", us("1d")), until="20d")
    assert told(outcomes) == [(True, us("1d"), None)]
    assert outcomes[0].elapsed == 0


def test_the_change_of_the_trigger_itself_does_not_count() -> None:
    _, outcomes = played(shop(hello("{enter: buyer, within: 10d}")), did("purchase", 0), until="20d")
    assert told(outcomes) == [(False, us("10d"), None)]


def test_a_condition_that_holds_already_must_fail_first() -> None:
    program = shop(hello("{count: purchase, gte: 1, within: 10d}"))
    _, outcomes = played(program, did("purchase", 0), did("purchase", us("1d")), until="20d")
    assert told(outcomes) == [(False, us("10d"), None)]
    recent = shop(hello("{all: [{count: purchase, within: 2d, gte: 1}], within: 10d}"))
    _, outcomes = played(recent, did("purchase", 0), did("purchase", us("1d")), did("purchase", us("4d")), until="20d")
    assert told(outcomes) == [(True, us("4d"), None)], "it failed in between"


def test_time_alone_can_meet_a_goal() -> None:
    customer, outcomes = played(shop(hello("{absent: return, for: 5d, within: 10d}")), did("purchase", 0), until="20d")
    assert told(outcomes) == [(True, us("5d"), None)]
    assert customer.clock == us("5d")


def test_a_touchpoint_dated_before_the_trigger_does_not_meet_it_nor_does_the_next_one_for_it() -> None:
    program = shop(hello("{count: praise, gte: 1, within: 10d}"))
    came = did("purchase", us("2d")), did("praise", us("2d")), did("visit", us("3d"))
    _, outcomes = played(program, *came, until="20d")
    assert told(outcomes) == [(False, us("12d"), None)]


def test_a_late_touchpoint_dated_after_the_trigger_meets_it_when_it_comes() -> None:
    _, outcomes = played(shop(hello(PRAISED)), did("purchase", 0), did("visit", us("5d")), did("praise", us("1d")), until="20d")
    assert told(outcomes) == [(True, us("5d"), None)]


def test_the_value_is_what_came_after_the_trigger_up_to_the_outcome() -> None:
    program = shop(hello("{enter: fan, within: 10d, value: {sum: properties.amount, of: {purchase: 1, return: -1}}}"))
    came = [
        did("purchase", us("1d"), amount=1000),
        did("purchase", us("2d"), amount=0.1),
        did("purchase", us("3d"), amount=0.2),
        did("purchase", us("1d"), amount=500),
        did("return", us("4d"), amount=1),
        did("purchase", us("4d"), amount="12"),
        did("purchase", us("4d"), amount=10),
        did("praise", us("5d")),
        did("purchase", us("6d"), amount=7),
    ]
    _, outcomes = played(program, *came, until="20d")
    assert told(outcomes) == [(True, us("5d"), 9.3)]


def test_a_missed_goal_is_worth_what_came_until_then_and_nothing_is_zero() -> None:
    program = shop(hello("{enter: fan, within: 10d, value: {sum: properties.amount, of: purchase}}"))
    _, outcomes = played(program, did("purchase", 0, amount=5), until="20d")
    assert told(outcomes) == [(False, us("10d"), 0.0)]
    _, outcomes = played(program, did("purchase", 0), did("purchase", us("9d"), amount=5), until="20d")
    assert told(outcomes) == [(False, us("10d"), 5.0)]


def test_a_sum_beyond_all_numbers_is_the_largest_of_them() -> None:
    program = shop(hello("{enter: fan, within: 10d, value: {sum: properties.amount, of: purchase}}"))
    _, outcomes = played(program, did("purchase", 0), *(did("purchase", us("1d"), amount=1.7e308) for _ in range(3)), until="20d")
    assert told(outcomes) == [(False, us("10d"), 1.7976931348623157e308)]


@pytest.mark.parametrize("share", ["0%", "100%"])
def test_both_groups_have_goals(share: str) -> None:
    _, outcomes = played(shop(hello(PRAISED, f", holdout: {share}")), did("purchase", 0), did("praise", us("1d")), until="20d")
    assert [(each.holdout, each.met) for each in outcomes] == [(share == "100%", True)]


def test_what_is_held_back_opens_no_goal() -> None:
    program = shop(hello(PRAISED), gates="consent: {trait: ok, eq: true}")
    customer, outcomes = played(program, did("purchase", 0), did("praise", us("1d")), until="20d")
    assert outcomes == []
    assert customer.outreach is None


def test_a_held_trigger_opens_its_goal_when_it_is_published() -> None:
    program = shop(hello("{enter: fan, within: 1h}"), gates='quiet: {hours: "21:00-08:00", then: hold}')
    _, outcomes = played(program, did("purchase", us("22h")), did("praise", us("1d8h30m")), until="20d")
    assert [(each.met, each.at, each.elapsed) for each in outcomes] == [(True, us("1d8h30m"), us("30m"))]


def test_at_one_instant_goals_run_out_before_the_rules_move_anybody() -> None:
    program = shop(hello("{enter: asleep, within: 30d}"))
    _, outcomes = played(program, did("purchase", 0), until="40d")
    assert told(outcomes) == [(False, us("30d"), None)]
    program = shop(hello("{enter: asleep, within: 30d1s}"))
    _, outcomes = played(program, did("purchase", 0), until="40d")
    assert told(outcomes) == [(True, us("30d"), None)]


def test_every_trigger_has_a_goal_of_its_own() -> None:
    program = shop(hello("{enter: asleep, within: 90d}"))
    came = did("purchase", 0), did("praise", us("1d")), did("return", us("2d"))
    _, outcomes = played(program, *came, until="99d")
    assert [(each.sequence, each.met, each.at) for each in outcomes] == [(2, True, us("32d")), (4, True, us("32d"))]


def test_beyond_the_bound_triggers_open_no_goals() -> None:
    program = shop(hello("{enter: asleep, within: 900d}"))
    customer: Customer | None = None
    for number in range(2 * MOST_OPEN):
        customer = touch(program, customer, did("purchase" if not number else "return" if number % 2 == 0 else "praise", number)).customer
    assert customer is not None
    assert customer.outreach is not None
    assert len(customer.outreach.goals) == MOST_OPEN


def opened(program: Program) -> Customer:
    customer = touch(program, None, did("purchase", 0)).customer
    assert customer.outreach is not None
    assert len(customer.outreach.goals) == 1
    return customer


def test_a_goal_whose_campaign_is_gone_ends_without_an_outcome() -> None:
    customer = opened(shop(hello("{enter: fan, within: 10d}")))
    newer = shop("{id: other, on: {enter: fan}}", version=2)
    carry_over(newer, customer)
    assert customer.due == us("10d")
    happened = run_and_note(newer, customer, us("20d"))
    assert not happened.outcomes
    assert customer.outreach is not None
    assert customer.outreach.goals == ()


def test_another_version_says_what_meets_it_but_not_when_it_ends() -> None:
    customer = opened(shop(hello("{enter: asleep, within: 10d}")))
    newer = shop(hello("{enter: fan, within: 90d}"), version=2)
    touched = touch(newer, customer, did("praise", us("9d")))
    assert told(touched.outcomes) == [(True, us("9d"), None)]
    customer = opened(shop(hello("{enter: asleep, within: 10d}")))
    assert told(touch(newer, customer, did("praise", us("10d"))).outcomes) == [(False, us("10d"), None)]


def test_what_holds_when_another_version_takes_over_must_fail_first() -> None:
    customer = opened(shop(hello(PRAISED)))
    newer = shop(hello("{trait: vip, exists: false, within: 90d}"), version=2)
    assert not touch(newer, customer, did("visit", us("1d"))).outcomes
    assert not touch(newer, customer, did("visit", us("2d"), traits={"vip": True})).outcomes
    assert told(touch(newer, customer, did("visit", us("3d"), traits={"vip": None})).outcomes) == [(True, us("3d"), None)]


def test_a_silent_carrying_over_meets_no_goal() -> None:
    customer = opened(shop(hello("{enter: fan, within: 10d}")))
    customer = touch(shop(hello("{enter: fan, within: 10d}")), customer, did("visit", us("1d"))).customer
    source = "{id: hello, on: {enter: buyer}, goal: {enter: asleep, within: 90d}}"
    partition = Partition(shop(source, version=2), us("50d"))
    partition.admit("c-1", customer)
    assert partition.reclassify("c-1", publish=False) is True
    assert partition.collect().outcomes == []
    assert partition.advance(us("50d") + us("1h"))
    assert told(partition.collect().outcomes) == [(False, us("10d"), None)]


def test_open_goals_are_explained_and_foreseeing_closes_none() -> None:
    program = shop(hello("{enter: fan, within: 10d}"))
    customer = opened(program)
    explanation = explain(program, customer, us("1d"))
    assert [(goal.campaign, goal.ends) for goal in explanation.goals] == [("hello", us("10d"))]
    assert [change.to for change in explanation.foreseen] == ["asleep"]
    assert fire(program, customer, us("10d")) == []
