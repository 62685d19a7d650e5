"""Times as other systems write them: numbers since 1970, and local times as text. All become whole microseconds since 1970."""

import math
import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mypy_extensions import i64

from etapa.contracts.rfc3339 import EARLIEST, LATEST, microseconds_of
from etapa.errors import EtapaError
from etapa.sources.language.model import Unit

_PER_UNIT: Final[dict[Unit, tuple[int, int]]] = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
"""Microseconds in each unit."""

LONGEST_WHOLE: Final = 18
"""The most digits of a number that certainly fits 64 bits."""

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?\s*")

_DAY_AND_MONTH: Final = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?:[ T]([0-9]{1,2}:[0-9]{2})(:[0-9]{2})?)?")


class NoTime(EtapaError, ValueError):
    """The value is not a time; the message says what was expected, never the value."""


def time_of_number(value: Any, unit: Unit) -> int:
    """A number of `unit` since 1970, or a text with such a number, in microseconds. Raises `NoTime`."""
    many, few = _PER_UNIT[unit]
    if isinstance(value, str):
        if len(value) <= LONGEST_WHOLE and value.isascii() and value.isdecimal():
            # What exports of JSON write for numbers of 64 bits.
            if many != few:
                return _in_range(int(value) * many // few)
            # In compiled code, integers of 64 bits are much faster than those of any size.
            whole: i64 = int(value)
            if whole <= LATEST:
                return whole
        if _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NoTime(f"expected a number of {unit} since 1970")
    if not isinstance(value, float):
        return _in_range(value * many // few)
    at = value * many / few
    # Of two numbers that both are finite, the product may not be.
    if not math.isfinite(at):
        raise NoTime("expected a time within the years 1 to 9999")
    return _in_range(round(at))


class LocalTime:
    """Local times of a zone, in the format `form`, or ISO 8601 without one. An offset in the text takes precedence over the zone."""

    def __init__(self, zone: str, form: str | None) -> None:
        self._zone: Final = zoneinfo.ZoneInfo(zone)
        self._form: Final = form

    def read(self, value: Any) -> int:
        """The time in microseconds since 1970. Raises `NoTime`."""
        if not isinstance(value, str):
            raise NoTime("expected a time as text")
        form = self._form
        try:
            moment = datetime.fromisoformat(value.strip()) if form is None else datetime.strptime(value.strip(), form)  # noqa: DTZ007
        except ValueError:
            raise NoTime(f"expected a time in ISO 8601{_seen(value)}" if form is None else f'expected a time written as "{form}"') from None
        try:
            return _in_range(microseconds_of(moment if moment.tzinfo is not None else _absolute(moment, self._zone)))
        except OverflowError:
            raise NoTime("expected a time within the years 1 to 9999") from None


def _seen(text: str) -> str:
    """How a time that is not in ISO 8601 is written, and the `form` for it; empty if that is not known."""
    match = _DAY_AND_MONTH.fullmatch(text.strip())
    if match is None:
        return ""
    first, sign, second, year, hour, seconds = match.groups()
    days = ["%d", "%m"] if int(second) <= 12 else ["%m", "%d"]
    day_first, month_first = (sign.join(parts) for parts in (("day", "month", "year"), ("month", "day", "year")))
    order = day_first if int(first) > 12 else month_first if int(second) > 12 else f"{day_first} or {month_first}"
    form = sign.join([*days, "%Y" if len(year) == 4 else "%y"])
    if hour is not None:
        form += f" {'%H:%M:%S' if seconds else '%H:%M'}"
    return f', found {order}; in a source file: {{of: …, zone: …, form: "{form}"}}'


def _in_range(at: int) -> int:
    if not EARLIEST <= at <= LATEST:
        raise NoTime("expected a time within the years 1 to 9999")
    return at


def _absolute(local: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The instant of a local time. One that the clocks skip becomes the moment of the jump; of one that occurs twice, the first counts."""
    earlier = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if earlier.astimezone(zone).replace(tzinfo=None) == local:
        return earlier
    # Before the jump the offset is that of fold 0, afterwards that of fold 1.
    after = local.replace(tzinfo=zone, fold=1)
    offset_after = after.utcoffset()
    low, high = after.astimezone(UTC).replace(microsecond=0), earlier
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset_after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)
