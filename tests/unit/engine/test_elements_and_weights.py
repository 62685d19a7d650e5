"""Values of list elements, and touchpoints that count more, less, or negatively."""

from typing import Any

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.load import journey_or_raise, load_journey
from tests.unit.engine.shops import did, play, program_of, us

HEAD = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\nrules:\n  - id: r\n    to: t\n    when: "


def errors(condition: str) -> list[str]:
    return [
        f"{each.line}:{each.column} {each.message}"
        for each in load_journey(HEAD + condition + "\n", "j.yaml").findings
        if each.severity == "error"
    ]


def observed(condition: str, *touchpoints: Touchpoint, until: str | None = None) -> list[tuple[int, Any]]:
    """When the rule moved the customer, and what it saw."""
    _, changes = play(program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}"), *touchpoints, until=until)
    return [(change.at, change.because[0].observed) for change in changes[1:]]


LINES = [{"sku": "A", "price": 10}, {"sku": "B", "price": 2.5}, {"sku": "A"}, {"price": None}, "odd", {"sku": "C", "price": "7"}]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("{sum: 'properties.lines[].price', of: order, gte: 1}", 12.5),
        ("{sum: 'properties.lines[].price', of: order, within: 1y, gte: 1}", 12.5),
        ("{sum: 'properties.lines[].price', of: order, as: number, gte: 1}", 19.5),
        ("{avg: 'properties.lines[].price', of: order, gte: 1}", 6.25),
        ("{min: 'properties.lines[].price', of: order, lte: 9}", 2.5),
        ("{max: 'properties.lines[].price', of: order, within: 1d, gte: 1}", 10),
        ("{distinct: 'properties.lines[].sku', of: order, gte: 1}", 3),
        ("{distinct: 'properties.lines[].sku', of: order, within: 1y, gte: 1}", 3),
        ("{distinct: 'properties.lines[].sku', of: order, calendar: this year, gte: 1}", 3),
        ("{distinct: 'properties.lines[].price', of: order, as: number, gte: 1}", 3),
        ("{distinct: 'properties.lines[].price', of: order, within: 1y, as: number, gte: 1}", 3),
        ("{distinct: 'properties.lines[]', of: order, gte: 1}", 6),
    ],
)
def test_the_values_of_all_elements_are_taken(condition: str, value: Any) -> None:
    assert observed(condition, did("order", 0, lines=LINES)) == [(0, value)]


def test_the_elements_of_a_list_of_values_are_taken_themselves_and_nulls_are_none() -> None:
    assert observed("{sum: 'properties.points[]', of: game, gte: 1}", did("game", 0, points=[1, None, 2, "3", True])) == [(0, 3)]
    assert observed("{distinct: 'traits.tags[]', of: '*', gte: 2}", did("game", 0, traits={"tags": ["a", "b", "a"]})) == [(0, 2)]


@pytest.mark.parametrize("lines", [None, 5, "text", {"price": 5}, []])
def test_what_is_no_list_has_no_elements(lines: Any) -> None:
    assert observed("{sum: 'properties.lines[].price', of: order, gte: 1}", did("order", 0, lines=lines)) == []


def test_all_elements_of_a_touchpoint_leave_the_window_together() -> None:
    condition = "{all: [{sum: 'properties.points[]', of: game, within: 1d, lt: 3}, {count: other, gte: 1}]}"
    assert observed(condition, did("game", 0, points=[1, 2]), did("game", 5, points=[2, 1]), did("other", 9), until="9d") == [
        (us("1d") + 5, 0)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "{last: 'properties.lines[].sku', of: order, eq: A}",
        "{event: order, where: {'properties.lines[].sku': A}}",
        "{sum: 'properties.[].price', of: order, gte: 1}",
        "{sum: 'properties.lines[]x', of: order, gte: 1}",
        "{sum: 'properties.lines[].parts[].price', of: order, gte: 1}",
        "{sum: 'channel[]', of: order, gte: 1}",
        "{sum: 'properties.lines[].', of: order, gte: 1}",
    ],
)
def test_brackets_stand_once_behind_a_key_and_only_where_values_are_put_together(condition: str) -> None:
    (message,) = errors(condition)
    assert "`[]` stands once, behind the key of a list" in message


def test_cancelled_orders_count_against_orders() -> None:
    condition = "{count: {order: 1, cancel: -1}, within: 30d, gte: 2}"
    assert observed(condition, did("order", 0), did("order", 1, touchpoint_id="a"), did("cancel", 2), did("order", 3)) == [(1, 2)]
    assert observed(condition, did("order", 0), did("cancel", 1), did("order", 2), did("order", 3)) == [(3, 2)]
    assert observed(condition, did("cancel", 0), did("order", "5d"), did("order", "6d"), until="90d") == [(us("30d"), 2)]


def test_refunds_are_taken_off_what_was_spent() -> None:
    condition = "{sum: properties.amount, of: {purchase: 1, refund: -1}, within: 1y, gte: 100}"
    spent = [did("purchase", 0, amount=90), did("refund", 1, amount=30), did("purchase", 2, amount=39), did("purchase", 3, amount=1)]
    assert observed(condition, *spent) == [(3, 100)]


def test_a_star_among_weights_is_every_type_that_is_not_named() -> None:
    assert observed("{count: {'*': 0.5, visit: 2}, gte: 3}", did("visit", 0), did("ad", 1), did("letter", 2)) == [(2, 3)]


def test_weights_work_together_with_elements_with_text_and_in_calendars() -> None:
    condition = "{sum: 'properties.lines[].price', of: {order: 1, return: -1}, as: number, calendar: this year, gte: 10}"
    assert observed(condition, did("order", 0, lines=LINES), did("return", 1, lines=[{"price": "9"}])) == [(0, 19.5)]
    assert observed(condition, did("return", 0, lines=[{"price": "9"}]), did("order", 1, lines=LINES)) == [(1, 10.5)]


def test_they_are_told_in_words() -> None:
    when = (
        journey_or_raise(HEAD + "{sum: 'properties.lines[].price', of: {order: 1, return: -1}, within: 1y, gte: 10}\n", "j.yaml")
        .rules[0]
        .when
    )
    assert describe(when) == "sum(properties.lines[].price of order 1 | return -1, 1y) >= 10"
    when = journey_or_raise(HEAD + "{count: {order: 1, cancel: -0.5}, lt: 0}\n", "j.yaml").rules[0].when
    assert describe(when) == "count(cancel -0.5 | order 1) < 0"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{count: {order: 0}, gte: 1}", "a weight must be finite and not 0"),
        ("{count: {order: .inf}, gte: 1}", "a weight must be finite and not 0"),
        ("{count: {order: one}, gte: 1}", "expected a number"),
        ("{count: {}, gte: 1}", "expected touchpoint types and their weights"),
        ("{avg: properties.a, of: {order: 1}, gte: 1}", "expected"),
        ("{distinct: properties.a, of: {order: 1}, gte: 1}", "expected"),
    ],
)
def test_what_is_wrong_with_weights_is_told(condition: str, message: str) -> None:
    assert any(message in each for each in errors(condition)), errors(condition)


def test_what_is_remembered_of_weights_is_stored() -> None:
    program = program_of("- {id: rule, from: new, to: hot, when: {count: {order: 1, cancel: -1}, within: 30d, gte: 2}}")
    customer, _ = play(program, did("order", 0))
    assert decode_state(encode_state(customer), "c-1").remembered() == customer.remembered()
