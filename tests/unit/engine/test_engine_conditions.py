"""Each condition at its limits: from exactly when to exactly when it is true."""

import pytest

from etapa.journey.engine.facts.touchpoint import Touchpoint
from tests.unit.engine.shops import did, path, play, program_of, us


def moved_at(condition: str, *touchpoints: Touchpoint, until: str = "40d") -> int | None:
    """When the rule with this condition moves the customer; None if it does not."""
    _, changes = play(program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}"), *touchpoints, until=until)
    return changes[1].at if len(changes) > 1 else None


def because(condition: str, *touchpoints: Touchpoint, until: str = "40d") -> list[tuple[str, object]]:
    _, changes = play(program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}"), *touchpoints, until=until)
    return [(clause.condition, clause.observed) for clause in changes[1].because]


def test_customers_whose_counts_differ_have_different_reasons_and_others_share_one() -> None:
    program = program_of("- {id: rule, from: new, to: hot, when: {all: [{event: buy}, {count: view, within: 1d, gte: 1}]}}")
    found = []
    for number in (1, 2, 1, 65, 2):
        _, changes = play(program, *[did("view", at) for at in range(number)], did("buy", 99))
        found.append(changes[1].because[1])
    assert [clause.observed for clause in found] == [1, 2, 1, 65, 2]
    assert found[0] is found[2]


def test_a_touchpoint_leaves_a_window_of_a_day_after_exactly_a_day() -> None:
    condition = "{count: view, within: 1d, lt: 2}"
    assert moved_at("{all: [{count: ad, gte: 1}, " + condition + "]}", did("view", 0), did("view", 5), did("ad", 9)) == us("1d")


def test_touchpoints_of_the_same_time_leave_a_window_together() -> None:
    condition = "{all: [{count: ad, gte: 1}, {count: view, within: 1d, eq: 1}]}"
    assert moved_at(condition, did("view", 0), did("view", 5), did("view", 5), did("ad", 9)) is None


def test_a_count_ever_does_not_change_by_time() -> None:
    assert moved_at("{all: [{count: view, eq: 2}, {in_stage: 3d}]}", did("view", 0), did("view", 1)) == us("3d")


def test_absence_asks_for_a_customer_known_that_long() -> None:
    assert moved_at("{absent: purchase, for: 3d}", did("view", "1d"), did("view", "2d")) == us("4d")


def test_absence_counts_from_the_latest_matching_touchpoint() -> None:
    condition = "{absent: purchase, where: {channel: web}, for: 3d}"
    assert moved_at(condition, did("view", 0), did("purchase", "1d", channel="web"), did("purchase", "2d")) == us("4d")


def test_a_late_touchpoint_makes_the_customer_known_for_longer() -> None:
    assert moved_at("{absent: purchase, for: 3d}", did("view", "2d"), did("view", "1d")) == us("4d")


def test_time_in_a_stage_counts_from_the_change() -> None:
    program = program_of("- {id: a, from: new, to: warm, when: {event: x}}\n- {id: b, from: warm, to: hot, when: {in_stage: 2h}}")
    _, changes = play(program, did("ad", 0), did("x", "1h"), did("x", "2h"), until="9h")
    assert path(changes)[1:] == [("warm", us("1h")), ("hot", us("3h"))]


def test_those_who_leave_a_stage_on_time_share_the_reason_and_others_have_their_own() -> None:
    program = program_of("- {id: rule, from: new, to: hot, when: {in_stage: 2h}}")
    first, second = (play(program, did("ad", at), until="9h")[1][1].because[0] for at in (0, 1))
    assert (first.condition, first.observed) == ("in_stage(2h)", 7200.0)
    assert first is second
    late = because("{all: [{in_stage: 2h}, {event: x}]}", did("ad", 0), did("x", "3h"), until="9h")
    assert late[0] == ("in_stage(2h)", 10800.0)


def test_a_sum_that_falls_below_its_bound_moves_the_customer_at_that_time() -> None:
    spent = [did("buy", 0, amount=60), did("buy", "1d", amount=50.5), did("ad", "2d")]
    assert moved_at("{all: [{count: ad, gte: 1}, {sum: properties.amount, of: buy, within: 5d, lt: 100}]}", *spent) == us("5d")


def test_sums_are_correctly_rounded() -> None:
    tenths = [did("buy", time, amount=0.1) for time in range(10)]
    for within in ("", "within: 1d, "):
        condition = f"{{all: [{{event: ad}}, {{sum: properties.amount, of: buy, {within}eq: 1}}]}}"
        assert moved_at(condition, *tenths, did("ad", 20)) == 20
        cancelled = [did("buy", 0, amount=1e16), did("buy", 1, amount=1), did("buy", 2, amount=-1e16), did("ad", 3)]
        assert moved_at(condition, *cancelled) == 3


def test_values_that_are_no_numbers_do_not_take_part() -> None:
    values = [did("buy", 0, amount="7"), did("buy", 1, amount=True), did("buy", 2), did("buy", 3, amount=None), did("buy", 4, amount=2)]
    assert moved_at("{all: [{event: ad}, {avg: properties.amount, of: buy, eq: 2}]}", *values, did("ad", 9)) == 9
    assert moved_at("{all: [{event: ad}, {count: buy, eq: 5}]}", *values, did("ad", 9)) == 9


@pytest.mark.parametrize("kind", ["avg", "min", "max"])
def test_the_average_of_nothing_is_missing(kind: str) -> None:
    assert moved_at(f"{{{kind}: properties.amount, of: buy, ne: 3}}", did("ad", 0)) == 0
    assert moved_at(f"{{{kind}: properties.amount, of: buy, lt: 3}}", did("ad", 0)) is None


def test_the_sum_of_nothing_is_zero() -> None:
    assert because("{sum: properties.amount, of: buy, lt: 3}", did("ad", 0)) == [("sum(properties.amount of buy) < 3", 0)]


def test_a_minimum_changes_when_the_smallest_leaves_the_window() -> None:
    seen = [did("rate", 0, stars=1), did("rate", "1d", stars=4)]
    assert moved_at("{min: properties.stars, of: rate, within: 3d, gte: 2}", *seen) == us("3d")
    assert because("{min: properties.stars, of: rate, within: 3d, gte: 2}", *seen) == [("min(properties.stars of rate, 3d) >= 2", 4)]


def test_different_values_are_counted_as_values() -> None:
    seen = [did("view", time, sku=sku) for time, sku in enumerate([1, 1.0, True, "1", None, [1], {"a": 1}])]
    assert because("{all: [{event: ad}, {distinct: properties.sku, of: view, gte: 1}]}", *seen, did("ad", 9))[1][1] == 5


def test_a_value_seen_again_stays_in_the_window_for_longer() -> None:
    seen = [did("view", 0, sku="a"), did("view", 1, sku="b"), did("view", "1d", sku="a")]
    assert moved_at("{all: [{in_stage: 1h}, {distinct: properties.sku, of: view, within: 2d, eq: 1}]}", *seen) == us("2d") + 1


def test_the_last_value_is_that_of_the_latest_time_and_then_of_the_latest_arrival() -> None:
    condition = "{all: [{event: ad}, {last: properties.plan, of: set, eq: gold}]}"
    assert moved_at(condition, did("set", 5, plan="gold"), did("set", 3, plan="tin"), did("ad", 9)) == 9
    assert moved_at(condition, did("set", 5, plan="tin"), did("set", 5, plan="gold"), did("ad", 9)) == 9
    assert moved_at(condition, did("set", 5, plan="gold"), did("set", 6), did("ad", 9)) is None, "the latest has none"


def test_a_sequence_is_taken_in_order_by_different_touchpoints() -> None:
    condition = "{sequence: [{event: cart}, {event: '*'}, {event: pay}], within: 1d}"
    assert moved_at(condition, did("cart", 0), did("pay", 1)) is None
    assert moved_at(condition, did("cart", 0), did("pay", 1), did("pay", 2)) == 2
    assert moved_at(condition, did("cart", 0), did("view", 1), did("pay", us("1d"))) is None


def test_a_late_touchpoint_completes_a_sequence() -> None:
    condition = "{sequence: [{event: cart}, {event: call}, {event: pay}], within: 1d}"
    assert moved_at(condition, did("cart", 0), did("pay", 9), did("call", 5)) == 9
    assert moved_at(condition, did("cart", 0), did("pay", 9), did("call", 10)) is None


def test_a_sequence_expires_when_its_latest_run_does() -> None:
    taken = [did("cart", 0), did("cart", 7), did("pay", 8)]
    assert moved_at("{not: {sequence: [{event: cart}, {event: pay}], within: 1d}}", *taken) == 0
    program = program_of(
        "- {id: a, from: new, to: warm, when: {event: pay}}\n"
        "- {id: b, from: warm, to: hot, when: {not: {sequence: [{event: cart}, {event: pay}], within: 1d}}}"
    )
    assert path(play(program, *taken, until="9d")[1])[-1] == ("hot", us("1d") + 7)


def test_a_score_decays_through_its_bound_at_one_microsecond() -> None:
    condition = "{all: [{in_stage: 1h}, {score: {view: 4, buy: 4}, half_life: 1d, lte: 2}]}"
    assert moved_at(condition, did("view", 0), did("buy", 0)) == us("2d")
    condition = "{all: [{in_stage: 1h}, {score: {view: 4, buy: 4}, half_life: 1d, lt: 2}]}"
    assert moved_at(condition, did("view", 0), did("buy", 0)) == us("2d") + 1


def test_a_late_touchpoint_adds_what_is_left_of_its_points() -> None:
    condition = "{all: [{event: ad}, {score: {view: 8}, half_life: 1d, gte: 12}]}"
    assert moved_at(condition, did("view", "1d"), did("view", 0), did("ad", "1d")) == us("1d")


def test_a_score_never_decays_to_nothing() -> None:
    condition = "{all: [{in_stage: 1h}, {not: {score: {view: 1}, half_life: 1s, gt: 0}}]}"
    assert moved_at(condition, did("view", 0), until="365d") is None


def test_a_trait_keeps_the_value_with_the_latest_time() -> None:
    condition = "{all: [{event: ad}, {trait: plan, eq: gold}]}"
    assert moved_at(condition, did("view", 5, traits={"plan": "gold"}), did("view", 3, traits={"plan": "tin"}), did("ad", 9)) == 9
    assert moved_at(condition, did("view", 5, traits={"plan": "gold"}), did("view", 5, traits={"plan": None}), did("ad", 9)) is None


def test_reasons_name_what_decided_and_what_was_seen() -> None:
    condition = (
        "{all: [{count: view, gte: 2}, {any: [{event: pay}, {trait: vip, eq: true}, {event: view}]}, {not: {event: ad}}, "
        "{absent: complaint, for: 1h}, {in_stage: 1m}]}"
    )
    assert because(condition, did("view", 0), did("view", "2h", traits={"vip": True})) == [
        ("count(view) >= 2", 2),
        ("trait(vip) = true", True),
        ("not event(ad)", "view"),
        ("absent(complaint, 1h)", None),
        ("in_stage(1m)", 7200.0),
    ]
    assert because("{idle: 1d}", did("view", 0)) == [("idle(1d)", "1970-01-01T00:00:00Z")]


def test_reasons_of_a_negated_group_are_its_negated_parts() -> None:
    condition = "{not: {any: [{event: ad}, {all: [{in_stage: 1d}, {count: view, gte: 1}]}]}}"
    assert because(condition, did("view", 0)) == [("not event(ad)", "view"), ("not in_stage(1d)", 0.0)]
