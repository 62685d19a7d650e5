"""The conditions on the customer's local time and on dates."""

from typing import Any, Final, final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.beginnings import trait_key
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.clock import WEEKDAYS, LocalClock, Times
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.date import Date, Offset
from etapa.journey.language.matching.type_checks import TypeCheck
from etapa.journey.localtime.civil import date_of, day_in_month, weekday
from etapa.journey.localtime.dates import Moment, read_date
from etapa.journey.localtime.zone import Zone
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

_MOST_SPANS: Final = 4096
"""Most dates whose next change is cached; beyond that it is computed again."""
_LONGEST_KEPT: Final = 40
"""Most characters of a date that is cached. Systems write no longer dates."""
_FARTHEST: Final = 3 * DAY
"""More than any two local clocks, or one clock before and after a change, can differ."""

Span = tuple[int, int, bool]
"""Start, end (exclusive), and the answer that holds all that time."""
_NEVER_NEAR: Final[Span] = (-NEVER, NEVER, False)


class ClockShows(CompiledLeaf):
    """The customer's local time is one of the given times."""

    __slots__ = ("_days", "_ends", "_marks", "_starts", "where")

    def __init__(self, text: str, times: Times, where: Whereabouts) -> None:
        super().__init__(text)
        self.where: Final = where
        self._days: Final = frozenset(range(7) if times.days is None else times.days)
        self._starts: Final = 0 if times.hours is None else times.hours.start
        self._ends: Final = DAY if times.hours is None else times.hours.end
        self._marks: Final = sorted({0, self._starts, self._ends % DAY})
        """The times of day at which the answer may change."""

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.shows(self.where.of(customer).local(now))

    def until(self, customer: Customer, now: int) -> int:
        return self.turns_after(self.where.of(customer), now)

    def turns_after(self, zone: Zone, now: int) -> int:
        """The first instant after `now` at which the answer changes."""
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
        """Whether a local time is one of the given times."""
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


class DateIsNear(CompiledLeaf):
    """Now is between two offsets from the date in a trait: that date itself, or the same day of any year or month.

    Immutable, except that it caches how long its latest answers hold.
    """

    __slots__ = ("_spans", "begins", "ends", "every", "trait", "where")

    def __init__(self, text: str, date: Date, where: Whereabouts) -> None:
        super().__init__(text)
        self.trait: Final = date.trait
        self.every: Final = date.every
        self.begins: Final = date.begins
        self.ends: Final = date.ends
        self.where: Final = where
        self._spans: Final[dict[tuple[str, str], Span]] = {}

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self._span(customer, now)[2]

    def rises(self, customer: Customer, now: int) -> int:
        _, end, near = self._span(customer, now)
        return now if near else end

    def until(self, customer: Customer, now: int) -> int:
        return self._span(customer, now)[1]

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        told = self._told(customer)
        return told if isinstance(told, str) and read_date(told) is not None else None

    def memory_key(self) -> str | None:
        return trait_key(self.trait)

    def told_at(self, customer: Customer) -> int | None:
        return customer.trait_told_at(self.trait)

    def traits(self) -> tuple[str, ...]:
        return (self.trait, *self.where.traits())

    def changes_by_time(self) -> tuple[bool, bool]:
        if self.every is not None:
            return True, True
        return self.begins is not None, self.ends is not None

    def _told(self, customer: Customer) -> Any:
        return customer.trait(self.trait, None)

    def _span(self, customer: Customer, now: int) -> Span:
        told = self._told(customer)
        if not isinstance(told, str):
            return _NEVER_NEAR
        zone = self.where.of(customer)
        span = self._spans.get((told, zone.name))
        if span is not None and span[0] <= now < span[1]:
            return span
        moment = read_date(told)
        if moment is None:
            return _NEVER_NEAR
        start, end, near = self.span_around(moment, zone, now)
        span = (start, end if end <= END_OF_TIME else NEVER, near)
        if len(told) <= _LONGEST_KEPT:
            if len(self._spans) >= _MOST_SPANS:
                self._spans.clear()
            self._spans[told, zone.name] = span
        return span

    def span_around(self, moment: Moment, zone: Zone, now: int) -> Span:
        """The span around `now` with the same answer. It may begin later than that answer did."""
        local = moment.day * DAY if moment.instant is None else zone.local(moment.instant)
        if self.every is not None:
            return self._span_of_many(local, zone, now)
        begins, ends = self._moved(local, moment.instant, self.begins, zone), self._moved(local, moment.instant, self.ends, zone)
        begins = -NEVER if begins is None else begins
        ends = NEVER if ends is None else ends
        if now >= ends or begins >= ends:
            return now, NEVER, False
        return (begins, ends, True) if now >= begins else (now, begins, False)

    def _span_of_many(self, local: int, zone: Zone, now: int) -> Span:
        """The same for the same day of any year or month. It holds for less than a year or month, so only neighbouring days can meet."""
        days = Anniversaries(local, self.every == "year")
        place = days.near(zone.local(now) - (0 if self.begins is None else self.begins.length))
        begins = self._begins(days, place, zone)
        following = self._begins(days, place + 1, zone)
        while begins > now:
            place -= 1
            following, begins = begins, self._begins(days, place, zone)
        while following <= now:
            place += 1
            begins, following = following, self._begins(days, place + 1, zone)
        ends = self._ends(days, place, zone)
        if now >= ends and now - begins < _FARTHEST:
            # If a change of clocks made the day shorter, the previous one may overlap this one.
            ends = self._ends(days, place - 1, zone)
        near = now < ends
        end = ends if near else following
        # Adjoining spans are joined, and one that a change of clocks leaves no time for is skipped.
        while following <= END_OF_TIME:
            place += 1
            ends = self._ends(days, place, zone)
            if near:
                if following > end:
                    break
                end = max(end, ends)
            elif ends > following:
                break
            following = self._begins(days, place + 1, zone)
            if not near:
                end = following
        return (begins if near else now), end, near

    def _begins(self, days: "Anniversaries", place: int, zone: Zone) -> int:
        at = self._moved(days.local(place), None, self.begins, zone)
        return -NEVER if at is None else at

    def _ends(self, days: "Anniversaries", place: int, zone: Zone) -> int:
        at = self._moved(days.local(place), None, self.ends, zone)
        return NEVER if at is None else at

    def _moved(self, local: int, instant: int | None, offset: Offset | None, zone: Zone) -> int | None:
        """The instant at that offset from a local time. Without days in the offset, a known instant needs no calendar."""
        if offset is None:
            return None
        if instant is not None and offset.days == 0:
            return instant + offset.elapsed
        return zone.instant(local + offset.days * DAY) + offset.elapsed


@final
class Anniversaries:
    """The same day and time of day in every year or every month, numbered consecutively."""

    __slots__ = ("_day", "_month", "_step", "_time")

    def __init__(self, local: int, yearly: bool) -> None:  # noqa: FBT001
        day = local // DAY
        self._time: Final = local - day * DAY
        _, month, self._day = date_of(day)
        self._step: Final = 12 if yearly else 1
        self._month: Final = month - 1 if yearly else 0

    def near(self, local: int) -> int:
        """The number of the anniversary in the year or month of a local time."""
        year, month, _ = date_of(local // DAY)
        return year if self._step == 12 else year * 12 + month - 1

    def local(self, place: int) -> int:
        """The local time of the anniversary with that number; the day is limited to the month's length."""
        return day_in_month(place * self._step + self._month, self._day) * DAY + self._time


def compile_clock(written: LocalClock, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return ClockShows(text, written.times, surroundings.whereabouts)


def compile_date(written: Date, text: str, surroundings: Surroundings) -> CompiledLeaf:
    surroundings.watch_trait(written.trait, TypeCheck([], "date"))
    return DateIsNear(text, written, surroundings.whereabouts)
