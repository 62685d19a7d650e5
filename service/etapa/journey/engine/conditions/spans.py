"""The conditions on windows that end before now or follow the customer's calendar, and on days.

They all look at a span of time; they differ in how it moves.
"""

from bisect import bisect_right
from typing import Any, Final, final

from etapa.journey.engine.accumulators.before import CountBefore, LastBefore, ValuesBefore
from etapa.journey.engine.accumulators.estimates import ENOUGH, Between
from etapa.journey.engine.accumulators.kept_value import LastValue
from etapa.journey.engine.accumulators.keys import DayKey, DaysEver, KeyOf, KeysBefore, KeysBetween, KeysWithin, ValueKey
from etapa.journey.engine.accumulators.window import CountWindow, ValueWindow
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.falling import by_time_as_numbers_fall
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, LONG_AGO, NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.comparing import Comparing, all_alike
from etapa.journey.engine.queries.latest_and_distinct import DaysCounted, KeysAmong, KeysEarliest, KeysLatest, LatestBefore, LatestValue
from etapa.journey.engine.queries.series import Aggregated, AggregatedBefore, Counted, CountedBefore, Series
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.matching.windows import Calendar, Unit, Window
from etapa.journey.language.model import Comparison, Match
from etapa.journey.localtime.calendar_periods import Periods
from etapa.journey.units import DAY, HOUR

_SHORTEST: Final[dict[Unit, int]] = {"day": 20 * HOUR, "week": 6 * DAY, "month": 27 * DAY, "quarter": 89 * DAY, "year": 364 * DAY}
"""The shortest day that was not skipped altogether, in any zone and with any change of clocks since 1970."""
_MOST_APART: Final = 3 * DAY
"""The most by which a change of clocks turns a calendar back."""


class SpanCompares(CompiledLeaf):
    """The value of a series in a span satisfies the comparison. Base of conditions whose spans move in different ways."""

    __slots__ = ("comparing", "key", "place", "series")

    def __init__(self, text: str, series: Series, comparing: Comparing) -> None:
        super().__init__(text)
        self.series: Final = series
        self.key: Final = series.accumulator.key
        self.place: Final = series.accumulator.place
        self.comparing: Final = comparing

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.comparing.of(customer).accepts(self._value(customer, now))

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self.comparing.shown(self._value(customer, now))

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.place]
        if entry is None:
            return True
        gone, upto = self._ends(customer, now)
        return self.series.exact(entry, gone, upto)

    def off_by_at_most(self, customer: Customer, now: int) -> Any:
        gone, upto = self._ends(customer, now)
        return self.comparing.shown_length(self.series.off_by_at_most(customer.memory[self.place], gone, upto))

    def _ends(self, customer: Customer, now: int) -> tuple[int, int]:
        """The span: after the first time, up to and including the second."""
        raise NotImplementedError

    def _value(self, customer: Customer, now: int) -> Any:
        raise NotImplementedError


@final
class SlidingCompares(SpanCompares):
    """A span that ends a given time ago, and begins a given time before that or has no beginning."""

    __slots__ = ("before", "numbers_fall", "within")

    def __init__(self, text: str, series: Series, window: Window, comparing: Comparing) -> None:
        super().__init__(text, series, comparing)
        self.within: Final = NEVER if window.within is None else window.within
        self.before: Final = window.before or 0
        self.numbers_fall: Final = None if window.before is not None else by_time_as_numbers_fall(comparing.comparison)

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        times = self.series.times(entry)
        within, before = self.within, self.before
        compare = self.comparing.of(customer)
        present = self._value(customer, now)
        truth = compare.accepts(present)
        # Touchpoints that have yet to leave, and those that have yet to enter.
        leaving = len(times) if within == NEVER else bisect_right(times, now - within)
        entering = bisect_right(times, now - before)
        estimates, bounds = self.series.estimates(entry) if len(times) >= ENOUGH else None, self.comparing.bounds_of(customer)
        if estimates is not None:
            low, high = estimates.anywhere()
            nothing: Any = self.series.nothing
            is_there = nothing is not None or (within == NEVER and present is not None) or compare.accepts(nothing) is truth
            if is_there and all_alike(bounds, low, high) and compare.accepts(low) is truth:
                return NEVER
        while leaving < len(times) or entering < len(times):
            leaves = times[leaving] + within if within != NEVER and leaving < len(times) else NEVER
            enters = times[entering] + before if entering < len(times) else NEVER
            at = min(leaves, enters)
            if at > END_OF_TIME:
                return NEVER
            if leaves == at:
                leaving = bisect_right(times, at - within, leaving)
            if enters == at:
                entering = bisect_right(times, at - before, entering)
            about: Between = None if estimates is None else estimates.between(0 if within == NEVER else leaving, entering)
            if about is not None and (about[0] == about[1] or all_alike(bounds, about[0], about[1])):
                differs = compare.accepts(about[0]) is not truth
            else:
                gone = LONG_AGO if within == NEVER else at - within
                differs = compare.accepts(self.series.value(entry, gone, at - before)) is not truth
            if differs:
                return at
        return NEVER

    def _ends(self, customer: Customer, now: int) -> tuple[int, int]:
        return self._gone(now), now - self.before

    def changes_by_time(self) -> tuple[bool, bool]:
        if self.within == NEVER and not self.before:
            return False, False
        return (True, True) if self.numbers_fall is None else self.numbers_fall

    def _value(self, customer: Customer, now: int) -> Any:
        entry = customer.memory[self.place]
        return self.series.nothing if entry is None else self.series.value(entry, self._gone(now), now - self.before)

    def _gone(self, now: int) -> int:
        return LONG_AGO if self.within == NEVER else now - self.within


@final
class CalendarCompares(SpanCompares):
    """A period of the customer's calendar: the current one up to now, or the one before it."""

    __slots__ = ("last", "periods", "where")

    def __init__(self, text: str, series: Series, calendar: Calendar, where: Whereabouts, comparing: Comparing) -> None:
        super().__init__(text, series, comparing)
        self.last: Final = calendar.last
        self.periods: Final = Periods(calendar.unit)
        self.where: Final = where

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        times = self.series.times(entry)
        newest = times[-1] if times else LONG_AGO
        period = self.periods.around(self.where.of(customer), now)
        compare = self.comparing.of(customer)
        truth = compare.accepts(self._value_in(entry, period.before, period.start))
        while period.end <= END_OF_TIME:
            at = period.end
            period = self.periods.following(period)
            if compare.accepts(self._value_in(entry, period.before, period.start)) is not truth:
                return at
            if newest + _MOST_APART < (period.before if self.last else period.start):
                # Later periods are as empty as this one.
                return NEVER
        return NEVER

    def _ends(self, customer: Customer, now: int) -> tuple[int, int]:
        period = self.periods.around(self.where.of(customer), now)
        return (period.before - 1, period.start - 1) if self.last else (period.start - 1, now)

    def traits(self) -> tuple[str, ...]:
        return self.where.traits()

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, True

    def _value(self, customer: Customer, now: int) -> Any:
        entry = customer.memory[self.place]
        if entry is None:
            return self.series.nothing
        period = self.periods.around(self.where.of(customer), now)
        return self._value_in(entry, period.before, period.start)

    def _value_in(self, entry: Any, before: int, start: int) -> Any:
        if self.last:
            return self.series.value(entry, before - 1, start - 1)
        # Nothing is later than now.
        return self.series.value(entry, start - 1, NEVER)


def compile_span(text: str, series: Series, window: Window, surroundings: Surroundings, comparison: Comparison) -> CompiledLeaf:
    """The condition on the value of a series in a window."""
    comparing = Comparing(comparison, surroundings.whereabouts)
    if window.calendar is not None:
        return CalendarCompares(text, series, window.calendar, surroundings.whereabouts, comparing)
    return SlidingCompares(text, series, window, comparing)


def counted_in(match: Match, window: Window, surroundings: Surroundings) -> Series:
    """The count in a window other than ever."""
    reach = window.reach()
    if reach is None:
        return CountedBefore(surroundings.shared(CountBefore(match, window.before or 0)))
    return Counted(surroundings.shared(CountWindow(match, reach)))


def aggregated_in(written: Aggregate, surroundings: Surroundings) -> Series:
    """The aggregate of values in a window other than ever."""
    path, match, window, kind, conversion = written.path, written.match, written.window, written.kind, written.conversion
    if kind == "distinct":
        return keys_in(ValueKey(path, conversion), match, window, surroundings)
    if kind == "last":
        waits = _waits_for(window)
        if waits is None:
            last = surroundings.shared(LastValue(path, match, conversion))
            surroundings.watch_values_of(last.compared, last.asks, written.comparison)
            return LatestValue(last)
        before = surroundings.shared(LastBefore(path, match, waits, conversion))
        surroundings.watch_values_of(before.compared, before.asks, written.comparison)
        return LatestBefore(before)
    reach = window.reach()
    if reach is None:
        return AggregatedBefore(kind, surroundings.shared(ValuesBefore(path, match, window.before or 0, conversion, written.weights)))
    return Aggregated(kind, surroundings.shared(ValueWindow(path, match, reach, conversion, written.weights)))


def keys_in(key_of: KeyOf, match: Match, window: Window, surroundings: Surroundings) -> Series:
    """The number of different keys in a window other than ever."""
    reach = window.reach()
    if reach is None:
        return KeysEarliest(surroundings.shared(KeysBefore(key_of, match)))
    if _waits_for(window) is None:
        return KeysLatest(surroundings.shared(KeysWithin(key_of, match, reach)))
    shortest = reach - (window.before or 0) if window.calendar is None else _SHORTEST[window.calendar.unit]
    return KeysAmong(surroundings.shared(KeysBetween(key_of, match, reach, shortest)))


def compile_days(written: Days, text: str, surroundings: Surroundings) -> CompiledLeaf:
    surroundings.asks_for_zone = True
    window = written.window
    if window.reach() is None and window.before is None:
        series: Series = DaysCounted(surroundings.shared(DaysEver(written.match)))
    else:
        series = keys_in(DayKey(), written.match, window, surroundings)
    return compile_span(text, series, window, surroundings, written.comparison)


def _waits_for(window: Window) -> int | None:
    """How long a touchpoint may have to wait before it enters the window; none if it is inside from the start."""
    if window.calendar is None:
        return window.before
    # Touchpoints in the current period have to wait, but not longer than a period.
    return Calendar(window.calendar.unit).reach() if window.calendar.last else None
