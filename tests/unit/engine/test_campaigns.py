"""How campaigns respond to a stage change: a trigger, or the reason why there is none."""

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import MOST_REMEMBERED, triggers_of
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from tests.unit.engine.shops import did, play, us

JOURNEY = """
journey: shop
version: {version}
remember_ids: 0
stages: [{{id: new}}, {{id: buyer}}, {{id: fan}}, {{id: asleep}}]
rules:
  - {{id: buys, from: [new, asleep], to: buyer, when: {{event: purchase}}}}
  - {{id: praises, from: buyer, to: fan, when: {{event: praise}}}}
  - {{id: returns, from: fan, to: buyer, when: {{event: return}}}}
  - {{id: hurries, from: new, to: buyer, when: {{count: hurry, gte: 1}}}}
  - {{id: hurries-on, from: buyer, to: fan, when: {{count: hurry, gte: 1}}}}
  - {{id: sleeps, from: [buyer, fan], to: asleep, when: {{absent: [purchase, return], for: 30d}}}}
"""


def shop(campaigns: str, version: int = 1, gates: str = "") -> Program:
    """The program of a shop with these campaigns (YAML, one per line), and what precedes them."""
    lines = "\n".join(f"  - {line.strip()}" for line in campaigns.strip().splitlines())
    return compile_journey(journey_or_raise(f"{JOURNEY.format(version=version)}{gates}\ncampaigns:\n{lines}", "shop.yaml"))


def told(changes: list[StageChange]) -> list[tuple[str, str, str]]:
    """Stage entered, campaign, and outcome."""
    return [(change.to, offer.campaign, offer.outcome) for change in changes for offer in change.offers]


def outcomes(program: Program, *touchpoints: Touchpoint, until: str | None = None) -> list[str]:
    """The outcomes of the offers, in order."""
    return [outcome for _, _, outcome in told(play(program, *touchpoints, until=until)[1])]


def ping_pong(*days: float) -> list[Touchpoint]:
    """A customer who enters `buyer` on each of these days, and leaves it at once."""
    first, *others = days
    entered = [did("purchase", us(f"{round(first * 24)}h")), did("praise", us(f"{round(first * 24)}h"))]
    for day in others:
        entered += [did("return", us(f"{round(day * 24)}h")), did("praise", us(f"{round(day * 24)}h"))]
    return entered


def test_a_trigger_says_which_change_it_follows_from() -> None:
    _, changes = play(shop("{id: hello, on: {enter: buyer}, payload: {template: hi}}"), did("visit", 0), did("purchase", us("1d")))
    (trigger,) = triggers_of(changes)
    assert (trigger.campaign, trigger.customer_id, trigger.sequence) == ("hello", "c-1", 2)
    assert (trigger.at, trigger.source, trigger.to) == (us("1d"), "new", "buyer")
    assert trigger.payload == {"template": "hi"}
    assert not trigger.holdout


@pytest.mark.parametrize(
    ("on", "entered"),
    [
        ("{enter: buyer}", ["buyer", "buyer"]),
        ("{leave: buyer}", ["fan", "asleep"]),
        ("{from: buyer, to: fan}", ["fan"]),
        ("{from: [new, fan], to: [buyer, asleep]}", ["buyer", "buyer"]),
        ("[{enter: asleep}, {from: buyer, to: fan}]", ["fan", "asleep"]),
        ("[{enter: buyer}, {leave: new}]", ["buyer", "buyer"]),
        ("{enter: new}", ["new"]),
    ],
)
def test_changes_that_fit_are_offered_each_once(on: str, entered: list[str]) -> None:
    _, changes = play(shop(f"{{id: hello, on: {on}}}"), *ping_pong(0)[:2], did("return", us("1d")), until="40d")
    assert [change.to for change in changes] == ["new", "buyer", "fan", "buyer", "asleep"]
    assert [to for to, _, _ in told(changes)] == entered


def test_a_new_customer_enters_the_initial_stage_and_leaves_none() -> None:
    program = shop("{id: hello, on: {enter: new}}\n{id: bye, on: {leave: new}}")
    assert told(play(program, did("visit", 0))[1]) == [("new", "hello", "published")]


def test_the_first_touchpoint_counts_for_what_the_first_change_triggers() -> None:
    program = shop("{id: hello, on: {enter: new}, when: {count: visit, gte: 1}}", gates="consent: {trait: agreed, eq: true}")
    assert outcomes(program, did("visit", 0, traits={"agreed": True})) == ["published"]
    assert outcomes(program, did("look", 0, traits={"agreed": True})) == ["when"]


def test_changes_that_time_makes_are_offered_too() -> None:
    assert told(play(shop("{id: miss-you, on: {enter: asleep}}"), did("purchase", 0), until="31d")[1]) == [
        ("asleep", "miss-you", "published")
    ]


def test_each_change_of_a_chain_is_offered_in_its_turn() -> None:
    program = shop("{id: hello, on: {enter: buyer}}\n{id: bravo, on: {enter: fan}}\n{id: first, on: {enter: new}}")
    assert told(play(program, did("hurry", 0))[1]) == [
        ("new", "first", "published"),
        ("buyer", "hello", "published"),
        ("fan", "bravo", "published"),
    ]


def test_several_campaigns_hear_of_a_change_in_the_order_of_the_file() -> None:
    program = shop("{id: zebra, on: {enter: buyer}}\n{id: apple, on: {leave: new}}", gates="caps: {max: 1, per: 1d}")
    assert told(play(program, did("purchase", 0))[1]) == [("buyer", "zebra", "published"), ("buyer", "apple", "cap")]


@pytest.mark.parametrize(
    ("agreed", "outcome"),
    [(True, "published"), (False, "consent"), (None, "consent"), ("true", "consent"), (1, "consent")],
)
def test_consent_is_given_by_the_trait(agreed: object, outcome: str) -> None:
    program = shop("{id: hello, on: {enter: buyer}}", gates="consent: {trait: agreed, eq: true}")
    assert outcomes(program, did("purchase", 0, traits={"agreed": agreed})) == [outcome]


@pytest.mark.parametrize("comparison", ["eq: true", "ne: false", "not_in: [false]"])
def test_a_missing_trait_means_no_whatever_the_comparison(comparison: str) -> None:
    program = shop("{id: hello, on: {enter: buyer}}", gates=f"consent: {{trait: agreed, {comparison}}}")
    assert outcomes(program, did("purchase", 0)) == ["consent"]
    assert outcomes(program, did("purchase", 0, traits={"agreed": None})) == ["consent"]
    assert outcomes(program, did("purchase", 0, traits={"agreed": True})) == ["published"]


def test_consent_that_was_taken_back_is_none_and_an_older_one_that_comes_late_does_not_bring_it_back() -> None:
    program = shop("{id: hello, on: {enter: fan}}", gates="consent: {trait: agreed, eq: true}")
    given = did("purchase", us("5d"), traits={"agreed": True})
    assert outcomes(program, given, did("praise", us("6d"), traits={"agreed": False})) == ["consent"]
    late = did("visit", us("1d"), traits={"agreed": True})
    assert outcomes(program, did("purchase", us("5d"), traits={"agreed": False}), late, did("praise", us("6d"))) == ["consent"]


def test_when_is_judged_at_the_change_with_the_touchpoint_that_made_it_remembered() -> None:
    program = shop("{id: hello, on: {enter: buyer}, when: {sum: properties.amount, of: purchase, within: 1y, gte: 100}}")
    assert outcomes(program, did("purchase", 0, amount=99)) == ["when"]
    assert outcomes(program, did("purchase", 0, amount=100)) == ["published"]


def test_when_may_ask_for_what_no_rule_asks_for() -> None:
    program = shop("{id: hello, on: {enter: buyer}, when: {all: [{count: visit, gte: 2}, {trait: city, eq: Oruro}]}}")
    visits = [did("visit", 0), did("visit", us("1d"), traits={"city": "Oruro"})]
    assert outcomes(program, *visits, did("purchase", us("2d"))) == ["published"]
    assert outcomes(program, *visits[:1], did("purchase", us("2d"), traits={"city": "Oruro"})) == ["when"]


def test_a_cooldown_is_over_exactly_after_its_time() -> None:
    program = shop("{id: hello, on: {enter: buyer}, cooldown: 2d}")
    assert outcomes(program, *ping_pong(0, 1, 2, 3, 4)) == ["published", "cooldown", "published", "cooldown", "published"]


def test_what_was_held_back_begins_no_cooldown() -> None:
    program = shop("{id: hello, on: {enter: buyer}, cooldown: 2d, when: {count: return, gte: 1}}")
    assert outcomes(program, *ping_pong(0, 1, 2, 3)) == ["when", "published", "cooldown", "published"]


def test_once_is_once_ever() -> None:
    program = shop("{id: hello, on: {enter: buyer}, once: true}")
    assert outcomes(program, *ping_pong(0, 1, 20)) == ["published", "once", "once"]


def test_caps_count_all_campaigns_in_a_window_that_moves() -> None:
    program = shop("{id: hello, on: {enter: buyer}}\n{id: bye, on: {leave: buyer}}", gates="caps: {max: 2, per: 2d}")
    assert outcomes(program, *ping_pong(0, 1, 2, 3)) == ["published", "published", "cap", "cap", "published", "published", "cap", "cap"]


@pytest.mark.parametrize("most", [1, 3])
def test_what_a_cap_held_back_does_not_count(most: int) -> None:
    program = shop("{id: hello, on: {enter: buyer}}", gates=f"caps: {{max: {most}, per: 4d}}")
    found = outcomes(program, *ping_pong(*range(8)))
    assert found == (["published"] * most + ["cap"] * (4 - most)) * 2


def test_the_reasons_are_asked_in_one_order() -> None:
    campaign = "{id: hello, on: {enter: buyer}, when: {count: visit, gte: 1}, once: true, cooldown: 10d}"
    gates = "caps: {max: 1, per: 10d}\nconsent: {trait: agreed, eq: true}"
    program = shop(campaign, gates=gates)
    assert outcomes(program, *ping_pong(0)) == ["consent"]
    agreed = did("look", 0, traits={"agreed": True})
    visited = [agreed, did("visit", 0)]
    assert outcomes(program, *visited, *ping_pong(0, 1)) == ["published", "cap"]
    gates = gates.removeprefix("caps: {max: 1, per: 10d}")
    assert outcomes(shop(campaign, gates=gates), *visited, *ping_pong(0, 1)) == ["published", "cooldown"]
    hours = 'quiet: {hours: "23:00-23:30", then: drop}, '
    once = campaign.replace(", cooldown: 10d", "").replace("once", hours + "once")
    assert outcomes(shop(once, gates=gates), *visited, *ping_pong(0, 1)) == ["published", "once"]
    assert outcomes(program, agreed, *ping_pong(0)) == ["when"]
    assert outcomes(shop(once, gates=gates), did("visit", 0), agreed, *ping_pong(23 / 24)) == ["quiet"]


def test_a_control_group_gets_marked_triggers_that_use_up_cooldown_once_and_caps() -> None:
    held_out = "{id: hello, on: {enter: buyer}, holdout: 100%"
    assert outcomes(shop(held_out + ", cooldown: 2d}"), *ping_pong(0, 1, 2)) == ["holdout", "cooldown", "holdout"]
    assert outcomes(shop(held_out + ", once: true}"), *ping_pong(0, 1)) == ["holdout", "once"]
    both = shop(held_out + "}\n{id: bye, on: {leave: buyer}}", gates="caps: {max: 1, per: 1d}")
    _, changes = play(both, *ping_pong(0))
    assert told(changes) == [("buyer", "hello", "holdout"), ("fan", "bye", "cap")]
    assert [trigger.holdout for trigger in triggers_of(changes)] == [True]


def test_no_holdout_holds_nobody_out() -> None:
    assert outcomes(shop("{id: hello, on: {enter: buyer}, holdout: 0%}"), *ping_pong(0)) == ["published"]


def test_a_customer_of_whom_no_campaign_was_triggered_carries_nothing() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: asleep}}"), *ping_pong(0, 1))
    assert customer.outreach is None


def test_what_was_triggered_is_kept_with_the_state() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: buyer}}", gates="caps: {max: 2, per: 1d}"), *ping_pong(0, 3, 5))
    assert customer.outreach == Outreach({"hello": us("5d")}, (us("3d"), us("5d")))
    assert decode_state(encode_state(customer), customer.id) == customer


def test_a_new_version_knows_what_an_older_one_triggered_even_where_that_did_not_matter_then() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: buyer}}"), *ping_pong(0))
    later = shop("{id: hello, on: {enter: buyer}, once: true}", version=2)
    assert told(list(touch(later, customer, did("return", us("1d"))).changes)) == [("buyer", "hello", "once")]


def test_a_campaign_that_is_taken_out_and_put_back_is_the_same_one() -> None:
    with_it, without = "{id: hello, on: {enter: buyer}, once: true}", "{id: other, on: {enter: asleep}}"
    customer, _ = play(shop(with_it), *ping_pong(0))
    touch(shop(without, version=2), customer, did("visit", us("1d")))
    back = touch(shop(with_it, version=3), customer, did("return", us("2d")))
    assert told(list(back.changes)) == [("buyer", "hello", "once")]


def test_no_more_bygone_campaigns_are_kept_than_there_is_room_for() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: buyer}, once: true}"), *ping_pong(0))
    assert customer.outreach is not None
    bygone = {f"bygone-{number}": number for number in range(MOST_REMEMBERED - 1)}
    customer.outreach = Outreach(customer.outreach.last | bygone, ())
    program = shop("{id: hello, on: {enter: buyer}, once: true}\n{id: bye, on: {leave: buyer}}", version=2)
    for touchpoint in (did("return", us("1d")), did("praise", us("1d"))):
        touch(program, customer, touchpoint)
    assert len(customer.outreach.last) == MOST_REMEMBERED
    assert {"hello", "bye"} <= set(customer.outreach.last)
    assert "bygone-0" not in customer.outreach.last


def test_a_new_version_that_moves_a_customer_triggers_what_fits() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: buyer}}"), did("visit", 0), did("visit", us("1d")))
    moving = JOURNEY.format(version=2).replace("event: purchase", "in_stage: 1h")
    later = compile_journey(journey_or_raise(moving + "campaigns: [{id: hello, on: {enter: buyer}}]", "shop.yaml"))
    changes = list(touch(later, customer, did("look", us("3d"))).changes)
    assert [(change.cause, change.at) for change in changes] == [("journey", us("1d"))]
    assert told(changes) == [("buyer", "hello", "published")]


def test_a_change_that_is_not_published_uses_nothing_up() -> None:
    customer, _ = play(shop("{id: hello, on: {enter: buyer}}"), did("visit", 0), did("visit", us("1d")))
    moving = JOURNEY.format(version=2).replace("event: purchase", "in_stage: 1h")
    later = compile_journey(journey_or_raise(moving + "campaigns: [{id: hello, on: {enter: buyer}, once: true}]", "shop.yaml"))
    for publish in (False, True):
        partition = Partition(later, None)
        partition.admit("c-1", decode_state(encode_state(customer), customer.id))
        assert partition.reclassify("c-1", publish=publish)
        work = partition.collect()
        moved: Customer = work.changed["c-1"]
        assert moved.stage == "buyer"
        assert (moved.outreach is not None) is bool(triggers_of(work.changes)) is publish
