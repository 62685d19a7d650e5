"""Values of a type that a condition cannot use: which are reported, and which are not."""

from typing import Any

import pytest

from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY
from etapa.rehearsal.type_look import TypeLook
from tests.unit.cli.process import etapa
from tests.unit.engine.shops import did

HEAD = "journey: shop\nversion: 1\nstages: [{id: a}, {id: b}]\nrules:\n  - {id: r, from: a, to: b, when: %s}\n"


def told(condition: str, value: Any, **traits: Any) -> list[str]:
    """What is said about a condition that met a property or traits. The worker counts the same."""
    journey = journey_or_raise(HEAD % condition, "shop.yaml")
    look = TypeLook([journey])
    touchpoint = did("x", 0, value=value, traits=traits)
    look.see(touchpoint)
    program = compile_journey(journey)
    touch(program, None, touchpoint)
    found = [text for mismatch in look.mismatches() for _, text in mismatch.texts()]
    assert sum(number for _, _, number in program.type_mismatches()) == len(found)
    return found


@pytest.mark.parametrize(
    ("condition", "value", "words"),
    [
        ("{avg: properties.value, of: x, gte: 1}", "12", "had text at properties.value"),
        ("{max: properties.value, of: x, within: 1y, gte: 1}", "12", "had text"),
        ("{min: properties.value, of: x, gte: 1}", True, "had a boolean"),
        ("{sum: properties.value, of: x, gte: 1}", [1, 2], "had a list at properties.value (such as [1, 2])"),
        ("{sum: properties.value, of: x, as: number, gte: 1}", "12 EUR", 'such as "12 EUR"), which is nothing that reads as a number'),
        ("{last: properties.value, of: x, eq: true}", 1, "had a number at properties.value (such as 1), and it looks for a boolean"),
        ("{first: properties.value, of: x, eq: true}", "yes", "it looks for a boolean"),
        ("{last: properties.value, of: x, as: boolean, eq: true}", "yes", "nothing that reads as a boolean"),
        ('{last: properties.value, of: x, as: date, gte: "2026-01-01"}', 1767604800, "nothing that reads as a date"),
        ("{distinct: properties.value, of: x, as: number, gte: 2}", "many", "nothing that reads as a number"),
        ("{event: x, where: {properties.value: {gte: 20}}}", "25", "had text"),
        ("{count: x, where: {properties.value: {ne: 20}}, gte: 1}", "20", "had text"),
        ("{count: x, where: {properties.value: {not_in: [1, 2]}}, gte: 5}", "1", "had text"),
        ("{event: x, where: {properties.value: {contains: gift}}}", 5, "it looks for a list or text"),
        ("{event: x, where: {properties.value: {matches: a}}}", 5, "it looks for text"),
        ("{absent: x, where: {properties.value: {eq: 5}}, for: 3d}", "5", "had text"),
        ("{sequence: [{event: x, where: {properties.value: 5}}, {event: y}], within: 3d}", "5", "had text"),
        (
            "{event: x, where: {properties.value: {any: {price: {gte: 20}}}}}",
            [{"price": 25}, {"price": "25"}],
            'value[].price (such as "25")',
        ),
        ("{event: x, where: {properties.value: {all: {price: {ne: 20}}}}}", [{"price": "20"}], "had text at properties.value[].price"),
        ("{event: x, where: {properties.value: {none: {eq: 20}}}}", [1, "20"], 'had text at properties.value[] (such as "20")'),
        ("{event: x, where: {properties.value: {any: {sku: a}}}}", "a", "had text at properties.value (such as"),
        ("{event: x, where: {properties.value: {any: {as: number, gte: 2}}}}", ["2", "two"], "nothing that reads as a number"),
        ("{last: properties.value, of: x, any: {lt: 20}}", ["20"], "had text at properties.value[]"),
        ("{event: x, where: {properties.value.price: {gte: 20}}}", [{"price": 25}], "properties.value.price met a list in 1 of 1"),
        ("{sum: properties.value.price, of: x, gte: 1}", [{"price": 25}], "properties.value.price met a list in 1 of 1"),
    ],
)
def test_it_is_told(condition: str, value: Any, words: str) -> None:
    (text,) = told(condition, value)
    assert words in text


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("{sum: properties.value, of: x, gte: 1}", None),
        ("{sum: properties.value, of: x, gte: 1}", 5),
        ("{sum: properties.value, of: y, gte: 1}", "5"),
        ("{sum: properties.value, of: x, where: {channel: web}, gte: 1}", "5"),
        ("{distinct: properties.value, of: x, gte: 2}", "5"),
        ("{event: x, where: {properties.value: {exists: true}}}", "5"),
        ("{event: x, where: {properties.value: {eq: null}}}", "5"),
        ("{event: x, where: {properties.value: {in: [1, a]}}}", "5"),
        ("{event: x, where: {properties.value: {contains: a}}}", ["b"]),
        ("{event: x, where: {properties.value: {as: number, gte: 20}}}", "5"),
    ],
)
def test_what_can_be_used_and_what_is_missing_is_not_told(condition: str, value: Any) -> None:
    assert told(condition, value) == []


@pytest.mark.parametrize(
    ("condition", "traits", "words"),
    [
        ("{trait: days, eq: 30}", {"days": "30"}, 'at trait days (such as "30"), and it looks for a number; `as: number` would read it'),
        ("{trait: days, eq: 30}", {"days": {"trial": 30}}, "had an object"),
        (
            "{date: birthday, every: year, from: -7d, to: 1d}",
            {"birthday": 632_000_000},
            "at trait birthday (such as 632000000), which is nothing that reads as a date",
        ),
        ("{date: birthday, every: year, from: -7d, to: 1d}", {"birthday": "1 May 1990"}, "nothing that reads as a date"),
    ],
)
def test_traits_are_told(condition: str, traits: dict[str, Any], words: str) -> None:
    (text,) = told(condition, None, **traits)
    assert words in text


ELSEWHERE = """journey: shop
version: 1
zone: {trait: timezone, else: America/La_Paz}
stages: [{id: a}, {id: b}]
rules: [{id: r, from: a, to: b, when: {all: [{event: go}, {clock: {hours: "09:00-18:00"}}]}}]
personas: [{id: student, label: Student, is: {trait: age, lt: 30}}]
map: {feeling: {of: x, value: properties.value, scale: [1, 5]}}
campaigns:
  - {id: hello, on: {enter: a}, goal: {all: [{count: x, where: {properties.value: {gte: 2}}, gte: 1}], within: 3d, value: {sum: properties.value, of: x}}}
"""


def test_values_for_goals_personas_zones_and_feelings_are_told_too() -> None:
    journey = journey_or_raise(ELSEWHERE, "shop.yaml")
    look = TypeLook([journey])
    program = compile_journey(journey)
    customer = None
    for number in range(2):
        touchpoint = did("x", number * DAY, value="4", traits={"timezone": "GMT-4", "age": "20"})
        look.see(touchpoint)
        customer = touch(program, customer, touchpoint).customer
    had, read = "2 of 2 matching touchpoints had text at", "and it looks for a number; `as: number` would read it"
    assert [text for mismatch in look.mismatches() for _, text in mismatch.texts()] == [
        f'goal of hello: count(x where properties.value >= 2) >= 1: {had} properties.value (such as "4"), {read}',
        f'goal of hello: sum(properties.value of x): {had} properties.value (such as "4"), {read}',
        f'persona student: trait(age) < 30: {had} trait age (such as "20"), {read}',
        f'zone: trait(timezone): {had} trait timezone (such as "GMT-4"), which is nothing that is the name of a time zone, so America/La_Paz is used',
        f'feeling: properties.value: {had} properties.value (such as "4"), and it looks for a number; send it as one',
    ]
    assert {(subject, number > 0) for subject, _, number in program.type_mismatches()} == {
        ("goal of hello", True),
        ("persona student", True),
        ("zone", True),
    }


@pytest.mark.parametrize(
    ("condition", "way"),
    [
        ("{sum: properties.items.price, of: x, gte: 1}", "`properties.items[].price` leads to its elements"),
        ("{max: properties.items.0.price, of: x, gte: 1}", "`properties.items[].price` leads to its elements"),
        ("{event: x, where: {properties.items.price: {gte: 1}}}", "`properties.items: {any: {price: …}}` asks about its elements"),
        ('{event: x, where: {"properties.items[0].sku": a}}', "`properties.items: {any: {sku: …}}` asks about its elements"),
        ('{event: x, where: {"properties.items[0]": a}}', "`properties.items: {any: {eq: …}}` asks about its elements"),
    ],
)
def test_a_path_that_met_a_list_is_shown_the_way_into_it(condition: str, way: str) -> None:
    look = TypeLook([journey_or_raise(HEAD % condition, "shop.yaml")])
    look.see(did("x", 0, items=[{"price": 5, "sku": "a"}]))
    ((_, text),) = [each for mismatch in look.mismatches() for each in mismatch.texts()]
    assert text.endswith(f"and a path cannot lead into a list; {way}")


def test_a_long_example_is_cut() -> None:
    (text,) = told("{sum: properties.value, of: x, gte: 1}", "x" * 10_000)
    assert len(text) < 300


def test_what_the_touchpoints_of_tests_bring_is_told_too() -> None:
    journey = HEAD % "{trait: days, eq: 30}" + (
        'tests:\n  - name: t\n    given: [{at: 0d, type: x, traits: {days: "30"}}]\n    expect: [{at: 0d, to: a}]\n'
    )
    done = etapa("test", "-", stdin=journey.encode())
    assert done.returncode == 0
    assert "rule r: trait(days) = 30: 1 of 1 matching touchpoints had text at trait days" in " ".join(done.stdout.decode().split())
