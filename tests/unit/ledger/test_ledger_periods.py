"""The periods that figures are kept by."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME
from etapa.journey.ledger.periods import (
    DAYS_KEPT,
    GRAINS,
    HOURS_KEPT,
    Grain,
    KeptPeriods,
    coarser,
    end_of,
    grain_of,
    kept_period,
    period_of,
    start_of,
    turn_of,
)
from etapa.journey.units import DAY, HOUR

instants = st.integers(BEGINNING_OF_TIME, END_OF_TIME)
grains = st.sampled_from(GRAINS)


@given(instants, grains)
def test_an_instant_lies_in_its_period_and_in_no_other(at: int, grain: Grain) -> None:
    period = period_of(at, grain)
    assert grain_of(period) == grain
    assert start_of(period) <= at < end_of(period)
    assert period_of(start_of(period), grain) == period
    if end_of(period) <= END_OF_TIME:
        assert period_of(end_of(period), grain) != period


def test_periods_are_written_as_people_read_them() -> None:
    at = parse_time("2026-12-31T23:59:59.999999Z")
    assert [period_of(at, grain) for grain in GRAINS] == ["2026-12-31T23", "2026-12-31", "2026-12"]
    assert end_of("2026-12") == end_of("2026-12-31") == parse_time("2027-01-01T00:00:00Z")


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-02-30", "2026-01-01 10", "2026-01-01T1x", "20260101T10:0"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        end_of(text)


@given(instants, st.integers(0, 3 * DAYS_KEPT))
def test_whole_days_and_months_are_folded_and_never_a_part_of_one(now: int, before: int) -> None:
    at = max(BEGINNING_OF_TIME, now - before)
    period = kept_period(at, now)
    assert start_of(period) <= at < end_of(period)
    if grain_of(period) == "hour":
        assert end_of(period_of(at, "day")) > now - HOURS_KEPT
    elif grain_of(period) == "day":
        assert end_of(period) <= now - HOURS_KEPT
        assert end_of(period_of(at, "month")) > now - DAYS_KEPT
    else:
        assert end_of(period) <= now - DAYS_KEPT


# Around where hours become days and days become months.
ages = st.builds(lambda kept, hours: kept + hours * HOUR, st.sampled_from((HOURS_KEPT, DAYS_KEPT)), st.integers(-48, 48 * 24))


@given(instants, st.lists(ages, min_size=5, max_size=20))
def test_many_periods_for_one_time_are_those_of_each(now: int, before: list[int]) -> None:
    kept = KeptPeriods(now)
    for at in (max(BEGINNING_OF_TIME, now - each) for each in before):
        assert kept.of(at) == kept_period(at, now)


@given(instants, st.integers(0, 2 * DAY), st.lists(st.integers(0, 4 * DAY), min_size=5))
@example(END_OF_TIME, DAY, [0])
def test_records_are_the_same_until_the_next_turn(now: int, later: int, before: list[int]) -> None:
    now = max(now, BEGINNING_OF_TIME + 5 * DAY)
    then = min(now + later, END_OF_TIME)
    first, kept = KeptPeriods(now), KeptPeriods(then)
    for hour in [period_of(now - each, "hour") for each in before]:
        if turn_of(then) == turn_of(now):
            assert kept.record_of(hour) == first.record_of(hour)
        # What has a record of its own is moved only into that of its day, and what shares one never leaves it.
        assert kept.record_of(hour) in (first.record_of(hour), hour[:10])
        assert (kept.outgrown_record(hour) or hour) == kept.record_of(hour)


@given(instants, ages, grains)
def test_what_is_outgrown_goes_to_the_period_that_is_kept_instead(now: int, before: int, grain: Grain) -> None:
    period = period_of(max(BEGINNING_OF_TIME, now - before), grain)
    into = KeptPeriods(now).outgrown(period)
    longer = coarser(period, grain_of(kept_period(start_of(period), now)))
    assert (period if into is None else into) == longer


@given(instants, st.integers(0, 3 * DAYS_KEPT), st.integers(0, 2 * DAYS_KEPT))
@example(END_OF_TIME, DAY, DAY)
def test_a_period_is_only_ever_folded_into_a_longer_one(now: int, before: int, later: int) -> None:
    at = max(BEGINNING_OF_TIME, now - before)
    first, second = kept_period(at, now), kept_period(at, min(now + later, END_OF_TIME))
    assert coarser(first, grain_of(second)) == second


def test_the_last_fortnight_is_kept_by_hours_and_the_last_years_by_days() -> None:
    now = parse_time("2026-11-21T10:00:00Z")
    assert kept_period(now - HOURS_KEPT, now) == "2026-11-07T10"
    assert kept_period(now - HOURS_KEPT - 10 * HOUR, now) == "2026-11-07T00"
    assert kept_period(now - HOURS_KEPT - 11 * HOUR, now) == "2026-11-06"
    assert kept_period(now - DAYS_KEPT, now) == "2024-09-12"
    assert kept_period(now - DAYS_KEPT - 12 * DAY, now) == "2024-08"
