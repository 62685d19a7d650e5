"""Triggers in quiet times: held until they end, or dropped; and checked again then."""

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.outreach import Held
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import MOST_HELD, in_order, offers_of, triggers_of
from etapa.journey.engine.judging.classify import carry_over, run_and_note, touch
from etapa.journey.engine.judging.explain import explain
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from tests.unit.engine.shops import did, us
from tests.unit.engine.test_campaigns import JOURNEY, shop

NIGHT = 'quiet: {hours: "21:00-08:00", then: hold}'
DROPS = 'quiet: {hours: "21:00-08:00", then: drop}'
HELLO = "{id: hello, on: {enter: buyer}}"


def played(program: Program, *touchpoints: Touchpoint, until: str) -> tuple[Customer, list[StageChange | Release]]:
    customer: Customer | None = None
    told: list[StageChange | Release] = []
    for touchpoint in touchpoints:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        told += in_order(touched.changes, touched.released)
    assert customer is not None
    happened = run_and_note(program, customer, us(until))
    return customer, [*told, *in_order(happened.changes, happened.released)]


def outcomes(told: list[StageChange | Release]) -> list[str]:
    return [offer.outcome for offer in offers_of(told)]


def test_a_trigger_in_the_night_comes_at_eight_with_that_time() -> None:
    customer, told = played(shop(HELLO, gates=NIGHT), did("visit", us("20h")), did("purchase", us("22h")), until="3d")
    assert outcomes(told) == ["held", "published"]
    (trigger,) = triggers_of(told)
    assert (trigger.at, trigger.sequence, trigger.source, trigger.to) == (us("1d8h"), 2, "new", "buyer")
    assert customer.clock == us("1d8h")


def test_by_day_nothing_is_held() -> None:
    _, told = played(shop(HELLO, gates=NIGHT), did("visit", us("8h")), did("purchase", us("8h")), until="3d")
    assert [(offer.outcome, offer.trigger and offer.trigger.at) for offer in offers_of(told)] == [("published", us("8h"))]


@pytest.mark.parametrize(
    ("campaign", "found"),
    [
        ("{id: hello, on: {enter: buyer}}", ["quiet"]),
        ("{id: hello, on: {enter: buyer}, quiet: none}", ["published"]),
        ("{id: hello, on: {enter: buyer}, quiet: {days: [thu], then: hold}}", ["held", "published"]),
        ("{id: hello, on: {enter: buyer}, quiet: {days: [fri], then: drop}}", ["published"]),
    ],
)
def test_a_campaign_may_have_quiet_times_of_its_own(campaign: str, found: list[str]) -> None:
    # The first day of the epoch is a Thursday.
    _, told = played(shop(campaign, gates=DROPS), did("purchase", us("22h")), until="3d")
    assert outcomes(told) == found


def test_it_is_quiet_where_the_customer_is_when_the_trigger_is_held() -> None:
    gates = f"zone: {{trait: zone, else: Asia/Kathmandu}}\n{NIGHT}"
    _, told = played(shop(HELLO, gates=gates), did("purchase", us("16h")), did("look", us("17h"), traits={"zone": "UTC"}), until="3d")
    assert [trigger.at for trigger in triggers_of(told)] == [us("1d2h30m")]


@pytest.mark.parametrize(
    ("gates", "more", "found"),
    [
        ("consent: {trait: agreed, eq: true}", [did("look", us("23h"), traits={"agreed": False})], ["held", "consent"]),
        ("caps: {max: 1, per: 30d}", [], ["held", "held", "published", "cap"]),
    ],
)
def test_at_the_end_consent_and_limits_are_asked_again(gates: str, more: list[Touchpoint], found: list[str]) -> None:
    campaigns = HELLO if more else HELLO + "\n{id: bravo, on: {enter: buyer}}"
    first = did("purchase", us("22h"), traits={"agreed": True})
    _, told = played(shop(campaigns, gates=f"{NIGHT}\n{gates}"), first, *more, until="3d")
    assert outcomes(told) == found


def test_when_is_not_asked_again_and_limits_are_those_of_that_moment() -> None:
    campaign = "{id: hello, on: {enter: buyer}, when: {count: praise, within: 3h, lt: 1}, once: true}"
    evening = [did("purchase", us("22h")), did("praise", us("23h")), did("return", us("1d4h"))]
    _, told = played(shop(campaign, gates=NIGHT), *evening, until="3d")
    assert outcomes(told) == ["held", "held", "published", "once"]


def test_a_held_trigger_uses_nothing_up_before_it_is_published() -> None:
    campaigns = "{id: hello, on: {enter: buyer}}\n{id: now, on: {enter: fan}, quiet: none}"
    touchpoints = [did("purchase", us("22h")), did("praise", us("23h"))]
    _, told = played(shop(campaigns, gates=f"{NIGHT}\ncaps: {{max: 1, per: 30d}}"), *touchpoints, until="3d")
    assert [(offer.campaign, offer.outcome) for offer in offers_of(told)] == [("hello", "held"), ("now", "published"), ("hello", "cap")]


def test_what_is_held_comes_before_the_rules_of_the_same_moment_and_makes_no_rule_move_early() -> None:
    program = shop(HELLO + "\n{id: miss-you, on: {enter: asleep}}", gates='quiet: {hours: "22:00-21:00", then: hold}')
    _, told = played(program, did("purchase", us("20h")), until="40d")
    assert [(each.at, "held" if isinstance(each, Release) else each.to) for each in told] == [
        (us("20h"), "new"),
        (us("20h"), "buyer"),
        (us("21h"), "held"),
        (us("30d20h"), "asleep"),
        (us("30d21h"), "held"),
    ]
    at_the_end = shop(HELLO, gates='quiet: {hours: "19:00-20:00", then: hold}')
    touchpoints = [did("purchase", us("19h30m")), did("return", us("20h")), did("look", us("30d"))]
    _, told = played(at_the_end, *touchpoints, until="40d")
    assert [(each.at, "held" if isinstance(each, Release) else each.to) for each in told][2:] == [
        (us("20h"), "held"),
        (us("30d20h"), "asleep"),
    ]


def test_a_held_trigger_is_kept_with_the_state() -> None:
    customer, _ = played(shop(HELLO, gates=NIGHT), did("visit", us("20h")), did("purchase", us("22h")), until="23h")
    assert customer.outreach is not None
    assert customer.outreach.held == (Held("hello", 2, "new", "buyer", us("1d8h")),)
    assert customer.due == us("1d8h")
    assert decode_state(encode_state(customer), customer.id) == customer


@pytest.mark.parametrize(
    ("campaigns", "found"), [("{id: bravo, on: {enter: fan}}", "withdrawn"), (HELLO + "\n{id: bravo, on: {enter: fan}}", "published")]
)
def test_a_new_version_publishes_what_the_old_one_held_if_it_has_the_campaign(campaigns: str, found: str) -> None:
    customer, _ = played(shop(HELLO, gates=NIGHT), did("purchase", us("22h")), until="23h")
    newer = shop(campaigns, version=2)
    carry_over(newer, customer)
    assert customer.due == us("1d8h")
    happened = run_and_note(newer, customer, us("3d"))
    assert [release.offer.outcome for release in happened.released] == [found]
    assert customer.due == us("30d22h")


def test_a_version_without_campaigns_withdraws_what_is_held() -> None:
    customer, _ = played(shop(HELLO, gates=NIGHT), did("purchase", us("22h")), until="23h")
    happened = run_and_note(compile_journey(journey_or_raise(JOURNEY.format(version=2), "shop.yaml")), customer, us("3d"))
    assert [(release.offer.campaign, release.offer.outcome) for release in happened.released] == [("hello", "withdrawn")]


def test_reclassifying_in_silence_neither_loses_nor_publishes_what_is_held() -> None:
    customer, _ = played(shop(HELLO, gates=NIGHT), did("purchase", us("22h")), until="23h")
    held = customer.outreach
    partition = Partition(shop(HELLO + "\n{id: bravo, on: {enter: buyer}}", version=2, gates=NIGHT), us("40d"))
    partition.admit("c-1", customer)
    assert partition.reclassify("c-1", publish=False) is True
    assert (customer.stage, customer.outreach) == ("asleep", held)
    assert partition.collect().released == []
    assert partition.advance(us("41d"))
    work = partition.collect()
    assert [(release.at, release.offer.outcome) for release in work.released] == [(us("1d8h"), "published")]
    assert work.changes == []


def test_a_customer_keeps_so_many_held_triggers_and_no_more() -> None:
    back_and_forth = [did(kind, us("22h")) for _ in range(MOST_HELD + 5) for kind in ("praise", "return")]
    customer, told = played(shop(HELLO, gates=NIGHT), did("purchase", us("22h")), *back_and_forth, until="23h")
    assert customer.outreach is not None
    assert len(customer.outreach.held) == MOST_HELD
    assert outcomes(told) == ["held"] * MOST_HELD + ["quiet"] * 6


def test_why_tells_what_is_held() -> None:
    program = shop(HELLO, gates=NIGHT)
    customer, _ = played(program, did("purchase", us("22h")), until="23h")
    explained = explain(program, customer, us("23h"))
    assert [(held.campaign, held.ends) for held in explained.held] == [("hello", us("1d8h"))]
    assert [change.to for change in explained.foreseen] == ["asleep"]


def test_what_was_held_for_somebody_who_arrives_comes_after_all_that_happened_here_before() -> None:
    program = shop(HELLO, gates=NIGHT)
    arriving = touch(program, None, did("purchase", us("22h"), who="arrives")).customer
    partition = Partition(program, None)
    partition.admit("lives-here", None)
    partition.take(did("visit", us("2d"), who="lives-here"), us("9d"))
    partition.note(run_and_note(program, arriving, us("3d")))
    assert [(each.customer_id, type(each)) for each in partition.news()] == [("lives-here", StageChange), ("arrives", Release)]
