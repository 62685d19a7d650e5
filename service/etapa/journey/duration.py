"""Durations as people write them (`90d`, `1d12h`) and as the engine counts them: whole microseconds."""

import re

from etapa.errors import EtapaError
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND, WEEK, YEAR

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK, "y": YEAR}
LONGEST = 1000 * YEAR
"""Far longer than any journey, but small enough that a time plus a duration stays within 64 bits."""

PATTERN = "^([0-9]{1,12}[smhdwy]){1,12}$"
"""The pattern of a duration, which RE2, Python and JSON Schema read alike."""

_WHOLE = re.compile(PATTERN)
_MONTHS = re.compile("[0-9]+ ?mo", re.IGNORECASE)
_PART = re.compile("([0-9]+)([smhdwy])")
# Weeks are left out on purpose: people think of `90d`, not of `12w6d`.
_WRITTEN = (("y", YEAR), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND))


class DurationError(EtapaError, ValueError):
    """The text is not a duration; the message says what one looks like."""


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as `45s`, `3h` or `1d12h`; `0s` is zero. Raises `DurationError`."""
    # `$` would accept a trailing line break.
    if not _WHOLE.match(text) or text.endswith("\n"):
        months = "; there is no unit for months, because they differ in length: 30d" if _MONTHS.match(text) else ""
        raise DurationError(
            f"{text!r} is not a duration: write whole numbers with units s, m, h, d, w or y (365 d), such as 90d or 1d12h{months}"
        )
    total = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(text))
    if total > LONGEST:
        raise DurationError(f"{text!r} is longer than {format_duration(LONGEST)}")
    return total


def format_duration(microseconds: int) -> str:
    """The shortest usual way to write a duration: `1d12h`, `2y`, `0s`.

    Whole seconds can be parsed back unchanged. Fractions of a second are shown (`1.5s`) and negative durations get a minus
    sign; journey files can contain neither.
    """
    if microseconds < 0:
        return "-" + format_duration(-microseconds)
    parts = []
    rest = microseconds
    for unit, length in _WRITTEN:
        number, rest = divmod(rest, length)
        if unit == "s" and rest:
            parts.append(f"{number}.{rest:06d}".rstrip("0") + "s")
        elif number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def roughly(duration: int) -> str:
    """A duration to about two units: nobody needs the seconds of a stay of months."""
    for unit, finer in ((DAY, HOUR), (HOUR, MINUTE), (MINUTE, SECOND)):
        if duration >= unit:
            return format_duration(duration // finer * finer)
    return format_duration(duration)
