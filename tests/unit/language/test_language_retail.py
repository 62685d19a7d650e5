"""The shipped journey keeps the promises written beside its rules."""

from pathlib import Path

import pytest

from etapa.journey.engine.classify import run_until, touch
from etapa.journey.engine.program import compile_journey
from etapa.journey.engine.touchpoint import StageChange, Touchpoint
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import ExpectedChange, Scenario

FILE = Path(__file__).parents[3] / "service" / "etapa" / "journeys" / "retail.yaml"
JOURNEY = journey_or_raise(FILE.read_text("utf-8"), FILE.name)
PROGRAM = compile_journey(JOURNEY)
START = 1_700_000_000_000_000


def changes(scenario: Scenario) -> list[StageChange]:
    customer = None
    found: list[StageChange] = []
    for number, given in enumerate(scenario.given):
        touchpoint = Touchpoint(
            given.id or f"made-up-{number}",
            "c-1",
            given.type,
            START + given.at,
            given.channel,
            given.properties or {},
            given.traits or {},
        )
        touched = touch(PROGRAM, customer, touchpoint)
        customer = touched.customer
        found += touched.changes
    if customer is not None and scenario.until is not None:
        found += run_until(PROGRAM, customer, START + scenario.until)
    return found


@pytest.mark.parametrize("scenario", JOURNEY.tests, ids=[scenario.name for scenario in JOURNEY.tests])
def test_each_of_its_tests_holds(scenario: Scenario) -> None:
    assert [ExpectedChange(change.at - START, change.to) for change in changes(scenario)] == list(scenario.expect)


def test_its_tests_fire_every_rule() -> None:
    fired = {change.rule for scenario in JOURNEY.tests for change in changes(scenario)}
    assert {rule.id for rule in JOURNEY.rules} - fired == set()


def test_its_tests_visit_every_stage() -> None:
    assert {change.to for scenario in JOURNEY.tests for change in changes(scenario)} == {stage.id for stage in JOURNEY.stages}
