"""The periods of figures: hours, which later become days and then months, all in UTC.

Figures older than `HOURS_KEPT` are kept by whole days, and those older than `DAYS_KEPT` by whole months, counted from the ledger's
time. That time never goes back, so a period is only ever folded into a longer one.
"""

from collections.abc import Callable
from datetime import date
from typing import Final, Literal

from etapa.journey.units import DAY, HOUR

Grain = Literal["hour", "day", "month"]
"""The length of a period."""
GRAINS: Final[tuple[Grain, ...]] = ("hour", "day", "month")

HOURS_KEPT: Final = 14 * DAY
DAYS_KEPT: Final = 800 * DAY

_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_LENGTHS: Final[dict[int, Grain]] = {13: "hour", 10: "day", 7: "month"}

Period = str
"""`2026-11-21T10`, `2026-11-21` or `2026-11`: an hour, a day or a month, as its length shows."""


def period_of(at: int, grain: Grain) -> Period:
    """The period of an instant (microseconds since 1970, years 1 to 9999)."""
    day = date.fromordinal(_FIRST_DAY + at // DAY).isoformat()
    if grain == "hour":
        return f"{day}T{at % DAY // HOUR:02}"
    return day if grain == "day" else day[:7]


def grain_of(period: Period) -> Grain:
    """The length of a period. Raises `ValueError` if it is not a period."""
    grain = _LENGTHS.get(len(period))
    if grain is None:
        raise ValueError(f"{period[:40]!r} is not an hour, day or month")
    return grain


def start_of(period: Period) -> int:
    """Its first microsecond. Raises `ValueError` if it is not a period."""
    grain = grain_of(period)
    day = date.fromisoformat(f"{period}-01" if grain == "month" else period[:10])
    start = (day.toordinal() - _FIRST_DAY) * DAY + (int(period[11:]) * HOUR if grain == "hour" else 0)
    # Python also reads other ways of writing a date.
    if period_of(start, grain) != period:
        raise ValueError(f"{period!r} is not an hour, day or month")
    return start


def end_of(period: Period) -> int:
    """The first microsecond after it. Raises `ValueError` if it is not a period."""
    grain, start = grain_of(period), start_of(period)
    if grain == "hour":
        return start + HOUR
    if grain == "day":
        return start + DAY
    year, month = int(period[:4]), int(period[5:])
    if (year, month) == (9999, 12):
        return start + 31 * DAY
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following.toordinal() - _FIRST_DAY) * DAY


def kept_period(at: int, now: int) -> Period:
    """The period in which a ledger whose time is `now` counts an instant."""
    if at >= now - HOURS_KEPT:
        return period_of(at, "hour")
    # All of a day or none of it, so that a day's hours are folded together.
    day = period_of(at, "day")
    if end_of(day) > now - HOURS_KEPT:
        return period_of(at, "hour")
    if at >= now - DAYS_KEPT:
        return day
    month = period_of(at, "month")
    return day if end_of(month) > now - DAYS_KEPT else month


def period_finder(now: int) -> Callable[[int], Period]:
    """`kept_period` for many instants and one time: worked out once for each hour that is still kept as one, else once for each day."""
    # A day is kept by hours as long as any instant of it is.
    first_by_hours = (now - HOURS_KEPT) // DAY * DAY
    found: dict[int, Period] = {}

    def find(at: int) -> Period:
        start = at // HOUR * HOUR if at >= first_by_hours else at // DAY * DAY
        period = found.get(start)
        if period is None:
            period = found[start] = kept_period(start, now)
        return period

    return find


def coarser(period: Period, grain: Grain) -> Period:
    """The period of that grain that contains it, or itself if it is already that long."""
    return period if GRAINS.index(grain_of(period)) >= GRAINS.index(grain) else period_of(start_of(period), grain)
