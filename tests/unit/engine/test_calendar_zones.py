"""Calendars, days and quiet times in every zone of the pinned data, around every clock change from 1970 to 2040."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from etapa.journey.engine.accumulators.keys import DayKey
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import QuietTime
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.clock import Hours, Times
from etapa.journey.language.model import CustomerZone, Quiet
from etapa.journey.localtime.calendar_periods import Period, Periods
from etapa.journey.localtime.civil import day_number
from etapa.journey.localtime.zone import Zone
from etapa.journey.units import DAY, HOUR, MINUTE
from tests.unit.engine.test_local_zones import EPOCH, EVERY, FIRST, LAST, NAMES, library_zone, transitions, zone_of

# Fewer than in `test_local_zones`, since each takes longer; all if all are requested.
some_zones = pytest.mark.parametrize("name", NAMES[:: max(1, 3 * (EVERY - 1))])
MONTHS = {"month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (1,)}


def looked_at(transition: int, days: int) -> list[int]:
    """Every quarter of an hour around a clock change, and the change itself."""
    around = range((transition - days * DAY) // (15 * MINUTE) * 15 * MINUTE, transition + days * DAY, 15 * MINUTE)
    return sorted({*around, transition - 1, transition})


def periods_from(zone: Zone, unit: str, at: int, end: int) -> Iterator[Period]:
    periods = Periods(unit)
    period = periods.around(zone, at)
    while period.end < end:
        period = periods.following(period)
        yield period


@some_zones
def test_every_day_of_the_calendar_begins_exactly_once_around_every_change(name: str) -> None:
    zone = zone_of(name)
    for transition in transitions(zone):
        looked = looked_at(transition, 3)
        turned = [later for earlier, later in pairwise(looked) if zone.local(earlier) // DAY != zone.local(later) // DAY]
        days = list(periods_from(zone, "day", looked[0], looked[-1] + 1))
        # Zones with offsets that include seconds have their midnights between two quarters.
        assert [(each.known_from + 15 * MINUTE - 1 - looked[0]) // (15 * MINUTE) for each in days] == [
            (each + 15 * MINUTE - 1 - looked[0]) // (15 * MINUTE) for each in turned
        ], (name, transition)
        for each in days:
            assert zone.local(each.known_from) // DAY == each.day
            assert zone.local(each.known_from - 1) // DAY != each.day
            assert each.before <= each.start <= each.known_from < each.end


@some_zones
@pytest.mark.parametrize("unit", ["week", "month", "quarter", "year"])
def test_every_week_month_quarter_and_year_begins_on_its_day_and_none_is_left_out(name: str, unit: str) -> None:
    zone = zone_of(name)
    begun = list(periods_from(zone, unit, FIRST, LAST - 40 * DAY))
    first_days = [each.day for each in begun]
    if unit == "week":
        expected = list(range(first_days[0], first_days[-1] + 1, 7))
        assert (first_days[0] + 3) % 7 == 0
    else:
        expected = [day_number(year, month, 1) for year in range(1970, 2041) for month in MONTHS[unit]]
        expected = [day for day in expected if first_days[0] <= day <= first_days[-1]]
    assert sorted(set(first_days)) == expected
    # A day begins twice if clocks were put back over its midnight.
    changes = set(transitions(zone))
    assert all(each.known_from in changes or later.known_from in changes for each, later in pairwise(begun) if later.day <= each.day)
    assert all(earlier.start == later.before for earlier, later in pairwise(begun) if later.day > earlier.day)


@some_zones
def test_a_touchpoint_is_of_the_day_that_the_wall_showed(name: str) -> None:
    zone, library, key = zone_of(name), library_zone(name), DayKey()
    for transition in transitions(zone):
        for at in (transition - DAY, transition - HOUR, transition - 1, transition, transition + HOUR, transition + DAY):
            shown = (EPOCH + timedelta(microseconds=at)).astimezone(library).date()
            (day,), (first,) = key.of(Touchpoint("t", "c", "visit", at, zone=zone)), key.of(Touchpoint("t", "c", "visit", 0))
            assert day - first == shown.toordinal() - EPOCH.date().toordinal(), (name, at)


@some_zones
@pytest.mark.parametrize(
    "times", [Times(None, Hours(21 * HOUR, 8 * HOUR)), Times((5, 6), None), Times((0, 6), Hours(HOUR, 3 * HOUR))], ids=Times.text
)
def test_a_quiet_time_ends_at_the_first_instant_that_is_not_quiet(name: str, times: Times) -> None:
    zone = zone_of(name)
    quiet = QuietTime(Quiet(times, holds=True), Whereabouts(CustomerZone(None, name)))
    customer = Customer(version=1, stage="s", due=None, entered_at=0, clock=0, first_at=0, sequence=1)
    for transition in transitions(zone):
        for at in (transition - DAY, transition - HOUR, transition - 1, transition, transition + HOUR):
            end = quiet.end(customer, at)
            if end is None:
                continue
            assert quiet.end(customer, end) is None
            assert quiet.end(customer, end - 1) == end
            between = range(at, end, max(15 * MINUTE, (end - at) // 6 // MINUTE * MINUTE))
            assert all(quiet.end(customer, each) == end for each in between), (name, at)
