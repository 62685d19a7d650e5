"""The conditions about the customer's local time and dates, and in which zone a customer is."""

from typing import Any, Final

from etapa.journey.engine.conditions.beginnings import trait_key
from etapa.journey.engine.conditions.condition import Leaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.conditions.whereabouts import Whereabouts
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.clock import WEEKDAYS, Clock, Times
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.date import Date, Offset
from etapa.journey.localtime.civil import date_of, day_in_month, weekday
from etapa.journey.localtime.dates import Moment, read_date
from etapa.journey.localtime.zone import Zone
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

_NEARBY: Final = 3
"""Years or months looked at on both sides of now. An interval is shorter than one of them, so no other one is near."""


class ClockShows(Leaf):
    """The wall shows one of the times where the customer is."""

    __slots__ = ("_days", "_ends", "_marks", "_starts", "where")

    def __init__(self, text: str, times: Times, where: Whereabouts) -> None:
        super().__init__(text)
        self.where: Final = where
        self._days: Final = frozenset(range(7) if times.days is None else times.days)
        self._starts: Final = 0 if times.hours is None else times.hours.start
        self._ends: Final = DAY if times.hours is None else times.hours.end
        self._marks: Final = sorted({0, self._starts, self._ends % DAY})
        """Times of day at which the answer may change."""

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.shows(self.where.of(customer).local(now))

    def until(self, customer: Customer, now: int) -> int:
        return self.turns_after(self.where.of(customer), now)

    def turns_after(self, zone: Zone, now: int) -> int:
        """The first instant after `now` at which the wall shows something else of the two."""
        at = now
        truth = self.shows(zone.local(at))
        while at <= END_OF_TIME:
            end = zone.changes_after(at)
            local = self._next_mark(zone.local(at))
            following = local - zone.offset(at)
            at = min(end, following)
            if self.shows(zone.local(at)) is not truth:
                return at
        return NEVER

    def shows(self, local: int) -> bool:
        """Whether a local time is one of them."""
        day = local // DAY
        time = local - day * DAY
        if self._starts < self._ends:
            return self._starts <= time < self._ends and weekday(day) in self._days
        return time >= self._starts or time < self._ends

    def _next_mark(self, local: int) -> int:
        day = local // DAY
        for mark in self._marks:
            if day * DAY + mark > local:
                return day * DAY + mark
        return (day + 1) * DAY

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        local = self.where.of(customer).local(now)
        day = local // DAY
        time = local - day * DAY
        return f"{WEEKDAYS[weekday(day)]} {time // HOUR:02}:{time % HOUR // MINUTE:02}:{time % MINUTE // SECOND:02}"

    def traits(self) -> tuple[str, ...]:
        return self.where.traits()

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, True


class DateIsNear(Leaf):
    """Now is between two distances from the date in a trait: that one, or the same day of any year or month."""

    __slots__ = ("begins", "ends", "every", "trait", "where")

    def __init__(self, text: str, date: Date, where: Whereabouts) -> None:
        super().__init__(text)
        self.trait: Final = date.trait
        self.every: Final = date.every
        self.begins: Final = date.begins
        self.ends: Final = date.ends
        self.where: Final = where

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        moment = read_date(self._told(customer))
        if moment is None:
            return False
        return _is_within(self.intervals(moment, self.where.of(customer), now), now)

    def until(self, customer: Customer, now: int) -> int:
        moment = read_date(self._told(customer))
        if moment is None:
            return NEVER
        intervals = self.intervals(moment, self.where.of(customer), now)
        truth = _is_within(intervals, now)
        for at in sorted([edge for interval in intervals for edge in interval if edge > now]):
            if _is_within(intervals, at) is not truth:
                return at if at <= END_OF_TIME else NEVER
        return NEVER

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        told = self._told(customer)
        return told if isinstance(told, str) and read_date(told) is not None else None

    def memory_key(self) -> str | None:
        return trait_key(self.trait)

    def told_at(self, customer: Customer) -> int | None:
        entry = customer.traits.get(self.trait)
        return None if entry is None else entry[0]

    def traits(self) -> tuple[str, ...]:
        return (self.trait, *self.where.traits())

    def changes_by_time(self) -> tuple[bool, bool]:
        if self.every is not None:
            return True, True
        return self.begins is not None, self.ends is not None

    def _told(self, customer: Customer) -> Any:
        entry = customer.traits.get(self.trait)
        return None if entry is None else entry[1]

    def intervals(self, moment: Moment, zone: Zone, now: int) -> list[tuple[int, int]]:
        """Those around `now`, from a beginning up to an end."""
        if self.every is None:
            return [self._interval(moment.day * DAY if moment.instant is None else zone.local(moment.instant), moment.instant, zone)]
        local = moment.day * DAY if moment.instant is None else zone.local(moment.instant)
        day = local // DAY
        time = local - day * DAY
        _, month, day_of_month = date_of(day)
        # The date near now is that far back from now.
        shift = 0 if self.begins is None else self.begins.length
        near_year, near_month, _ = date_of((now - shift) // DAY)
        step = 12 if self.every == "year" else 1
        middle = near_year * 12 + (month if self.every == "year" else near_month) - 1
        months = [middle + step * each for each in range(-_NEARBY, _NEARBY + 1)]
        return [self._interval(day_in_month(each, day_of_month) * DAY + time, None, zone) for each in months]

    def _interval(self, local: int, instant: int | None, zone: Zone) -> tuple[int, int]:
        begins = -NEVER if self.begins is None else _moved(local, instant, self.begins, zone)
        return begins, NEVER if self.ends is None else _moved(local, instant, self.ends, zone)


def _moved(local: int, instant: int | None, offset: Offset, zone: Zone) -> int:
    """The instant that far from a local time. Without days, an instant that is known is not taken through the calendar."""
    if instant is not None and offset.days == 0:
        return instant + offset.elapsed
    return zone.instant(local + offset.days * DAY) + offset.elapsed


def _is_within(intervals: list[tuple[int, int]], at: int) -> bool:
    for begins, ends in intervals:  # noqa: SIM110 - a generator would double the cost
        if begins <= at < ends:
            return True
    return False


def compile_clock(written: Clock, text: str, surroundings: Surroundings) -> Leaf:
    return ClockShows(text, written.times, surroundings.whereabouts)


def compile_date(written: Date, text: str, surroundings: Surroundings) -> Leaf:
    return DateIsNear(text, written, surroundings.whereabouts)
