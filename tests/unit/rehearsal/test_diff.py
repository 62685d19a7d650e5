"""Two journeys over the same touchpoints: who differs, in what, and why."""

import io
import json
from typing import Any

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY
from etapa.rehearsal.diff import Diff
from etapa.rehearsal.sampling import DifferingCustomer
from tests.support.faulty import Faulty

START = parse_time("2026-01-01T00:00:00Z")
OLD = """
journey: shop
version: 1
stages: [{id: new}, {id: buyer}, {id: regular}, {id: asleep}]
rules:
  - {id: buys, from: [new, asleep], to: buyer, when: {event: purchase}}
  - {id: returns, from: buyer, to: regular, when: {count: purchase, within: 30d, gte: 3}}
  - {id: falls-asleep, from: [buyer, regular], to: asleep, when: {idle: 60d}}
"""


def journey(text: str) -> Journey:
    return journey_or_raise(text, "shop.yaml")


def line(customer: str, day: float, kind: str, identity: str | None = None) -> bytes:
    at = format_time(START + round(day * DAY))
    touchpoint = {"id": identity or f"{customer}-{kind}-{day}", "customer_id": customer, "type": kind, "occurred_at": at}
    return json.dumps(touchpoint).encode() + b"\n"


def diff(new: str, *lines: bytes, until: float | None = None, old: str = OLD) -> Diff:
    found = Diff.between(journey(old), journey(new))
    found.read(
        io.BytesIO(b"".join(lines)),
        None if until is None else START + round(until * DAY),
        decoder=decoder_within(TouchpointLimits(takes_links=True)),
    )
    return found


def seen(sample: DifferingCustomer) -> tuple[Any, ...]:
    """Customer, then (stage, day, rule) in each journey."""
    sides = [(side.to, (side.at - START) / DAY, side.rule) for side in (sample.old, sample.new) if side is not None]
    return (sample.customer_id, *sides)


TWO_PURCHASES = OLD.replace("gte: 3", "gte: 2")
SHORTER_SLEEP = OLD.replace("idle: 60d", "idle: 50d")
PURCHASES = (line("a", 0, "purchase"), line("b", 0, "visit"), line("a", 1, "purchase"), line("c", 2, "purchase"))


def test_a_journey_does_not_differ_from_itself() -> None:
    found = diff(OLD, *PURCHASES, until=400)
    assert found.is_empty
    assert (found.in_another_stage, found.by_another_way, found.samples(5)) == (0, 0, [])
    assert found.same_changes == found.old.changes == found.new.changes == 7


def test_who_would_be_in_another_stage_is_counted_by_both_stages() -> None:
    found = diff(TWO_PURCHASES, *PURCHASES)
    assert found.cells == {("buyer", "regular"): 1, ("new", "new"): 1, ("buyer", "buyer"): 1}
    assert (found.customers, found.in_another_stage, found.touchpoints) == (3, 1, 4)


def test_stage_changes_that_only_one_journey_makes_are_counted() -> None:
    found = diff(TWO_PURCHASES, *PURCHASES)
    assert (found.same_changes, found.old.only_here, found.new.only_here) == (5, 0, 1)


def test_the_same_move_by_another_touchpoint_of_that_time_is_the_same_change() -> None:
    together = [line("a", 0, "purchase", str(number)) for number in range(3)]
    found = diff(TWO_PURCHASES, *together, line("a", 5, "visit"), line("b", 1, "visit"), line("a", 9, "purchase"))
    assert found.is_empty
    assert diff(TWO_PURCHASES, *together).is_empty
    assert (found.same_changes, found.old.only_here, found.new.only_here) == (4, 0, 0)


def test_campaign_triggers_are_compared_by_customer_time_and_control_group() -> None:
    campaigns = "campaigns: [{id: welcome, on: {enter: buyer}}, {id: thanks, on: {enter: regular}}]"
    days = [line("a", day, "purchase") for day in (0, 1, 2)]
    found = diff(TWO_PURCHASES + campaigns, *days, old=OLD + campaigns)
    assert found.same_triggers == {"welcome": 1}
    assert (found.old.triggers_only_here, found.new.triggers_only_here) == ({"thanks": 1}, {"thanks": 1})
    held_out = diff(OLD + campaigns.replace("enter: buyer}", "enter: buyer}, holdout: 100%"), *days, old=OLD + campaigns)
    assert {customer: parting.at for customer, parting in held_out.parted.items()} == {}
    assert not held_out.is_empty
    assert (held_out.old.triggers_only_here, held_out.new.triggers_only_here) == ({"welcome": 1}, {"welcome": 1})


def test_the_same_move_at_another_time_is_another_change() -> None:
    found = diff(SHORTER_SLEEP, line("a", 0, "purchase"), until=90)
    assert (found.same_changes, found.old.only_here, found.new.only_here) == (2, 1, 1)
    assert found.in_another_stage == 0
    assert found.by_another_way == 1
    assert {customer: parting.at for customer, parting in found.parted.items()} == {"a": START + 50 * DAY}


def test_another_name_of_a_rule_is_no_difference() -> None:
    assert diff(OLD.replace("id: buys", "id: purchases"), *PURCHASES).is_empty


def test_timers_before_a_touchpoint_are_compared_with_it() -> None:
    found = diff(SHORTER_SLEEP, line("a", 0, "purchase"), line("a", 55, "visit"))
    assert found.cells == {("buyer", "asleep"): 1}
    assert diff(SHORTER_SLEEP, line("a", 0, "purchase"), line("a", 45, "visit")).is_empty


def test_without_until_no_timer_fires_after_the_last_touchpoint() -> None:
    assert diff(SHORTER_SLEEP, *PURCHASES).is_empty
    assert diff(SHORTER_SLEEP, *PURCHASES, until=51).in_another_stage == 1


def test_whose_ways_parted_and_met_again_is_in_the_same_stage_by_another_way() -> None:
    found = diff(SHORTER_SLEEP, line("a", 0, "purchase"), line("a", 55, "visit"), line("a", 56, "purchase"))
    assert (found.in_another_stage, found.by_another_way) == (0, 1)
    assert seen(found.samples(5)[0]) == ("a", ("buyer", 0, "buys"), ("buyer", 56, "buys"))


def test_stages_that_only_one_journey_has_are_told_apart() -> None:
    found = diff(OLD.replace("asleep", "gone"), line("a", 0, "purchase"), until=90)
    assert found.cells == {("asleep", "gone"): 1}


def test_a_sample_says_what_decided_in_each_journey() -> None:
    (sample,) = diff(TWO_PURCHASES, *PURCHASES).samples(5)
    assert seen(sample) == ("a", ("buyer", 0, "buys"), ("regular", 1, "returns"))
    assert sample.old is not None
    assert sample.new is not None
    assert sample.old.because[0].condition == "event(purchase)"
    assert (sample.new.because[0].condition, sample.new.because[0].observed) == ("count(purchase, 30d) >= 2", 2)
    assert sample.parted.at == START + DAY


def test_samples_are_bounded_and_the_same_in_whatever_order_customers_come() -> None:
    customers = [f"c-{number}" for number in range(40)]
    lines = [b"".join(line(customer, day, "purchase") for day in (0, 1)) for customer in customers]
    first = [sample.customer_id for sample in diff(TWO_PURCHASES, *lines).samples(7)]
    assert len(set(first)) == 7
    assert [sample.customer_id for sample in diff(TWO_PURCHASES, *reversed(lines)).samples(7)] == first
    assert [sample.customer_id for sample in diff(TWO_PURCHASES, *lines).samples(3)] == first[:3]
    assert diff(TWO_PURCHASES, *lines).samples(0) == []


def test_samples_show_each_sort_of_difference_before_they_repeat_one() -> None:
    common = [line(f"c-{number}", day, "purchase") for number in range(20) for day in (0, 1)]
    rare = [line("rare", 0, "purchase"), line("rare", 80, "visit")]
    both = TWO_PURCHASES.replace("idle: 60d", "idle: 90d")
    cells = [sample.cell for sample in diff(both, *common, *rare).samples(3)]
    assert cells == [("buyer", "regular"), ("asleep", "buyer"), ("buyer", "regular")]


def test_a_line_that_cannot_be_used_is_counted_and_told() -> None:
    told: list[int] = []
    found = Diff.between(journey(OLD), journey(TWO_PURCHASES))
    lines = io.BytesIO(b"nonsense\n" + PURCHASES[0])
    found.read(lines, None, decoder=decoder_within(TouchpointLimits(takes_links=True)), on_rejected=lambda number, _: told.append(number))
    assert (told, found.rejected, found.touchpoints) == ([1], {"not_json": 1}, 1)


def test_what_only_one_journey_can_judge_leaves_no_stage_in_the_other() -> None:
    found = Diff.between(journey(OLD), journey(OLD))
    for rules in found.new.replay.program.stages.values():
        for rule in rules.rules:
            rule.condition = Faulty(rule.condition, lambda *_: True, ArithmeticError("no such number"))
    found.read(io.BytesIO(PURCHASES[0] + PURCHASES[1]), None, decoder=decoder_within(TouchpointLimits(takes_links=True)))
    assert found.cells == {("buyer", None): 1, ("new", "new"): 1}
    assert (found.old.unjudged, found.new.unjudged) == (0, 1)


@pytest.mark.parametrize("day", [0, 10])
def test_a_touchpoint_sent_twice_counts_once_in_both(day: float) -> None:
    found = diff(TWO_PURCHASES, line("a", 0, "purchase", "p"), line("a", day, "purchase", "p"))
    assert found.is_empty
    assert found.touchpoints == 2


def link(customer: str, same_as: str, day: float) -> bytes:
    return json.dumps(json.loads(line(customer, day, "$link")) | {"same_as": same_as}).encode() + b"\n"


JOINS = OLD.replace("version: 1", "version: 1\nidentity: {stage: replay}\ntraits: {email: {known: true}}")
SAME_PERSON = (line("a", 0, "purchase"), line("a", 1, "purchase"), line("b", 2, "purchase"), link("a", "b", 2), line("a", 3, "visit"))


def test_links_are_followed_in_both_journeys() -> None:
    assert diff(JOINS, *SAME_PERSON, until=400, old=JOINS).is_empty
    found = diff(JOINS.replace("gte: 3", "gte: 4"), *SAME_PERSON, until=10, old=JOINS)
    assert (found.customers, found.cells) == (1, {("regular", "buyer"): 1})
    assert (found.touchpoints, found.links) == (4, 1)


def test_a_journey_that_joins_ids_is_compared_with_one_that_does_not() -> None:
    found = diff(JOINS, *SAME_PERSON, until=100)
    # The old journey has two customers, of whom the new one knows only one.
    assert found.cells == {("asleep", None): 1, ("asleep", "asleep"): 1}
    assert [(each.kind, each.count) for each in found.findings if each.kind == "links_ignored"] == [("links_ignored", 1)]
    assert found.old.unjudged == found.new.unjudged == 0


def test_a_link_that_is_refused_is_told_once() -> None:
    found = diff(JOINS, *SAME_PERSON, link("b", "a", 5), old=JOINS)
    assert found.rejected == {"link_cycle": 1}
    assert found.old.unjudged == found.new.unjudged == 0


def test_an_id_that_is_used_again_is_in_the_stage_it_was_in() -> None:
    again = (line("a", 0, "purchase"), line("b", 1, "visit"), link("a", "b", 5), link("b", "a", 3))
    found = diff(JOINS, *again, old=JOINS)
    assert (found.is_empty, found.cells) == (True, {("buyer", "buyer"): 1})
