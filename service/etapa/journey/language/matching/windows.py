"""The time that a condition looks at: ever, a recent span, up to a time ago, or a period of the customer's calendar."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from etapa.journey.duration import format_duration
from etapa.journey.units import DAY

Unit = Literal["day", "week", "month", "quarter", "year"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
_LONGEST: Final[dict[Unit, int]] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_BETWEEN_WALLS: Final = 3
"""The most days by which calendars of two zones may differ, including changes of clocks."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The current period of the customer's calendar up to now, or the whole one before it. Weeks begin on Monday."""

    unit: Unit
    last: bool = False

    def text(self) -> str:
        """As written in a journey file."""
        return f"{'last' if self.last else 'this'} {self.unit}"

    def reach(self) -> int:
        """How far back it can begin in any zone, in microseconds."""
        return (_LONGEST[self.unit] * (2 if self.last else 1) + _BETWEEN_WALLS) * DAY


@dataclass(frozen=True, slots=True)
class Window:
    """`now - within < occurred_at <= now - before`, where either may be missing; or else a period of the calendar.

    Durations are microseconds.
    """

    within: int | None = None
    before: int | None = None
    calendar: Calendar | None = None

    def text(self) -> str:
        """To follow what it narrows: `, 30d`, `, this year`; empty if it is ever."""
        if self.calendar is not None:
            return f", {self.calendar.text()}"
        if self.before is None:
            return "" if self.within is None else f", {format_duration(self.within)}"
        if self.within is None:
            return f", {format_duration(self.before)} ago or earlier"
        return f", between {format_duration(self.within)} and {format_duration(self.before)} ago"

    def reach(self) -> int | None:
        """How far back it looks at most, in microseconds; none: to the beginning."""
        return self.within if self.calendar is None else self.calendar.reach()

    def lies_in(self, wider: "Window") -> bool:
        """Whether everything in it is certainly in `wider` too."""
        if self == wider or wider == EVER:
            return True
        if self.calendar is not None or wider.calendar is not None:
            return False
        goes_back = wider.within is None or (self.within is not None and self.within <= wider.within)
        return goes_back and (self.before or 0) >= (wider.before or 0)


EVER: Final = Window()
