"""Local time from the definitions, with the standard library's zones, by trying every quarter of an hour.

It shares no code with the engine. It does not support zone changes, or times of day, that are not at quarters of an hour.
"""

import calendar
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from etapa.journey.language import model
from etapa.journey.language.kinds.clock import Times
from etapa.journey.language.kinds.date import Date, Offset

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - beside ZoneInfo's UTC below
QUARTER = 900_000_000
WIDEST = timedelta(hours=27)


@lru_cache
def zone_called(name: object) -> ZoneInfo | None:
    """A zone from the package `tzdata`, not from the machine."""
    if not isinstance(name, str) or name not in files("tzdata").joinpath("zones").read_text().split("\n"):
        return None
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, name)


UTC: ZoneInfo = zone_called("Etc/UTC")  # type: ignore[assignment]


def wall(at: int, zone: ZoneInfo) -> datetime:
    """The wall clock's time, without a zone."""
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=100_000)
def instant(shown: datetime, zone: ZoneInfo) -> int:
    """The first instant at which the wall clock shows it; if it never does, the first at which it shows something later."""
    low = shown.replace(tzinfo=timezone.utc) - WIDEST  # noqa: UP017
    start = (low - EPOCH) // timedelta(microseconds=1) // QUARTER * QUARTER
    for quarter in count(start, QUARTER):
        there = wall(quarter, zone)
        if there <= shown < there + timedelta(minutes=15):
            return quarter + (shown - there) // timedelta(microseconds=1)
        if there > shown:
            return quarter
    raise AssertionError


def shows(times: Times, at: int, zone: ZoneInfo) -> bool:
    local = wall(at, zone)
    of_day = (local - datetime.combine(local.date(), time())) // timedelta(microseconds=1)
    if times.days is not None and local.weekday() not in times.days:
        return False
    if times.hours is None:
        return True
    start, end = times.hours.start, times.hours.end
    return start <= of_day < end if start < end else of_day >= start or of_day < end


def is_near(condition: Date, told: Any, at: int, zone: ZoneInfo) -> bool:
    return any(begins <= at < ends for begins, ends in intervals(condition, told, at, zone))


def intervals(condition: Date, told: Any, at: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """All that begin within some years of now."""
    read = read_date(told)
    if read is None:
        return
    local = read if read.tzinfo is None else read.astimezone(zone).replace(tzinfo=None)
    known = None if read.tzinfo is None or condition.every else (read - EPOCH) // timedelta(microseconds=1)
    dates = [local]
    if condition.every:
        year = wall(at, zone).year
        months = range(1, 13) if condition.every == "month" else [local.month]
        dates = [
            datetime.combine(date(each, month, min(local.day, calendar.monthrange(each, month)[1])), local.time())
            for each in range(year - 3, year + 4)
            for month in months
        ]
    for day in dates:
        begins = moved(day, known, condition.begins, zone)
        ends = moved(day, known, condition.ends, zone)
        yield -(10**18) if begins is None else begins, 10**18 if ends is None else ends


def moved(day: datetime, known: int | None, offset: Offset | None, zone: ZoneInfo) -> int | None:
    if offset is None:
        return None
    if known is not None and not offset.days:
        return known + offset.elapsed
    return instant(day + timedelta(days=offset.days), zone) + offset.elapsed


def read_date(told: Any) -> datetime | None:
    """Uses the standard library; supports the forms that the made-up journeys use."""
    if not isinstance(told, str) or len(told) < len("2000-01-01"):
        return None
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        return None


def period(calendar: model.Calendar, at: int, zone: ZoneInfo) -> tuple[int, int]:
    """From its first instant up to, but not including, its end."""
    start = first_day(calendar.unit, wall(at, zone).date())
    if not calendar.last:
        return midnight(start, zone), at + 1
    return midnight(first_day(calendar.unit, start - timedelta(days=1)), zone), midnight(start, zone)


def first_day(unit: str, day: date) -> date:
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 4, 7: 7, 8: 7, 9: 7, 10: 10, 11: 10, 12: 10}[day.month], 1)
        case "year":
            return date(day.year, 1, 1)
    return day


@lru_cache(maxsize=100_000)
def midnight(day: date, zone: ZoneInfo) -> int:
    return instant(datetime.combine(day, time()), zone)


def calendars_turn_at(zone: ZoneInfo, after: int, end: int) -> Iterator[int]:
    """Every quarter of an hour or, over a long time, every midnight."""
    if end - after < 20 * 96 * QUARTER:
        yield from range(after // QUARTER * QUARTER, end + 1, QUARTER)
        return
    day = wall(after, zone).date()
    while day <= wall(end, zone).date():
        day += timedelta(days=1)
        yield midnight(day, zone)


def could_change_at(leaf: model.Condition, zone: ZoneInfo, told: Any, after: int, end: int) -> Iterator[int]:
    if isinstance(leaf, Date):
        for at in range(after, end + 400 * 86_400_000_000, 300 * 86_400_000_000):
            for interval in intervals(leaf, told, at, zone):
                yield from interval
    else:
        yield from range(after // QUARTER * QUARTER, end + 1, QUARTER)
