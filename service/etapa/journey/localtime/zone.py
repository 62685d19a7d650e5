"""The local time of a place at an instant, and the first instant with a given local time."""

from bisect import bisect_right
from typing import Final, final

from etapa.journey.localtime.civil import date_of
from etapa.journey.localtime.tzif import YearlyRule, ZoneData
from etapa.journey.units import DAY, HOUR

FOREVER: Final = 2**62 - 1
"""Later than every transition; its negative is earlier than all."""
_WIDEST: Final = 26 * HOUR
"""No offset is larger."""
_LAST_YEAR: Final = 2100
"""Changes by a rule are cached up to this year; later ones are computed on demand."""


@final
class Zone:
    """The local time of a place. Immutable, except that it caches the last span and the changes by its rule."""

    __slots__ = ("_end", "_last", "_last_offset", "_offset", "_offsets", "_rule", "_start", "_times", "_years", "name")

    def __init__(self, name: str, data: ZoneData) -> None:
        self.name: Final = name
        self._times: Final = data.times
        self._offsets: Final = data.offsets
        self._rule: Final[YearlyRule | None] = data.rule
        self._last: Final = data.times[-1] if data.times else -FOREVER
        self._last_offset: Final = data.offsets[-1]
        self._years = date_of(self._last // DAY)[0] if data.times else _LAST_YEAR
        """Changes by the rule before this year are in `_times`."""
        self._start = 0
        self._end = 0
        self._offset = 0

    def offset(self, at: int) -> int:
        """How far local time is ahead of UTC at an instant."""
        if not self._start <= at < self._end:
            self._look_up(at)
        return self._offset

    def local(self, at: int) -> int:
        """The local time at an instant."""
        return at + self.offset(at)

    def changes_after(self, at: int) -> int:
        """The first instant after `at` at which the offset may change; `FOREVER` if it stays."""
        if not self._start <= at < self._end:
            self._look_up(at)
        return self._end

    def instant(self, local: int) -> int:
        """When local time is `local`: the first time if it is twice; the end of the gap if it is skipped."""
        at = local - _WIDEST
        while True:
            offset = self.offset(at)
            if local - offset < self._end:
                return max(local - offset, self._start)
            at = self._end

    def _look_up(self, at: int) -> None:
        """Find the span without a transition around `at`."""
        rule = self._rule
        if rule is not None and at >= self._last:
            year = date_of(at // DAY)[0]
            if year >= _LAST_YEAR - 1 or not self._times:
                self._look_up_by_rule(rule, at, year)
                return
            self._follow(rule, year + 2)
        place = bisect_right(self._times, at)
        self._start = self._times[place - 1] if place else -FOREVER
        self._end = self._times[place] if place < len(self._times) else FOREVER
        self._offset = self._offsets[place]

    def _follow(self, rule: YearlyRule, years: int) -> None:
        """Add the changes before the year `years` to the known ones."""
        while self._years < years:
            for transition, offset in rule.transitions(self._years):
                if transition > self._last:
                    self._times.append(transition)
                    self._offsets.append(offset)
            self._years += 1

    def _look_up_by_rule(self, rule: YearlyRule, at: int, year: int) -> None:
        """The same, from the rule alone."""
        self._start, self._offset, self._end = self._last, self._last_offset, FOREVER
        for transition, offset in [each for near in (year - 1, year, year + 1) for each in rule.transitions(near)]:
            if transition <= self._last:
                continue
            if transition > at:
                self._end = transition
                return
            self._start, self._offset = transition, offset
