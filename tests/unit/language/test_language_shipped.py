"""The shipped journeys are sound, and keep the promises written beside their rules."""

from pathlib import Path

import pytest

from etapa.journey.engine.classify import run_until, touch
from etapa.journey.engine.program import compile_journey
from etapa.journey.engine.touchpoint import StageChange, Touchpoint
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import ExpectedChange, Journey, Scenario

FILES = sorted((Path(__file__).parents[3] / "service" / "etapa" / "journeys").glob("*.yaml"))
JOURNEYS = [journey_or_raise(file.read_text("utf-8"), file.name) for file in FILES]
SCENARIOS = [pytest.param(journey, scenario, id=f"{journey.id}: {scenario.name}") for journey in JOURNEYS for scenario in journey.tests]
START = 1_700_000_000_000_000

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
every_journey = pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.id)


def changes(journey: Journey, scenario: Scenario) -> list[StageChange]:
    program = compile_journey(journey)
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
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        found += touched.changes
    if customer is not None and scenario.until is not None:
        found += run_until(program, customer, START + scenario.until)
    return found


@every_file
def test_nothing_is_to_be_said_about_them(file: Path) -> None:
    assert [str(finding) for finding in load_journey(file.read_text("utf-8"), file.name).findings] == []


@every_file
def test_each_bears_the_name_of_its_file(file: Path) -> None:
    assert journey_or_raise(file.read_text("utf-8"), file.name).id == file.stem


@every_journey
def test_every_stage_has_a_phase_and_a_label_in_english_and_spanish(journey: Journey) -> None:
    assert [stage.id for stage in journey.stages if stage.phase is None or set(stage.label) != {"en", "es"}] == []


@pytest.mark.parametrize(("journey", "scenario"), SCENARIOS)
def test_each_of_their_tests_holds(journey: Journey, scenario: Scenario) -> None:
    assert [ExpectedChange(change.at - START, change.to) for change in changes(journey, scenario)] == list(scenario.expect)


@every_journey
def test_their_tests_fire_every_rule(journey: Journey) -> None:
    fired = {change.rule for scenario in journey.tests for change in changes(journey, scenario)}
    assert [rule.id for rule in journey.rules if rule.id not in fired] == []


@every_journey
def test_their_tests_enter_every_stage(journey: Journey) -> None:
    entered = {change.to for scenario in journey.tests for change in changes(journey, scenario)}
    assert [stage.id for stage in journey.stages if stage.id not in entered] == []
