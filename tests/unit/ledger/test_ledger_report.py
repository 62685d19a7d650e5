"""The report: what it says about which period, in which order."""

from statistics import mean, stdev

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import DAY, HOUR

NOON = parse_time("2026-11-21T12:00:00Z")


def _ledger(tally: BatchTally, now: int = NOON) -> JourneyLedger:
    ledger = JourneyLedger()
    enter(ledger, tally, now)
    return ledger


def test_moves_are_told_in_the_order_of_the_journey_new_customers_first() -> None:
    tally = BatchTally()
    for source, to in (("b", "a"), ("a", "b"), ("a", "b"), (None, "a")):
        tally.moved(NOON, None, source, to, "touchpoint", None if source is None else HOUR)
    found = report_of(_ledger(tally), ReportQuery(), ["b", "a"]).tables
    assert [(row["from"], row["to"], row["cause"], row["count"], row["stay_seconds"]) for row in found["moves"]] == [
        (None, "a", "touchpoint", 1, 0.0),
        ("b", "a", "touchpoint", 1, 3600.0),
        ("a", "b", "touchpoint", 2, 7200.0),
    ]
    assert [(row["stage"], row["new"], row["entered"], row["left"]) for row in found["stages"]] == [("b", 0, 2, 1), ("a", 1, 2, 2)]
    assert found["stages"][1]["median_stay_seconds"] == pytest.approx(3600, rel=1 / 32)


def test_a_report_by_days_adds_up_hours_and_keeps_what_is_by_months() -> None:
    tally = BatchTally()
    for at in (NOON, NOON - HOUR, NOON - DAY, NOON - 900 * DAY):
        tally.touched(at, None, "a", "visit", "web")
    found = report_of(_ledger(tally), ReportQuery(by="day")).tables["touchpoints"]
    assert [(row["period"], row["grain"], row["count"]) for row in found] == [
        ("2024-06", "month", 1),
        ("2026-11-20", "day", 1),
        ("2026-11-21", "day", 2),
    ]


def test_a_stretch_of_time_holds_what_begins_in_it_and_says_when_periods_reach_over_it() -> None:
    tally = BatchTally()
    for hour in range(4):
        tally.touched(NOON + hour * HOUR, None, "a", "visit", None)
    ledger = _ledger(tally)
    whole = report_of(ledger, ReportQuery(NOON + HOUR, NOON + 3 * HOUR))
    assert (whole.exact, [row["count"] for row in whole.tables["touchpoints"]]) == (True, [2])
    torn = report_of(ledger, ReportQuery(NOON + HOUR, NOON + 2 * HOUR + 1))
    assert (torn.exact, [row["count"] for row in torn.tables["touchpoints"]]) == (False, [2])


def test_figures_of_one_persona_are_a_part_of_all() -> None:
    tally = BatchTally()
    for persona, times in (("student", 3), ("professional", 2), (None, 1)):
        for _ in range(times):
            tally.touched(NOON, persona, "a", "visit", "web")
        tally.moved(NOON, persona, None, "a", "touchpoint", None)
    ledger = _ledger(tally)
    assert [row["count"] for row in report_of(ledger, ReportQuery()).tables["touchpoints"]] == [6]
    students = report_of(ledger, ReportQuery(persona="student"))
    assert [row["count"] for row in students.tables["touchpoints"]] == [3]
    assert students.tables["personas"] == [
        {"persona": None, "new": 1, "stage_changes": 1, "touchpoints": 1},
        {"persona": "professional", "new": 1, "stage_changes": 1, "touchpoints": 2},
        {"persona": "student", "new": 1, "stage_changes": 1, "touchpoints": 3},
    ]


def test_feeling_has_the_mean_and_deviation_of_its_values() -> None:
    values = [1, 2, 5, 4.5, 3.25, 5]
    tally = BatchTally()
    for value in values:
        tally.felt(NOON, None, "a", round(value * 1000))
    tally.felt(NOON, None, "b", 2000)
    several, single = report_of(_ledger(tally), ReportQuery()).tables["feeling"]
    assert several["mean"] == pytest.approx(mean(values))
    assert several["standard_deviation"] == pytest.approx(stdev(values))
    assert (several["count"], several["sum"], several["sum_of_squares"]) == (6, sum(values), sum(value * value for value in values))
    assert (single["mean"], single["standard_deviation"]) == (2.0, None)


def test_the_histogram_of_stays_adds_up_over_all_ways_out_of_a_stage() -> None:
    tally = BatchTally()
    for to, stay in (("b", HOUR), ("c", HOUR), ("c", 2 * HOUR)):
        tally.moved(NOON, None, "a", to, "timer", stay)
    found = report_of(_ledger(tally), ReportQuery()).tables
    assert [(row["stage"], row["count"]) for row in found["stay_histogram"]] == [("a", 2), ("a", 1)]
    assert all(
        row["at_least_seconds"] <= seconds < row["below_seconds"]
        for row, seconds in zip(found["stay_histogram"], (3600, 7200), strict=True)
    )
    assert [(row["from"], row["to"], row["count"]) for row in found["stays"]] == [("a", "b", 1), ("a", "c", 2)]


def test_that_names_were_counted_together_is_said() -> None:
    tally = BatchTally()
    for number in range(300):
        tally.touched(NOON, None, "a", f"type {number}", None)
    assert report_of(_ledger(tally), ReportQuery()).limited
    assert not report_of(_ledger(BatchTally()), ReportQuery()).limited


def test_goals_tell_both_groups_with_the_sums_that_a_comparison_needs() -> None:
    tally = BatchTally()
    for _ in range(3):
        tally.enrolled(NOON, None, "hello", holdout=False)
    tally.enrolled(NOON, None, "hello", holdout=True)
    tally.ended(NOON + HOUR, None, "hello", holdout=False, met=True, value=1.5)
    tally.ended(NOON + HOUR, None, "hello", holdout=False, met=False, value=2.0)
    tally.ended(NOON + HOUR, None, "hello", holdout=True, met=False, value=None)
    holdout, sent = report_of(_ledger(tally), ReportQuery()).tables["goals"]
    assert list(sent) == ["campaign", "group", "customers", "ended", "met", "value_sum", "value_sum_of_squares"]
    assert list(sent.values()) == ["hello", "sent", 3, 2, 1, 3.5, 6.25]
    assert list(holdout.values()) == ["hello", "holdout", 1, 1, 0, 0.0, 0.0]


@pytest.mark.parametrize(("value", "counted"), [(0.0004, 0.0), (-0.0016, -0.002), (1e300, 1e12), (-1.7e308, -1e12)])
def test_a_value_counts_to_the_thousandth_and_up_to_a_trillion(value: float, counted: float) -> None:
    tally = BatchTally()
    tally.ended(NOON, None, "hello", holdout=False, met=True, value=value)
    (row,) = report_of(_ledger(tally), ReportQuery()).tables["goals"]
    assert (row["value_sum"], row["value_sum_of_squares"]) == (counted, counted**2)
