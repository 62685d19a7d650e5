"""The tests of a journey file: what passes, what fails, and what is reported."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import ExpectedChange, GivenTouchpoint, Journey, Scenario
from etapa.journey.units import DAY, SECOND
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.missing_change import Absence, first_absence
from etapa.rehearsal.scenarios import START, ScenarioOutcome, rehearse, touchpoints_of
from tests.support.faulty import Faulty

JOURNEY = journey_or_raise(
    """
journey: shop
version: 1
stages: [{id: new}, {id: buyer}, {id: regular}, {id: asleep}]
rules:
  - {id: buys, from: [new, asleep], to: buyer, when: {event: purchase}}
  - {id: returns, from: buyer, to: regular, when: {all: [{count: purchase, within: 30d, gte: 3}, {absent: complaint, for: 10d}]}}
  - {id: falls-asleep, from: [buyer, regular], to: asleep, when: {absent: purchase, for: 60d}}
""",
    "shop.yaml",
)
PROGRAM = compile_journey(JOURNEY)

Expected = Sequence[tuple[float, str]]
BOUGHT: Expected = [(0, "new"), (0, "buyer")]


def scenario(given: Sequence[tuple[float, str]], expect: Expected, until: float | None = None, **more: Any) -> Scenario:
    """Times are in days."""
    return Scenario(
        "a test",
        tuple(GivenTouchpoint(round(day * DAY), kind) for day, kind in given),
        tuple(ExpectedChange(round(day * DAY), to) for day, to in expect),
        None if until is None else round(until * DAY),
        **more,
    )


def absence(outcome: ScenarioOutcome, journey: Journey = JOURNEY) -> Absence:
    found = first_absence(compile_journey(journey), outcome)
    assert found is not None
    return found


def rows(outcome: ScenarioOutcome) -> list[tuple[str | None, str | None]]:
    return [(row.expected.to if row.expected else None, row.actual.to if row.actual else None) for row in outcome.rows if row.differs]


def test_a_test_passes_when_the_whole_list_of_changes_is_as_expected() -> None:
    outcome = rehearse(PROGRAM, scenario([(0, "visit"), (1, "purchase")], [(0, "new"), (1, "buyer")]))
    assert outcome.passed
    assert [move.rule for move in outcome.run.moves] == [None, "buys"]


@pytest.mark.parametrize(
    "expect",
    [
        [(0, "new")],
        [(0, "buyer"), (0, "new")],
        [(0, "new"), (0, "buyer"), (0, "buyer")],
        [(0, "new"), (1, "buyer")],
        [(0, "buyer")],
    ],
)
def test_a_missing_a_surplus_a_misplaced_or_a_misdated_change_fails(expect: Expected) -> None:
    outcome = rehearse(PROGRAM, scenario([(0, "purchase")], expect))
    assert outcome.changes_differ
    assert not outcome.passed


def test_timers_run_up_to_and_including_until_and_none_after_the_last_touchpoint_without_it() -> None:
    asleep = [*BOUGHT, (60, "asleep")]
    assert rehearse(PROGRAM, scenario([(0, "purchase")], BOUGHT)).passed
    assert rehearse(PROGRAM, scenario([(0, "purchase")], BOUGHT, until=59.9)).passed
    assert rehearse(PROGRAM, scenario([(0, "purchase")], asleep, until=60)).passed
    assert rehearse(PROGRAM, scenario([(0, "purchase"), (70, "visit")], asleep)).passed


def test_a_change_within_a_second_is_expected_with_that_second() -> None:
    fading = journey_or_raise(
        """
journey: fading
version: 1
stages: [{id: cold}, {id: warm}]
rules:
  - {id: warms, to: warm, when: {score: {visit: 5}, half_life: 7d, gte: 5}}
  - {id: fades, from: warm, to: cold, when: {score: {visit: 5}, half_life: 7d, lt: 2}}
""",
        "fading.yaml",
    )
    outcome = rehearse(compile_journey(fading), Scenario("", (GivenTouchpoint(0, "visit"),), (), until=30 * DAY))
    fades = outcome.run.moves[-1]
    assert fades.at % SECOND != 0
    assert fades.as_expected() == ExpectedChange(fades.at // SECOND * SECOND, "cold")
    assert rehearse(
        compile_journey(fading), replace(outcome.scenario, expect=tuple(move.as_expected() for move in outcome.run.moves))
    ).passed


def test_touchpoints_arrive_in_the_order_of_the_file_and_may_be_late() -> None:
    late = [(5, "purchase"), (20, "visit"), (3, "purchase"), (19, "purchase")]
    assert rehearse(PROGRAM, scenario(late, [(5, "new"), (5, "buyer"), (20, "regular")])).passed


def test_touchpoints_without_an_id_are_all_different_even_from_those_with_one() -> None:
    given = tuple(GivenTouchpoint(0, "purchase", id=identity) for identity in (None, "touchpoint-1", None, "touchpoint-2", None))
    identities = [touchpoint.id for touchpoint in touchpoints_of(Scenario("", given, ()))]
    assert len(set(identities)) == 5
    assert (identities[1], identities[3]) == ("touchpoint-1", "touchpoint-2")


def test_an_id_written_twice_is_a_duplicate() -> None:
    given = tuple(GivenTouchpoint(day * DAY, "purchase", id="p-1") for day in range(3))
    assert [move.to for move in rehearse(PROGRAM, Scenario("", given, ())).run.moves] == ["new", "buyer"]


def test_times_that_clauses_saw_are_counted_from_the_start_of_the_test() -> None:
    moves = rehearse(PROGRAM, scenario([(2, "purchase")], [], until=90)).run.moves
    assert (moves[-1].at, moves[-1].cause) == (62 * DAY, "timer")
    assert moves[-1].because == (Clause("absent(purchase, 60d)", "2d"),)


CAMPAIGNS = journey_or_raise(
    """
journey: shop
version: 1
stages: [{id: new}, {id: buyer}, {id: asleep}]
rules:
  - {id: buys, from: [new, asleep], to: buyer, when: {event: purchase}}
  - {id: falls-asleep, from: buyer, to: asleep, when: {absent: purchase, for: 10d}}
campaigns:
  - {id: welcome, on: {enter: buyer}, once: true, holdout: 100%}
  - {id: thanks, on: {enter: buyer}, cooldown: 30d}
  - {id: miss-you, on: {leave: buyer}}
""",
    "shop.yaml",
)


def triggered(given: Sequence[tuple[float, str]], triggers: Sequence[str] | None, until: float | None = None) -> ScenarioOutcome:
    program = compile_journey(CAMPAIGNS)
    moves = rehearse(program, scenario(given, [], until)).run.moves
    return rehearse(program, replace(scenario(given, [], until, triggers=triggers), expect=tuple(move.as_expected() for move in moves)))


def test_triggers_are_the_whole_list_in_order_and_the_customer_of_a_test_is_in_no_control_group() -> None:
    assert triggered([(0, "purchase")], ("welcome", "thanks", "miss-you"), until=20).passed
    assert not triggered([(0, "purchase")], ("thanks", "welcome", "miss-you"), until=20).passed
    assert not triggered([(0, "purchase")], ("welcome", "thanks"), until=20).passed


def test_triggers_that_a_test_does_not_name_are_not_looked_at() -> None:
    assert triggered([(0, "purchase")], None).passed


def test_why_a_trigger_is_missing_is_said() -> None:
    outcome = triggered([(0, "purchase"), (15.5, "purchase")], ("welcome", "thanks", "miss-you", "thanks", "miss-you"))
    assert not outcome.changes_differ
    (problem,) = outcome.problems
    named, *reasons = problem.split("; ")
    assert named == "expected the triggers welcome, thanks, miss-you, thanks, miss-you, found welcome, thanks, miss-you"
    assert reasons == ["thanks was held back at 15d12h by cooldown", "miss-you fits no other stage change"]
    assert triggered([(0, "visit")], ("welcome",)).problems == (
        "expected the triggers welcome, found (none); welcome fits no stage change",
    )


def test_changes_that_share_their_time_or_their_stage_stand_side_by_side() -> None:
    assert rows(rehearse(PROGRAM, scenario([(0, "purchase")], [(0, "new"), (0, "regular")]))) == [("regular", "buyer")]
    assert rows(rehearse(PROGRAM, scenario([(0, "purchase")], [*BOUGHT, (50, "asleep")], until=90))) == [("asleep", "asleep")]
    assert rows(rehearse(PROGRAM, scenario([(0, "purchase")], [*BOUGHT, (50, "regular")], until=90))) == [
        ("regular", None),
        (None, "asleep"),
    ]


def test_a_change_that_is_missing_in_the_middle_shifts_nothing_after_it() -> None:
    given = [(0, "purchase"), (70, "purchase")]
    outcome = rehearse(PROGRAM, scenario(given, [(0, "new"), (0, "buyer"), (30, "regular"), (60, "asleep"), (70, "buyer")]))
    assert rows(outcome) == [("regular", None)]


def test_a_missing_change_is_explained_by_the_conditions_that_did_not_hold() -> None:
    given = [(0, "purchase"), (5, "purchase"), (8, "complaint"), (9, "purchase")]
    found = absence(rehearse(PROGRAM, scenario(given, [*BOUGHT, (9, "regular")])))
    assert found.reason == "the customer was in buyer, since 0s"
    assert found.rules == (("returns", (Clause("not absent(complaint, 10d)", "8d"),)),)


def test_a_missing_change_by_the_clock_is_explained_at_its_time() -> None:
    found = absence(rehearse(PROGRAM, scenario([(0, "purchase")], [*BOUGHT, (30, "asleep")], until=90)))
    assert found.rules == (("falls-asleep", (Clause("not absent(purchase, 60d)", "0s"),)),)


def test_a_change_that_time_would_bring_is_said_to_need_until() -> None:
    found = absence(rehearse(PROGRAM, scenario([(0, "purchase")], [*BOUGHT, (60, "asleep")])))
    assert found.reason == "no timer runs after the last touchpoint, at 0s, unless the test says `until: 60d`"
    found = absence(rehearse(PROGRAM, scenario([(0, "purchase")], [*BOUGHT, (60, "asleep")], until=50)))
    assert found.reason == "the test ends before that, with its `until: 50d`"


def test_a_change_that_no_rule_makes_is_said_to_have_none() -> None:
    found = absence(rehearse(PROGRAM, scenario([(0, "visit"), (1, "visit")], [(0, "new"), (1, "asleep")])))
    assert found.reason == "the customer was in new, since 0s, and no rule leads from there to asleep"


def test_a_change_that_came_before_is_said_to_have_come() -> None:
    found = absence(rehearse(PROGRAM, scenario([(0, "purchase"), (3, "purchase")], [(0, "new"), (3, "buyer")])))
    assert found.reason == "the customer was in buyer by then, since 0s"


def test_a_change_before_the_first_touchpoint_is_said_to_be_too_early() -> None:
    found = absence(rehearse(PROGRAM, scenario([(1, "visit")], [(0, "new")])))
    assert found.reason == "the first touchpoint comes later, at 1d"


def test_a_passing_test_has_nothing_to_explain() -> None:
    assert first_absence(PROGRAM, rehearse(PROGRAM, scenario([(0, "purchase")], BOUGHT))) is None


def test_coverage_counts_what_happened_and_not_what_was_expected() -> None:
    coverage = Coverage(JOURNEY)
    coverage.add(rehearse(PROGRAM, scenario([(0, "purchase")], [(0, "asleep")])).run)
    assert coverage.rules_not_fired == ["returns", "falls-asleep"]
    assert coverage.stages_not_entered == ["regular", "asleep"]
    assert not coverage.is_whole


def test_coverage_is_whole_when_every_rule_fired_and_every_stage_was_entered() -> None:
    coverage = Coverage(JOURNEY)
    coverage.add(rehearse(PROGRAM, scenario([(0, "purchase")], [], until=90)).run)
    assert not coverage.is_whole
    coverage.add(rehearse(PROGRAM, scenario([(0, "purchase"), (10, "purchase"), (12, "purchase")], [], until=90)).run)
    assert coverage.is_whole


def test_coverage_knows_the_campaigns_that_were_triggered() -> None:
    coverage = Coverage(CAMPAIGNS)
    coverage.add(triggered([(0, "purchase"), (15, "purchase")], None).run)
    assert coverage.campaigns_not_triggered == []
    coverage = Coverage(CAMPAIGNS)
    coverage.add(triggered([(0, "purchase")], None).run)
    assert coverage.campaigns_not_triggered == ["miss-you"]
    assert not coverage.is_whole


def test_what_cannot_be_judged_is_an_error_of_the_test_and_not_of_the_command() -> None:
    program = compile_journey(JOURNEY)
    for rules in program.stages.values():
        for rule in rules.rules:
            if rule.id == "falls-asleep":
                error = ArithmeticError("no such number")
                rule.condition = Faulty(rule.condition, lambda _, now, __: now > START, error)
    touched = rehearse(program, scenario([(0, "purchase"), (1, "visit")], BOUGHT))
    assert not touched.passed
    assert not touched.changes_differ
    assert touched.run.failures[0].startswith("the touchpoint at 1d could not be judged: ")
    fired = rehearse(program, scenario([(0, "purchase")], BOUGHT, until=90))
    assert fired.run.failures[0].startswith("a timer could not be judged: ")


def test_a_touchpoint_from_before_the_start_comes_late_and_an_empty_expectation_is_that_nobody_moves() -> None:
    quiet = rehearse(PROGRAM, scenario([(0, "visit"), (1, "visit")], []))
    assert quiet.passed
    moved = rehearse(PROGRAM, scenario([(0, "visit"), (1, "purchase")], []))
    assert rows(moved) == [(None, "buyer")]
    late = rehearse(PROGRAM, scenario([(0, "purchase"), (-1, "purchase"), (-2, "purchase")], [*BOUGHT]))
    assert [touchpoint.at - START for touchpoint in touchpoints_of(late.scenario)] == [0, -DAY, -2 * DAY]
    assert late.passed
    journey = journey_or_raise(
        "journey: a\nversion: 1\nstages: [{id: s}]\nrules: []\n"
        "tests: [{name: late, given: [{at: 0s, type: x}, {at: -1d12h, type: x}], expect: []}]\n",
        "a.yaml",
    )
    assert [given.at for given in journey.tests[0].given] == [0, -DAY * 3 // 2]
    assert rehearse(compile_journey(journey), journey.tests[0]).passed
