"""Conditions in words."""

import json

import pytest

from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import journey_or_raise

TEXTS = [
    ("{event: purchase}", "event(purchase)"),
    ('{event: "*"}', "event(*)"),
    (
        "{event: [product_view, add_to_cart], where: {channel: {in: [web, app]}}}",
        'event(add_to_cart | product_view where channel in ["web", "app"])',
    ),
    ("{event: a, where: {channel: web, properties.amount: {gt: 3}}}", 'event(a where channel = "web" and properties.amount > 3)'),
    ("{count: purchase, within: 90d, gte: 3}", "count(purchase, 90d) >= 3"),
    ("{count: purchase, gte: 3, lt: 10}", "count(purchase) >= 3 and < 10"),
    ("{sum: properties.amount, of: purchase, within: 1y, gt: 500}", "sum(properties.amount of purchase, 1y) > 500"),
    ("{avg: properties.rating, of: review, exists: false}", "avg(properties.rating of review) is missing"),
    ("{min: properties.rating, of: review, lte: 2}", "min(properties.rating of review) <= 2"),
    ("{max: properties.amount, of: [a, b], where: {channel: x}, gt: 1.5}", 'max(properties.amount of a | b where channel = "x") > 1.5'),
    ("{distinct: channel, of: purchase, ne: 1}", "distinct(channel of purchase) != 1"),
    ("{last: channel, of: purchase, starts_with: a, ends_with: b}", 'last(channel of purchase) starts with "a" and ends with "b"'),
    ("{absent: complaint, for: 30d}", "absent(complaint, 30d)"),
    ("{idle: 60d}", "idle(60d)"),
    ('{absent: "*", for: 60d}', "idle(60d)"),
    ('{absent: "*", where: {channel: web}, for: 60d}', 'absent(* where channel = "web", 60d)'),
    ("{in_stage: 30d}", "in_stage(30d)"),
    (
        "{sequence: [{event: add_to_cart}, {event: purchase, where: {channel: web}}], within: 3h}",
        'sequence(add_to_cart then purchase where channel = "web", 3h)',
    ),
    ("{score: {view: 1, cart: 2.5}, half_life: 7d, gte: 10}", "score(cart 2.5, view 1, half-life 7d) >= 10"),
    ("{first: properties.source, of: visit, eq: ad}", 'first(properties.source of visit) = "ad"'),
    ("{event: purchase, within: 2d}", "event(purchase, 2d)"),
    ("{absent: purchase, for: {gaps: 2.5, at_least: 7d, at_most: 90d}}", "absent(purchase, 2.5 gaps, at least 7d, at most 90d)"),
    ("{date: birthday, every: year, from: -7d, to: 1d}", "date(birthday, every year, from -7d, to 1d)"),
    ("{date: contract_ends, to: -1d12h}", "date(contract_ends, to -1d12h)"),
    ('{clock: {days: [sun, mon], hours: "09:00-18:00"}}', "clock(mon | sun, 09:00-18:00)"),
    ('{clock: {hours: "21:00-08:00"}}', "clock(21:00-08:00)"),
    ("{trait: persona, eq: student}", 'trait(persona) = "student"'),
    ("{trait: vip, eq: true}", "trait(vip) = true"),
    ("{trait: persona, exists: true, not_in: [a, 1]}", 'trait(persona) not in ["a", 1] and exists'),
    ('{trait: city, matches: "^La", contains: ñ}', 'trait(city) contains "ñ" and matches "^La"'),
    ("{not: {event: x}}", "not event(x)"),
    ("{all: [{event: x}, {any: [{idle: 3d}, {in_stage: 1d}]}]}", "event(x) and (idle(3d) or in_stage(1d))"),
    ("{not: {all: [{event: x}, {in_stage: 1d}]}}", "not (event(x) and in_stage(1d))"),
]


@pytest.mark.parametrize(("written", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_a_condition_is_told_on_one_line(written: str, text: str) -> None:
    journey = journey_or_raise(
        f"{{journey: a, version: 1, stages: [{{id: s}}, {{id: t}}], rules: [{{id: r, to: t, when: {written}}}]}}", "journey.yaml"
    )
    assert describe(journey.rules[0].when) == text


def test_every_kind_of_condition_is_among_them() -> None:
    written = json.dumps([text for text, _ in TEXTS])
    assert [name for name in CONDITIONS if f"{name}:" not in written] == []
