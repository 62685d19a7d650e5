"""The periods of figures: hours, which later become days and then months, all in UTC.

Figures older than `HOURS_KEPT` are kept by whole days, and those older than `DAYS_KEPT` by whole months, counted from the ledger's
time. That time never goes back, so a period is only ever folded into a longer one.
"""

from datetime import date
from typing import Final, Literal, final

from etapa.journey.units import DAY, HOUR

Grain = Literal["hour", "day", "month"]
"""The length of a period."""
GRAINS: Final[tuple[Grain, ...]] = ("hour", "day", "month")

HOURS_KEPT: Final = 14 * DAY
HOURS_APART: Final = 6 * HOUR
"""Hours of the present quarter of a day and of the one before have a record each, since most batches write some; earlier ones share that of their day."""
DAYS_KEPT: Final = 800 * DAY

_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_EARLIEST: Final = date.min.toordinal() - _FIRST_DAY
"""The first day of the year 1, in days since 1970."""
_HOUR: Final = 13
_DAY: Final = 10
_HOURS: Final = [f"{hour:02}" for hour in range(24)]
_LENGTHS: Final[dict[int, Grain]] = {_HOUR: "hour", _DAY: "day", 7: "month"}

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


def turn_of(now: int) -> int:
    """A number that stays the same as long as `KeptPeriods` do, and grows with them: that of the quarter of a day, counted from 1970."""
    return now // HOURS_APART


@final
class KeptPeriods:
    """The periods in which a ledger whose time is `now` counts, and the records that hold them. Changes every six hours (`turn_of`).

    What was counted in one of the last hours is a record of its own, since it is written often. Earlier hours are together in the
    record of their day, which is much smaller. When they are kept no longer, the day as a whole goes to the record of its month, together
    with the month's other days; when these are kept no longer, the same record has the month as a whole.
    """

    __slots__ = ("_days", "_first_by_hours", "_first_day", "_first_hour_with_record", "_first_month", "_found")

    def __init__(self, now: int) -> None:
        # A day is kept by hours as long as any instant of it is, and a month by days likewise.
        first = max((now - HOURS_KEPT) // DAY, _EARLIEST)
        self._first_by_hours: Final = first * DAY
        self._first_day: Final = period_of(first * DAY, "day")
        """The first day that is kept by hours."""
        self._first_hour_with_record: Final = period_of(max((turn_of(now) - 1) * HOURS_APART, _EARLIEST * DAY), "hour")
        self._first_month: Final = period_of(max((now - DAYS_KEPT) // DAY, _EARLIEST) * DAY, "month")
        """The first month that is kept by days."""
        self._found: Final[dict[int, Period]] = {}
        self._days: Final[dict[int, Period]] = {}

    def of(self, at: int) -> Period:
        """The period of an instant; worked out once for each hour that is still kept as one, else once for each day."""
        start = at // HOUR * HOUR if at >= self._first_by_hours else at // DAY * DAY
        period = self._found.get(start)
        if period is None:
            number = start // DAY
            day = self._days.get(number)
            if day is None:
                day = self._days[number] = period_of(start, "day")
            period = f"{day}T{_HOURS[start % DAY // HOUR]}" if at >= self._first_by_hours else self._longer(day)
            self._found[start] = period
        return period

    def outgrown(self, period: Period) -> Period | None:
        """The period into which the figures of `period` are to be folded; none if it is still kept as it is."""
        grain = grain_of(period)
        # Periods are written so that the later of two dates is also the greater text.
        if grain == "hour":
            return None if period[:10] >= self._first_day else self._longer(period[:10])
        return period[:7] if grain == "day" and period[:7] < self._first_month else None

    def record_of(self, period: Period) -> Period:
        """The period of the record that holds a kept period."""
        if len(period) == _HOUR:
            return period[:_DAY] if period < self._first_hour_with_record else period
        return period[:7] if len(period) == _DAY and period < self._first_day else period

    def outgrown_record(self, record: Period) -> Period | None:
        """The record into which one for `record` is to be moved; none if it stays."""
        if len(record) == _HOUR:
            return None if record >= self._first_hour_with_record else self.record_of(record[:_DAY])
        return record[:7] if len(record) == _DAY and record < self._first_day else None

    def is_in_parts(self, record: Period) -> bool:
        """Whether the record has parts: that of a day its hours, or that of a month its days; otherwise it has the period as a whole."""
        return len(record) == _DAY or (len(record) != _HOUR and record >= self._first_month)

    def _longer(self, day: Period) -> Period:
        return day if day[:7] >= self._first_month else day[:7]


def part_of(record: Period, period: Period) -> Period:
    """The part of a record of a day or a month that contains a period: an hour, or a day."""
    return period[:_HOUR] if len(record) == _DAY else period[:_DAY]


def coarser(period: Period, grain: Grain) -> Period:
    """The period of that grain that contains it, or itself if it is already that long."""
    return period if GRAINS.index(grain_of(period)) >= GRAINS.index(grain) else period_of(start_of(period), grain)
