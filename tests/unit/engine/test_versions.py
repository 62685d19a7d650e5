"""A new version of a journey: what is kept of a customer, what starts over and says so, and how versions affect each other."""

from collections.abc import Sequence

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import fire, run_until, touch
from etapa.journey.engine.judging.explain import ExplainedCondition, explain
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY

START = parse_time("2026-03-01T00:00:00Z")
STAGES = ("new", "buyer", "loyal")


def version(number: int, *rules: str, stages: Sequence[str] = STAGES) -> Program:
    """A version of the journey; each rule is `FROM TO WHEN`."""
    lines = [f"journey: shop\nversion: {number}\ninitial: new\nstages:", *(f"  - {{id: {stage}}}" for stage in stages), "rules:"]
    for place, rule in enumerate(rules):
        source, target, when = rule.split(" ", 2)
        lines.append(f"  - {{id: rule-{place}, from: {source}, to: {target}, when: {when}}}")
    return compile_journey(journey_or_raise("\n".join(lines), "shop.yaml"))


def then(program: Program, customer: Customer | None, day: float, kind: str, **traits: object) -> tuple[Customer, Sequence[StageChange]]:
    """A touchpoint, after the state went through the store."""
    stored = None if customer is None else decode_state(encode_state(customer), customer.id)
    touched = touch(program, stored, Touchpoint(f"{kind}-{day}", "c", kind, START + round(day * DAY), traits=traits))
    return touched.customer, touched.changes


def after(program: Program, *touchpoints: tuple[float, str]) -> Customer:
    customer = None
    for day, kind in touchpoints:
        customer, _ = then(program, customer, day, kind)
    assert customer is not None
    return customer


def moves(changes: Sequence[StageChange]) -> list[tuple[str | None, str, str]]:
    return [(change.source, change.to, change.cause) for change in changes]


def clause(program: Program, customer: Customer, day: float, rule: int = 0) -> ExplainedCondition:
    when = explain(program, customer, START + round(day * DAY)).rules[rule].when
    assert isinstance(when, ExplainedCondition)
    return when


THREE = version(3, "new buyer {count: purchase, within: 90d, gte: 3}")
FOUR = version(4, "new buyer {count: purchase, within: 90d, gte: 2}")


def test_what_the_new_rules_alone_change_has_the_cause_journey() -> None:
    customer, changes = then(FOUR, after(THREE, (0, "purchase"), (1, "purchase")), 5, "view")
    assert moves(changes) == [("new", "buyer", "journey")]
    assert (changes[0].sequence, changes[0].at, changes[0].touchpoint_id) == (2, START + DAY, None)
    assert (customer.version, customer.sequence) == (4, 2)


def test_what_the_touchpoint_itself_does_has_the_cause_touchpoint() -> None:
    _, changes = then(FOUR, after(THREE, (0, "purchase")), 5, "purchase")
    assert moves(changes) == [("new", "buyer", "touchpoint")]


def test_a_timer_carries_over_as_well() -> None:
    asleep = version(3, "new buyer {idle: 9d}")
    sooner = version(4, "new buyer {idle: 2d}")
    customer = after(asleep, (0, "view"))
    assert customer.due == START + 9 * DAY
    assert fire(sooner, customer, customer.due) == []
    assert customer.due == START + 2 * DAY
    assert moves(fire(sooner, customer, customer.due)) == [("new", "buyer", "timer")]


def test_memories_of_both_versions_are_kept_those_that_have_seen_nothing_too() -> None:
    three = version(3, "new buyer {absent: complaint, for: 30d}", "new loyal {count: purchase, gte: 3}")
    four = version(4, "new buyer {absent: complaint, for: 40d}", "new loyal {count: purchase, gte: 4}")
    customer, _ = then(four, after(three, (0, "purchase"), (1, "purchase"), (20, "view")), 25, "purchase")
    assert customer.began == {}
    # There was never a complaint, and both versions have watched for one since the first day.
    assert clause(four, customer, 26).changes_at == START + 40 * DAY
    assert clause(four, customer, 26, rule=1).observed == 3


def test_a_memory_is_kept_whatever_its_rule_is_called_and_one_that_nobody_asks_for_is_forgotten() -> None:
    three = version(3, "new loyal {count: purchase, gte: 9}", "new buyer {count: view, gte: 3}", "new loyal {count: visit, gte: 9}")
    four = version(4, "new buyer {count: view, gte: 3}")
    customer, changes = then(four, after(three, (0, "view"), (1, "view"), (2, "visit")), 3, "view")
    assert moves(changes) == [("new", "buyer", "touchpoint")]
    assert len(customer.remembered()) == 1


def test_a_memory_that_is_new_starts_empty_and_says_since_when_until_that_no_longer_matters() -> None:
    four = version(4, "new buyer {count: view, within: 30d, gte: 9}", "new loyal {count: view, gte: 9}")
    customer, _ = then(four, after(THREE, (0, "view"), (10, "view")), 15, "view")
    assert (clause(four, customer, 16).observed, clause(four, customer, 16).complete_since) == (1, (4, START + 10 * DAY))
    assert clause(four, customer, 40).complete_since is None
    assert clause(four, customer, 400, rule=1).complete_since == (4, START + 10 * DAY)


def test_a_customer_of_the_version_itself_has_nothing_to_say() -> None:
    customer = after(FOUR, (0, "view"), (1, "purchase"))
    assert customer.began == {}
    assert clause(FOUR, customer, 2).complete_since is None


def test_nothing_is_called_absent_that_was_not_watched_for() -> None:
    four = version(4, "new buyer {absent: complaint, for: 30d}")
    customer, changes = then(four, after(THREE, (0, "view"), (100, "complaint")), 101, "view")
    assert changes == []
    assert (customer.due, clause(four, customer, 110).complete_since) == (START + 130 * DAY, (4, START + 100 * DAY))
    assert moves(run_until(four, customer, START + 130 * DAY)) == [("new", "buyer", "timer")]


def test_a_trait_that_is_new_says_so_until_it_is_known() -> None:
    four = version(4, "new buyer {trait: persona, eq: student}")
    customer, _ = then(four, after(THREE, (0, "view")), 1, "view")
    assert clause(four, customer, 2).complete_since == (4, START)
    customer, _ = then(four, customer, 3, "view", persona="retired")
    assert clause(four, customer, 4).complete_since is None


@pytest.mark.parametrize("kind", ["last: channel, of: view, exists: false", "last: channel, of: view, within: 9d, exists: false"])
def test_a_last_value_that_is_new_says_so_until_there_is_one(kind: str) -> None:
    four = version(4, f"new buyer {{not: {{{kind}}}}}")
    customer, _ = then(four, after(THREE, (0, "view")), 1, "purchase")
    assert clause(four, customer, 2).complete_since == (4, START)
    customer, _ = then(four, customer, 3, "view")
    assert clause(four, customer, 4).complete_since is None


@pytest.mark.parametrize(
    "when",
    [
        "{sum: properties.v, of: view, gt: 9}",
        "{avg: properties.v, of: view, within: 20d, gt: 9}",
        "{distinct: channel, of: view, gte: 9}",
        "{sequence: [{event: view}, {event: view}, {event: cart}], within: 20d}",
        "{score: {view: 1}, half_life: 9d, gte: 9}",
    ],
)
def test_every_kind_of_memory_says_since_when_it_is_complete(when: str) -> None:
    four = version(4, f"new buyer {when}")
    customer, _ = then(four, after(THREE, (0, "view")), 1, "view")
    assert clause(four, customer, 2).complete_since == (4, START)


def test_a_stage_that_is_no_more_becomes_the_initial_one() -> None:
    three = version(3, "new loyal {event: purchase}")
    four = version(4, "new buyer {event: purchase}", stages=("new", "buyer"))
    _, changes = then(four, after(three, (0, "purchase")), 3, "view")
    assert moves(changes) == [("loyal", "new", "journey")]
    assert (changes[0].rule, changes[0].touchpoint_id, changes[0].at, changes[0].sequence) == (None, None, START, 3)


def test_a_touchpoint_sent_again_is_still_dropped_after_the_version_changed() -> None:
    touched = touch(FOUR, after(THREE, (0, "view")), Touchpoint("view-0", "c", "view", START))
    assert (touched.duplicate, touched.changes) == (True, [])
    assert touched.customer.version == 3


def test_an_older_version_leaves_a_customer_where_the_newer_one_put_it() -> None:
    customer, changes = then(FOUR, after(THREE, (0, "purchase"), (1, "purchase")), 2, "view")
    assert customer.stage == "buyer"
    for day, program in enumerate((THREE, FOUR, THREE, FOUR), start=3):
        customer, changes = then(program, customer, day, "view")
        assert (customer.version, customer.stage, changes) == (program.version, "buyer", [])


def test_an_older_version_judges_what_comes_next_by_its_own_rules() -> None:
    three = version(3, "new buyer {event: purchase}", "buyer new {event: refund}", "buyer loyal {in_stage: 9d}")
    four = version(4, "new buyer {event: purchase}", "buyer loyal {count: purchase, gte: 5}")
    customer, _ = then(four, None, 0, "purchase")
    assert customer.due is None
    kept, _ = then(three, customer, 1, "view")
    assert kept.due == START + 9 * DAY
    _, changes = then(three, customer, 2, "refund")
    assert moves(changes) == [("buyer", "new", "touchpoint")]


def test_what_an_older_version_holds_to_be_true_already_moves_nobody_before_something_happens() -> None:
    three = version(3, "new buyer {count: view, gte: 1}", "new loyal {in_stage: 20d}")
    four = version(4, "new buyer {count: view, gte: 9}")
    customer, _ = then(four, None, 0, "view")
    customer.due = START + 5 * DAY
    assert fire(three, customer, customer.due) == []
    assert (customer.version, customer.stage, customer.due) == (3, "new", START + 20 * DAY)
    _, changes = then(three, customer, 6, "anything")
    assert moves(changes) == [("new", "buyer", "touchpoint")]


def test_an_older_version_leaves_the_memories_of_the_newer_one_which_then_says_what_it_missed() -> None:
    four = version(4, "new buyer {count: purchase, within: 90d, gte: 3}", "new loyal {count: view, gte: 9}", "new loyal {trait: t, eq: 1}")
    customer = after(four, (0, "view"), (1, "view"), (2, "purchase"))
    customer, _ = then(four, customer, 3, "home", t=7)
    customer, _ = then(THREE, customer, 4, "view", t=8)
    customer, _ = then(THREE, customer, 5, "purchase")
    customer, _ = then(four, customer, 6, "view")
    assert clause(four, customer, 7).observed == 2
    assert clause(four, customer, 7).complete_since is None
    assert (clause(four, customer, 7, rule=1).observed, clause(four, customer, 7, rule=1).complete_since) == (3, (4, START + 5 * DAY))
    assert (clause(four, customer, 7, rule=2).observed, clause(four, customer, 7, rule=2).complete_since) == (7, (4, START + 5 * DAY))


def test_memories_of_a_version_that_was_taken_back_go_when_the_next_one_comes() -> None:
    four = version(4, "new loyal {count: view, gte: 9}", "new loyal {trait: t, eq: 1}")
    customer, _ = then(four, None, 0, "view", t=7)
    customer, _ = then(THREE, customer, 1, "purchase")
    assert (len(customer.remembered()), list(customer.traits)) == (2, ["t"])
    customer, _ = then(version(5, "new buyer {count: purchase, within: 90d, gte: 3}"), customer, 2, "view")
    assert (len(customer.remembered()), list(customer.traits)) == (1, [])


def test_absence_does_not_hold_over_a_time_in_which_an_older_version_watched_for_nothing() -> None:
    four = version(4, "new buyer {absent: view, for: 30d}")
    customer = after(four, (0, "view"))
    customer, _ = then(THREE, customer, 20, "view")
    customer, changes = then(four, customer, 35, "purchase")
    assert changes == []
    assert customer.due == START + 50 * DAY
