"""`as`: how it is written, where it is allowed, and what is said where it is not."""

import pytest

from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import Comparison, Test

HEAD = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\n"


def file_with(condition: str) -> str:
    return f"{HEAD}rules:\n  - id: r\n    to: t\n    when: {condition}\n"


def errors(text: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.message}" for each in load_journey(text, "j.yaml").findings if each.severity == "error"]


def test_a_value_is_compared_with_operands_of_what_it_is_read_as() -> None:
    when = (
        journey_or_raise(file_with('{trait: ends, as: date, gte: "2026-01-01", lt: "2027-01-01T00:00:00-04:00"}'), "j.yaml").rules[0].when
    )
    tests = (Test("gte", "2026-01-01"), Test("lt", "2027-01-01T00:00:00-04:00"))
    assert when == Trait("ends", Comparison(tests, "date"))


def test_what_comes_of_a_sum_or_of_different_values_is_a_number_whatever_they_are_read_as() -> None:
    for kind in ("sum", "avg", "distinct"):
        when = journey_or_raise(file_with(f"{{{kind}: properties.a, of: x, as: number, gte: 3}}"), "j.yaml").rules[0].when
        assert isinstance(when, Aggregate)
        assert (when.conversion, when.comparison) == ("number", Comparison((Test("gte", 3),)))


def test_the_latest_and_the_first_value_and_the_extremes_compare_as_what_they_are_read_as() -> None:
    for kind in ("last", "min", "max", "first"):
        when = journey_or_raise(file_with(f'{{{kind}: properties.a, of: x, as: date, eq: "2026-01-31"}}'), "j.yaml").rules[0].when
        assert isinstance(when, Aggregate | First)
        assert when.comparison == Comparison((Test("eq", "2026-01-31"),), "date")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("{trait: days, as: number, eq: 30}", "trait(days) as number = 30"),
        (
            "{sum: properties.amount, of: purchase, within: 1y, as: number, gte: 100}",
            "sum(properties.amount as number of purchase, 1y) >= 100",
        ),
        ('{min: properties.due, of: bill, as: date, lt: "2026-01-31"}', 'min(properties.due as date of bill) < "2026-01-31"'),
        ("{first: properties.a, of: x, as: boolean, eq: true}", "first(properties.a as boolean of x) = true"),
        ("{distinct: properties.a, of: x, as: number, gte: 2}", "distinct(properties.a as number of x) >= 2"),
        (
            "{event: purchase, where: {properties.amount: {as: number, gt: 20, lt: 30}}}",
            "event(purchase where properties.amount as number > 20 and < 30)",
        ),
    ],
)
def test_it_is_told_in_words(condition: str, text: str) -> None:
    assert describe(journey_or_raise(file_with(condition), "j.yaml").rules[0].when) == text


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{trait: a, as: nmber, eq: 1}", '7:26 expected `number` or `boolean` or `date`, found text "nmber"; did you mean `number`?'),
        ("{trait: a, as: number}", "7:11 `trait` with `as: number` needs a comparison, too: at least one of `eq`"),
        ('{trait: a, as: number, eq: "30"}', '7:38 expected a number, found text "30"'),
        ("{trait: a, as: boolean, eq: yes}", '7:39 expected true or false, found text "yes"'),
        ("{trait: a, as: boolean, gt: true}", "7:35 `trait` with `as: boolean` does not take `gt`"),
        ("{trait: a, as: number, contains: x}", "7:34 `trait` with `as: number` does not take `contains`"),
        (
            "{trait: a, as: date, gte: 2026}",
            "7:37 expected a date in quotes, such as 2026-01-31 (its local midnight) or 2026-01-31T10:00:00Z, found number 2026",
        ),
        ('{trait: a, as: date, gte: "2026-02-30"}', "7:37 expected a date in quotes"),
        ('{trait: a, as: date, gte: "2026-01-01T10:00:00"}', "7:37 expected a date in quotes"),
        ('{trait: a, as: date, gte: "2026-02-01", lt: "2026-01-01"}', '`as date >= "2026-02-01" and < "2026-01-01"` can never be true'),
        (
            "{trait: a, as: number, gte: 3, lt: 2}",
            "`as number >= 3 and < 2` can never be true of a value that is read as a number, or missing",
        ),
        ("{count: x, as: number, gte: 3}", "7:22 `count` does not take `as`"),
        ("{sum: properties.a, of: x, as: date, gte: 3}", 'expected `number`, found text "date"'),
        ('{avg: properties.a, of: x, as: date, gte: "2026-01-01"}', 'expected `number`, found text "date"'),
        ("{max: properties.a, of: x, as: boolean, eq: true}", 'expected `number` or `date`, found text "boolean"'),
        ("{all: [{trait: a, as: number, gte: 3}, {trait: a, as: number, lt: 2}]}", "can never be true together"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(condition: str, message: str) -> None:
    found = errors(file_with(condition))
    assert any(message in each for each in found), found


def test_dates_whose_order_hangs_on_the_zone_are_not_said_to_exclude_each_other() -> None:
    """A date without a time begins at a different instant in each zone."""
    assert errors(file_with('{trait: a, as: date, gte: "2026-01-01", lt: "2026-01-01T05:00:00Z"}')) == []
    assert errors(file_with('{all: [{trait: a, as: number, gte: 30}, {trait: a, starts_with: "4"}]}')) == []


def test_consent_takes_it() -> None:
    consent = "rules: []\nconsent: {trait: newsletter, as: boolean, eq: true}\n"
    journey = journey_or_raise(HEAD + consent, "j.yaml")
    assert journey.consent == Trait("newsletter", Comparison((Test("eq", True),), "boolean"))
    assert errors(HEAD + "rules: []\nconsent: {trait: newsletter, as: boolean, exists: true}\n")
