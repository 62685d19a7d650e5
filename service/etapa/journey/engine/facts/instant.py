"""Points in time as whole microseconds since 1970-01-01T00:00:00Z, and the two that mean "never"."""

from datetime import date
from typing import Any, Final

from mypy_extensions import i64

from etapa.journey.units import DAY, SECOND

NEVER: Final = 2**62 - 1
"""Later than every time: when something happens that never happens by itself. Never stored.

The largest integer that compiled code handles without creating an object.
"""

END_OF_TIME: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999. Messages cannot express later times, so there are no timers after it."""

BEGINNING_OF_TIME: Final = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, the first time that messages can express."""

LONG_AGO: Final = -(2**62)
"""Earlier than every time. Stored for a chain of touchpoints that has not begun."""

_MOST_EXACT: Final = 2**53
"""Up to this, floats hold every whole number."""

_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_MOST_DAYS: Final = 4096
_days: Final[dict[int, str]] = {}
"""Recently written days, cached because most times fall on a few days."""
_TWO_DIGITS: Final = [f"{number:02}" for number in range(60)]
_THREE_DIGITS: Final = [f"{number:03}" for number in range(1000)]


def ratio(part: int, whole: int) -> float:
    """`part / whole`, correctly rounded."""
    if -_MOST_EXACT <= part <= _MOST_EXACT and 0 < whole <= _MOST_EXACT:
        return float(part) / float(whole)
    return _rounded_once(part, whole)


def _rounded_once(part: Any, whole: Any) -> float:
    """The same for large integers, which compiled code rounds twice when it knows that they are integers."""
    quotient: float = part / whole
    return quotient


def instant_text(at: int) -> str:
    """RFC 3339 in UTC, such as `2026-11-21T10:00:00Z`; with six decimals unless the second is whole.

    Raises `OverflowError` outside the years 1 to 9999.
    """
    if not BEGINNING_OF_TIME <= at <= END_OF_TIME:
        raise OverflowError("the time lies outside the years 1 to 9999")
    exactly: i64 = at
    day = exactly // DAY
    written = _days.get(day)
    if written is None:
        if len(_days) >= _MOST_DAYS:
            _days.clear()
        written = _days[day] = date.fromordinal(_FIRST_DAY + day).isoformat() + "T"
    rest = exactly - day * DAY
    second = rest // SECOND
    micro = rest - second * SECOND
    minute = second // 60
    hour = minute // 60
    hours, minutes, seconds = _TWO_DIGITS[hour], _TWO_DIGITS[minute - hour * 60], _TWO_DIGITS[second - minute * 60]
    if micro == 0:
        return f"{written}{hours}:{minutes}:{seconds}Z"
    millis, micros = _THREE_DIGITS[micro // 1000], _THREE_DIGITS[micro % 1000]
    return f"{written}{hours}:{minutes}:{seconds}.{millis}{micros}Z"


def time_text(at: int) -> str:
    """A time to the second, for reading: `2026-11-21T10:00:00Z`."""
    return instant_text(at - at % SECOND)
