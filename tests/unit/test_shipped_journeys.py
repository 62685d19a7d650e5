"""The shipped journeys are valid, and keep the promises written next to their rules."""

from pathlib import Path

import pytest

from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import Journey, Scenario
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.scenarios import rehearse

FILES = sorted((Path(__file__).parents[2] / "service" / "etapa" / "journeys").glob("*.yaml"))
JOURNEYS = [journey_or_raise(file.read_text("utf-8"), file.name) for file in FILES]
SCENARIOS = [pytest.param(journey, scenario, id=f"{journey.id}: {scenario.name}") for journey in JOURNEYS for scenario in journey.tests]

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
every_journey = pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.id)


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
    outcome = rehearse(compile_journey(journey), scenario)
    assert [row for row in outcome.rows if row.differs] == []
    assert outcome.passed


@every_journey
def test_their_tests_fire_every_rule_enter_every_stage_and_trigger_every_campaign(journey: Journey) -> None:
    program = compile_journey(journey)
    coverage = Coverage(journey)
    for scenario in journey.tests:
        coverage.add(rehearse(program, scenario).run)
    assert (coverage.rules_not_fired, coverage.stages_not_entered, coverage.campaigns_not_triggered) == ([], [], [])
