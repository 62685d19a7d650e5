"""Dates of the Gregorian calendar as day numbers (days since 1970-01-01), in any year.

The calendar repeats every 400 years, so the standard library's dates of the years 1 to 400 are enough.
"""

from datetime import date
from typing import Final

_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()


def day_number(year: int, month: int, day: int) -> int:
    """The number of a day. Raises `ValueError` if the day does not exist."""
    cycles = (year - 1) // _CYCLE_YEARS
    return date(year - cycles * _CYCLE_YEARS, month, day).toordinal() - _FIRST_DAY + cycles * _CYCLE_DAYS


def date_of(day: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    ordinal = day + _FIRST_DAY - 1
    cycles = ordinal // _CYCLE_DAYS
    found = date.fromordinal(ordinal - cycles * _CYCLE_DAYS + 1)
    return found.year + cycles * _CYCLE_YEARS, found.month, found.day


def month_start(months: int) -> int:
    """The day number of the first day of a month; months are counted from January of the year 0."""
    return day_number(months // 12, months % 12 + 1, 1)


def day_in_month(months: int, day: int) -> int:
    """The day number of a day of a month, limited to the month's length."""
    start = month_start(months)
    return start + min(day, month_start(months + 1) - start) - 1


def weekday(day: int) -> int:
    """0 for Monday, up to 6."""
    return (day + 3) % 7
