"""Something hardly meant as written gives a warning with its place, what it means as written, and what was probably meant."""

import pytest

from etapa.journey.language.load import load_journey
from tests.unit.language.test_language_warnings import remarks


def doubts(when: str, *, rest: str = "") -> list[str]:
    """The warnings about a rule's condition, with their columns within it."""
    found = remarks("s t", f"{{id: a, to: t, when: {when}}}", rest=rest)
    start = len("  - {id: a, to: t, when: ")
    places = [each.split(": ", 2) for each in found]
    return [f"{int(place.split(':')[1]) - start}: {severity}: {message}" for place, severity, message in places]


@pytest.mark.parametrize(
    ("when", "place", "words"),
    [
        ("{trait: a, eq: '100'}", 16, '`eq` compares with the text "100", and no number equals a text: write 100 without quotes'),
        ("{trait: a, in: [x, '-1.5']}", 20, '`in` compares with the text "-1.5"'),
        ("{event: x, where: {properties.a: '1e3'}}", 34, 'the text "1e3"'),
        ("{trait: a, eq: yes}", 16, '`eq` compares with the text "yes", and no boolean equals a text: write true if the data has booleans'),
        ("{trait: a, ne: 'false'}", 16, "write false if the data has booleans"),
        ("{trait: a, eq: today}", 16, '`eq` compares with the text "today", which is not a day'),
        ("{trait: a, gte: '2026-01-01'}", 17, '`gte` compares with the text "2026-01-01", letter by letter and not as a date'),
        ("{last: properties.a, of: x, ne: 2026-01-01T10:00:00Z}", 33, "not as a date"),
        ("{trait: a, eq: 007}", 16, "`007` is the number 7 here: write it without leading zeros, or in quotes if text is meant"),
        ("{count: x, gte: 010}", 17, "`010` is the number 10 here"),
        ("{trait: a, eq: 1_000}", 16, '`1_000` is the text "1_000" here: write it without _'),
        ("{event: 'purch*'}", 9, '`purch*` is a type with a `*` in its name, not a pattern: list the types, or write "*" alone for any'),
        ("{event: [x, 'y ']}", 13, "the type `y ` begins or ends with a blank"),
        ("{score: {'a*': 2}, half_life: 1d, gte: 3}", 10, "is a type with a `*`"),
        ('{count: "a\\tb", gte: 3}', 9, "the type contains a tab (U+0009)"),
        ("{trait: ' a', eq: x}", 9, "the trait ` a` begins or ends with a blank"),
        (
            "{event: x, where: {'properties.items[0].sku': X}}",
            20,
            "a path cannot lead to one element of a list, so `[0]` is taken as the name of a key",
        ),
        ("{sum: properties.items.0.price, of: x, gte: 1}", 7, "so `.0` is taken as the name of a key"),
        ("{distinct: properties.items.*.sku, of: x, gte: 2}", 12, "so `.*` is taken as the name of a key"),
        ("{trait: address.city, eq: Lima}", 9, "`address.city` is the name of one trait, not a path into `address`"),
        ('{event: x, where: {properties.path: {matches: "\\bcart\\b"}}}', 47, "the pattern contains a backspace (U+0008)"),
        ("{count: x, within: 7d, gte: 420}", 29, "so `gte: 420` may hold somewhat early or late"),
        ("{count: x, within: 7d, gt: 256.5}", 28, "so `gt: 256.5` may hold somewhat early or late"),
        ("{count: {x: 1, y: -1}, calendar: last month, gte: 420}", 51, "so `gte: 420` may hold somewhat early or late"),
        ("{distinct: properties.page, of: x, gte: 300}", 41, "past that the number is an estimate, so `gte: 300` may hold"),
        ("{days: x, within: 9y, gte: 1500}", 28, "up to 1,024; past that the number is an estimate, so `gte: 1500` may hold"),
    ],
)
def test_what_was_probably_meant_otherwise_is_told_at_its_place(when: str, place: int, words: str) -> None:
    found = doubts(when)
    assert len(found) == 1
    assert found[0].startswith(f"{place}: warning: ")
    assert words in found[0]


@pytest.mark.parametrize(
    "when",
    [
        "{trait: a, eq: 100}",
        "{trait: a, in: [true, x, 0, 0.5]}",
        "{event: '*'}",
        "{event: x, where: {properties.items: {contains: a}, properties.v2: 3, properties.a0.b1: 0}}",
        "{count: x, gte: 1000}",
        "{count: x, within: 7d, gte: 256}",
        "{event: x, where: {properties.path: {matches: '\\bcart\\b'}}}",
        "{trait: a, starts_with: '0'}",
    ],
)
def test_what_is_well_said_is_not_doubted(when: str) -> None:
    assert doubts(when) == []


@pytest.mark.parametrize(
    ("when", "months"),
    [
        ("{count: x, within: 6m, gte: 2}", "180d"),
        ("{absent: x, for: 3m}", "90d"),
        ("{all: [{absent: x, for: 5m}, {count: y, within: 90d, gte: 2}]}", "150d"),
    ],
)
def test_minutes_among_days_are_asked_whether_months_are_meant(when: str, months: str) -> None:
    found = doubts(when)
    assert len(found) == 1
    assert f"if months are meant, write `{months}`" in found[0]


@pytest.mark.parametrize(
    "when",
    ["{count: x, within: 5m, gte: 2}", "{count: x, within: 30m, gte: 2}", "{all: [{absent: x, for: 6m}, {count: y, within: 2h, gte: 2}]}"],
)
def test_minutes_that_may_well_be_meant_are_not_doubted(when: str) -> None:
    assert doubts(when) == []


def test_campaigns_and_consent_are_looked_at_too() -> None:
    rest = "consent: {trait: ok, eq: 'true'}\ncampaigns:\n  - {id: c, on: {enter: t}, cooldown: 6m, when: {trait: z, eq: '7'}}\n"
    found = remarks("s t", "{id: a, to: t, when: {event: x}}", rest=rest)
    assert [each.split(": ")[0] for each in found] == ["6:26", "8:39", "8:64"]


TIERS = "bronze silver gold"


def test_tiers_that_can_only_rise_are_told() -> None:
    found = remarks(
        TIERS,
        "{id: g, to: gold, when: {sum: properties.a, of: x, gte: 500}}",
        "{id: s, to: silver, when: {sum: properties.a, of: x, gte: 100, lt: 500}}",
    )
    assert len(found) == 1
    assert (
        "rule `s` has no `from`, so it leaves only stages listed before `silver`: customers whom `g` moved to `gold` stay there" in found[0]
    )
    assert found[0].endswith('write `from: "*"`, every other stage')


def test_every_other_stage_is_written_as_a_star() -> None:
    text = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}, {id: u}]\nrules: [{id: a, from: '*', to: t, when: {event: x}}]\n"
    journey = load_journey(text, "j.yaml").journey
    assert journey is not None
    assert journey.rules[0].sources == ("s", "u")
    with_more = load_journey(text.replace("'*'", "['*', s]"), "j.yaml")
    assert "write it alone" in with_more.findings[0].message


def test_one_label_may_serve_every_language() -> None:
    text = (
        "journey: a\nversion: 1\nstages: [{id: s, label: Inicio}, {id: t, label: {en: End}}]\nrules: [{id: a, to: t, when: {event: x}}]\n"
    )
    journey = load_journey(text, "j.yaml").journey
    assert journey is not None
    assert [stage.label for stage in journey.stages] == [{"mul": "Inicio"}, {"en": "End"}]
