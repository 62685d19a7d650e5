"""Which persona a customer has, whether or not the value of its trait was met before."""

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise

JOURNEY = """
journey: shop
version: 1
stages: [{id: new}, {id: buyer}]
rules:
  - {id: buys, from: new, to: buyer, when: {event: purchase}}
"""


def shop(*personas: str) -> Program:
    lines = "\n".join(f"  - {line}" for line in personas)
    return compile_journey(journey_or_raise(f"{JOURNEY}personas:\n{lines}\n", "shop.yaml"))


def persona_of(program: Program, **traits: object) -> str | None:
    """That of a customer whose first touchpoint says so."""
    customer = touch(program, None, Touchpoint("1", "c-1", "visit", 0, traits=traits)).customer
    assert program.personas is not None
    return program.personas.of(customer)


def test_a_persona_found_for_a_value_holds_for_that_value_and_no_other() -> None:
    program = shop(
        "{id: student, is: {trait: kind, in: [student, pupil]}}",
        "{id: number, is: {trait: kind, eq: 5}}",
        "{id: known, is: {trait: kind, exists: true}}",
    )
    for _ in range(2):
        assert persona_of(program, kind="student") == "student"
        assert persona_of(program, kind="pupil") == "student"
        assert persona_of(program, kind="teacher") == "known"
        assert persona_of(program, kind=5) == "number"
        assert persona_of(program, kind="5") == "known"
        assert persona_of(program, kind=["student"]) == "known"
        assert persona_of(program, other="student") is None


def test_a_value_decides_nothing_alone_if_personas_look_at_several_traits() -> None:
    program = shop("{id: young, is: {all: [{trait: kind, eq: student}, {trait: city, eq: here}]}}")
    for _ in range(2):
        assert persona_of(program, kind="student", city="here") == "young"
        assert persona_of(program, kind="student", city="there") is None
        assert persona_of(program, kind="teacher", city="here") is None


def test_dates_are_those_of_the_customers_zone() -> None:
    program = compile_journey(
        journey_or_raise(
            f"{JOURNEY}zone: {{trait: zone}}\npersonas:\n  - {{id: early, is: {{trait: since, lt: 2026-05-02, as: date}}}}\n", "shop.yaml"
        )
    )
    instant = "2026-05-02T01:00:00Z"
    for _ in range(2):
        assert persona_of(program, since=instant, zone="America/La_Paz") == "early"
        assert persona_of(program, since=instant, zone="Europe/Madrid") is None


def test_values_beyond_those_that_are_kept_have_their_persona_too() -> None:
    program = shop("{id: last, is: {trait: kind, eq: k-1100}}")
    assert [number for number in range(1_200) if persona_of(program, kind=f"k-{number}") == "last"] == [1_100]
