"""Checking a journey against the sources that its touchpoints come from."""

from pathlib import Path

import pytest

from etapa.journey.language.load import load_journey
from etapa.sources import presets
from etapa.sources.journey_fit import JourneyFit
from etapa.sources.language.loading import load_source
from etapa.sources.language.model import Source
from tests.unit.cli.process import etapa

JOURNEY = """\
journey: shop
version: 1
stages: [{{id: visitor}}, {{id: buyer}}]
types: {{purchase: {{}}, visit: {{}}, complaint: {{}}}}
rules:
  - {{id: buys, from: visitor, to: buyer, when: {when}}}
"""
SHOP = """
source: shop
touchpoint:
  {id: id, customer_id: who, type: TYPE, occurred_at: at, properties: PROPERTIES, traits: {plan: plan, country: country}}
"""


def source_of(type_: str = "type", properties: str = "{amount: total, items: items}") -> Source:
    loaded = load_source(SHOP.replace("TYPE", type_).replace("PROPERTIES", properties), "shop.yaml")
    assert loaded.source is not None, loaded.findings
    return loaded.source


def preset(name: str) -> Source:
    source = load_source(presets.text_of(name), name).source
    assert source is not None
    return source


def warnings(when: str, *sources: Source) -> list[str]:
    """What the sources cannot give, with the column, of a journey with this condition in line 6."""
    loaded = load_journey(JOURNEY.format(when=when), "j.yaml", [JourneyFit(sources)])
    assert loaded.journey is not None, loaded.findings
    return [f"{each.line}:{each.column}: {each.message}" for each in loaded.findings if each.severity == "warning"]


@pytest.mark.parametrize(
    ("type_", "made"),
    [
        ("{const: purchase}", "; there is `purchase`"),
        ("{first: [{of: {const: refund}, when: {back: true}}, {const: purchase}]}", "; there are `purchase` and `refund`"),
        ("{of: kind, map: {Order: purchase, Back: refund}, else: skip}", "; there are `purchase` and `refund`"),
        ("{of: kind, map: {Order: purchase}, else: dead}", "; there is `purchase`"),
    ],
)
def test_a_type_that_a_source_never_makes_is_told_with_those_that_it_makes(type_: str, made: str) -> None:
    assert warnings("{absent: complaint, for: 30d}", source_of(type_)) == [
        f"6:57: the source `shop` makes no touchpoint of the type `complaint`{made}"
    ]
    assert warnings('{all: [{event: purchase}, {count: "*", gte: 2}]}', source_of(type_)) == []


@pytest.mark.parametrize(
    "type_", ["type", "{hash: [type]}", "{of: kind, map: {Order: purchase}, else: keep}", "{first: [type, {const: visit}]}"]
)
def test_types_that_come_from_the_records_may_be_any(type_: str) -> None:
    assert warnings("{absent: complaint, for: 30d}", source_of(type_)) == []


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{event: visit, where: {properties.amuont: {gte: 3}}}", ["6:71: touchpoints of the source `shop` have no property `amuont`; did you mean `amount`?"]),
        ("{sum: properties.price, of: visit, gte: 3}", ["6:54: touchpoints of the source `shop` have no property `price`; there are `amount` and `items`"]),
        ("{trait: plans, eq: gold}", ["6:56: touchpoints of the source `shop` have no trait `plans`; did you mean `plan`?"]),
        ("{event: visit, where: {traits.xyz: 1}}", ["6:71: touchpoints of the source `shop` have no trait `xyz`; there are `country` and `plan`"]),
        ("{all: [{event: visit, where: {properties.amount: 3}}, {sum: 'properties.items[].price', of: visit, gte: 3}]}", []),
        ("{all: [{trait: plan, eq: properties.no}, {event: visit, where: {channel: traits.no}}]}", []),
    ],
)  # fmt: skip
def test_a_field_that_a_source_never_makes_is_told(when: str, expected: list[str]) -> None:
    assert warnings(when, source_of()) == expected


def test_fields_that_are_spread_from_the_records_may_be_any() -> None:
    spread = source_of(properties='{amount: total, "*": all}')
    assert warnings("{all: [{event: visit, where: {properties.any: 1}}, {trait: no, eq: 1}]}", spread) == [
        "6:107: touchpoints of the source `shop` have no trait `no`; there are `country` and `plan`"
    ]


def test_of_several_sources_it_is_enough_that_one_makes_it() -> None:
    when = "{all: [{absent: complaint, for: 1d}, {event: visit, where: {properties.refunded: 1, properties.nothing: 2}}]}"
    assert [each.split(": ", 1)[1].split(";")[0] for each in warnings(when, preset("shopify"), preset("ga4"))] == [
        "touchpoints of the sources `shopify` and `ga4` have no property `nothing`"
    ]
    assert warnings(when, preset("shopify"), preset("segment")) == []


def test_validate_checks_a_journey_against_sources(tmp_path: Path) -> None:
    path = tmp_path / "j.yaml"
    path.write_text(JOURNEY.format(when="{event: complaint}"))
    done = etapa("validate", str(path), "--source", "shopify")
    assert done.returncode == 0
    assert (
        b"6:56: warning: the source `shopify` makes no touchpoint of the type `complaint`; there are `cancel`, `purchase` and"
        in done.stdout
    )
    assert etapa("validate", str(path), "--source", "shopify", "--strict").returncode == 1
    assert etapa("validate", str(path), "--source", "shopify", "--source", "ga4", "--strict").returncode == 0
    unknown = etapa("validate", str(path), "--source", "shopfy")
    assert (unknown.returncode, b"did you mean 'shopify'?" in unknown.stderr) == (2, True)
