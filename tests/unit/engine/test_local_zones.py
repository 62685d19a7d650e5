"""Every zone of the pinned data against the standard library's reading of the same data."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from etapa.journey.engine.conditions.local_time import ClockShows, DateIsNear
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.clock import Times
from etapa.journey.language.kinds.date import Date, Offset
from etapa.journey.language.model import CustomerZone
from etapa.journey.localtime.civil import date_of, day_number
from etapa.journey.localtime.dates import Moment, read_date
from etapa.journey.localtime.zone import Zone
from etapa.journey.localtime.zones import zone_called, zone_names
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FIRST, LAST = 0, day_number(2041, 1, 1) * DAY
EVERY = int(os.environ.get("ETAPA_ZONE_STEP", "12"))
"""Test one zone in so many, always the same ones; 1 tests all of them (`make zones`)."""
NAMES = sorted(zone_names())


def zone_of(name: str) -> Zone:
    zone = zone_called(name)
    assert zone is not None
    return zone


def library_zone(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, name)


def transitions(zone: Zone) -> Iterator[int]:
    at = FIRST
    while (at := zone.changes_after(at)) < LAST:
        yield at


def test_all_zones_show_what_the_standard_library_shows_around_every_transition() -> None:
    for name in NAMES:
        zone, library = zone_of(name), library_zone(name)
        for at in (near for each in transitions(zone) for near in (each - 1, each)):
            shown = (EPOCH + timedelta(microseconds=at)).astimezone(library).utcoffset()
            assert shown is not None
            assert zone.offset(at) == shown // MICROSECOND, (name, at)


def test_a_shown_time_is_found_again_at_the_first_instant_that_shows_it() -> None:
    for name in NAMES[::EVERY]:
        zone = zone_of(name)
        for at in (near for each in transitions(zone) for near in (each - HOUR, each - 1, each, each + 30 * MINUTE)):
            found = zone.instant(zone.local(at))
            assert found <= at
            assert zone.local(found) == zone.local(at), (name, at)


def test_a_time_that_is_skipped_is_the_end_of_the_gap() -> None:
    zone = zone_of("America/New_York")
    spring = day_number(2026, 3, 8) * DAY
    assert zone.instant(spring + 2 * HOUR + 30 * MINUTE) == zone.instant(spring + 3 * HOUR)
    apia = zone_of("Pacific/Apia")
    assert apia.instant(day_number(2011, 12, 30) * DAY) == apia.instant(day_number(2011, 12, 31) * DAY)


@pytest.mark.parametrize("name", NAMES[::EVERY])
def test_every_local_midnight_fires_exactly_once_around_every_transition(name: str) -> None:
    """A `clock` condition on single weekdays changes at each midnight that exists, and at no other time."""
    zone = zone_of(name)
    clock = ClockShows("even days", Times((0, 2, 4), None), Whereabouts(CustomerZone(None, name)))
    for transition in transitions(zone):
        at, end = transition - 3 * DAY, transition + 3 * DAY
        turns = []
        while (at := clock.turns_after(zone, at)) < end:
            turns.append(at)
            assert clock.shows(zone.local(at)) is not clock.shows(zone.local(at - 1))
        # By looking at every quarter of an hour, and at the transitions in between.
        looked = sorted({*range(transition - 3 * DAY, end, 15 * MINUTE), *(each for each in (transition - 1, transition))})
        seen = sum(clock.shows(zone.local(one)) is not clock.shows(zone.local(other)) for one, other in pairwise(looked))
        assert len(turns) == seen, (name, transition)


@pytest.mark.parametrize("name", NAMES[::EVERY])
def test_every_birthday_begins_exactly_once_a_year(name: str) -> None:
    zone = zone_of(name)
    birthday = DateIsNear("birthday", Date("day", "year", Offset(0, 0), Offset(1, 0)), Whereabouts(CustomerZone(None, name)))
    born = Moment(day_number(1968, 2, 29), None)
    begun, at = [], FIRST
    while at < LAST:
        start, end, near = birthday.span_around(born, zone, at)
        assert start <= at < end
        if near and at > FIRST:
            begun.append(date_of(zone.local(at) // DAY)[0])
        at = end
    assert begun == list(range(1970, 2041))


def test_answers_that_are_kept_are_those_that_are_worked_out() -> None:
    """Two customers with the same date and different zones, asked in turn, also about earlier times than the last."""
    where = Whereabouts(CustomerZone("zone", "UTC"))
    kept = DateIsNear("day", Date("day", "month", Offset(-1, -HOUR), Offset(2, HOUR)), where)
    for step in range(400):
        for zone in ("Australia/Lord_Howe", "America/New_York"):
            traits: dict[str, list[Any]] = {"day": [0, "2000-01-31"], "zone": [0, zone]}
            customer = Customer(version=1, stage="s", due=None, entered_at=0, clock=0, first_at=0, sequence=1, traits=traits)
            now = (step * 7_919 % 400) * 5 * HOUR + 1
            fresh = DateIsNear("day", Date("day", "month", Offset(-1, -HOUR), Offset(2, HOUR)), where)
            assert kept.holds(customer, now, None) is fresh.holds(customer, now, None)
            assert kept.until(customer, now) == fresh.until(customer, now)
            assert kept.rises(customer, now) == fresh.rises(customer, now)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1970-01-02", Moment(1, None)),
        ("1996-02-29", Moment(9555, None)),
        ("1970-01-01T00:00:01Z", Moment(0, SECOND)),
        ("1970-01-01t00:00:00.1234567z", Moment(0, 123_456)),
        ("1970-01-01T00:00:00+05:45", Moment(-1, -5 * HOUR - 45 * MINUTE)),
        ("1969-12-31T23:00:00-01:00", Moment(0, 0)),
        ("0001-01-01", Moment(-719_162, None)),
        ("0000-01-01", None),
        ("1995-02-29", None),
        ("1996-02-29 10:00:00Z", None),
        ("1996-02-29T24:00:00Z", None),
        ("1996-02-29T23:59:60Z", None),
        ("1996-02-29T10:00:00", None),
        ("1996-02-29T10:00:00+24:00", None),
        (" 1996-02-29", None),
        ("1996-02-29\n", None),
        ("١٩٩٦-02-29", None),
        (19960229, None),
        (None, None),
    ],
)
def test_dates_are_read_in_the_two_forms_and_no_other(text: object, read: Moment | None) -> None:
    assert read_date(text) == read
