"""Dates and instants as people and systems write them: `1996-02-29`, `2026-11-21T10:00:00-04:00`."""

import re
from typing import Final, NamedTuple

from etapa.journey.localtime.civil import day_number
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

_TEXT: Final = re.compile(
    "([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.]([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2})))?"
)
_MICROSECOND_DIGITS: Final = 6


class Moment(NamedTuple):
    """A day without a time (a day number, no instant), or an instant (microseconds since 1970) with its day in UTC."""

    day: int
    instant: int | None


def read_date(value: object) -> Moment | None:
    """The date or date-time in a text, as in RFC 3339; none for anything else. Digits beyond the microsecond are cut."""
    found = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, digits, sign, ahead_hours, ahead_minutes = found.groups()
    if year == "0000":
        return None
    try:
        number = day_number(int(year), int(month), int(day))
    except ValueError:
        return None
    if hour is None:
        return Moment(number, None)
    ahead = 0 if sign is None else int(ahead_hours) * HOUR + int(ahead_minutes) * MINUTE
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59 or (sign is not None and (int(ahead_hours) > 23 or int(ahead_minutes) > 59)):
        return None
    micro = int((digits or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))
    instant = number * DAY + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND + micro
    instant += ahead if sign == "-" else -ahead
    return Moment(instant // DAY, instant)
