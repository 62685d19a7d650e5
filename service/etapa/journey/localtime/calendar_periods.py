"""Days, weeks, months, quarters and years of a local calendar: when the current one began, and when the one before it did."""

from typing import Final, final

from etapa.journey.localtime.civil import date_of, day_number, month_start, weekday
from etapa.journey.localtime.zone import FOREVER, Zone
from etapa.journey.units import DAY

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


@final
class Period:
    """One period, as far as the calendar shows it without a break. All attributes are instants."""

    # Tracked by the garbage collector, unlike other classes as small: each holds the next, and Python corrupts memory when it
    # frees a long chain of untracked objects.

    __slots__ = ("_following", "before", "day", "end", "known_from", "start", "zone")

    def __init__(self, zone: Zone, day: int, known_from: int, before: int, start: int, end: int) -> None:
        self.zone: Final = zone
        self.day: Final = day
        """The first instant of the period."""
        self.known_from: Final = known_from
        """The calendar has shown this period at least since this instant."""
        self.before: Final = before
        """The start of the period before."""
        self.start: Final = start
        self.end: Final = end
        """When the calendar first shows another period; `FOREVER` if it never does."""
        self._following: Period | None = None


@final
class Periods:
    """All periods of one unit. Immutable, except that it caches the last periods asked for."""

    __slots__ = ("_lately", "_months", "_weekly")

    def __init__(self, unit: str) -> None:
        self._weekly: Final = unit == "week"
        self._months: Final = _MONTHS.get(unit, 0)
        self._lately: Final[dict[str, Period]] = {}
        """By zone; there are only a few hundred zones."""

    def around(self, zone: Zone, now: int) -> Period:
        """The period at `now`."""
        period = self._lately.get(zone.name)
        if period is not None and period.known_from <= now < period.end:
            return period
        if period is not None and now >= period.end:
            following = self.following(period)
            if now < following.end:
                self._lately[zone.name] = following
                return following
        period = self._lately[zone.name] = self._worked_out(zone, now)
        return period

    def following(self, period: Period) -> Period:
        """The period that the calendar shows next."""
        following = period._following
        if following is None:
            following = period._following = self._worked_out(period.zone, period.end)
        return following

    def _worked_out(self, zone: Zone, now: int) -> Period:
        day = self.first_day(zone.local(now) // DAY)
        before, start = zone.instant(self.first_day(day - 1) * DAY), zone.instant(day * DAY)
        return Period(zone, day, now, before, start, self._turns_after(zone, day, now))

    def _turns_after(self, zone: Zone, day: int, now: int) -> int:
        """When the calendar stops showing the period that begins with `day`, which it shows at `now`."""
        next_day = self._next_first_day(day) * DAY
        at = now
        while True:
            change = zone.changes_after(at)
            at = min(change, next_day - zone.offset(at))
            if at >= FOREVER or self.first_day(zone.local(at) // DAY) != day:
                return at

    def first_day(self, day: int) -> int:
        """The first day of the period that a day is in."""
        if self._months:
            year, month, _ = date_of(day)
            return day_number(year, (month - 1) // self._months * self._months + 1, 1)
        return day - weekday(day) if self._weekly else day

    def _next_first_day(self, day: int) -> int:
        if self._months:
            year, month, _ = date_of(day)
            return month_start(year * 12 + month - 1 + self._months)
        return day + 7 if self._weekly else day + 1
