"""Times as text (RFC 3339) and as whole microseconds since 1970-01-01T00:00:00Z, which is what everything inside uses."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from mypy_extensions import i64

from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME, instant_text

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = BEGINNING_OF_TIME
"""0001-01-01T00:00:00Z, the first time that this module can write."""
LATEST: Final = END_OF_TIME
"""9999-12-31T23:59:59.999999Z, the last one."""

OffsetTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in a message; it must have an offset."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(OffsetTime).decode


def microseconds_of(moment: datetime) -> int:
    """Microseconds since 1970 of a `datetime` that has an offset."""
    since = moment - EPOCH
    # Products beyond 2³¹ of plain integers are slow in compiled code.
    days: i64 = since.days
    seconds: i64 = since.seconds
    return (days * 86_400 + seconds) * 1_000_000 + since.microseconds


def moment_of(at: int) -> datetime:
    """The `datetime` in UTC of microseconds since 1970. Raises `OverflowError` outside the years 1 to 9999."""
    return EPOCH + timedelta(0, 0, at)


def format_time(at: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC. Raises `OverflowError` outside the years 1 to 9999."""
    return instant_text(at)


def parse_time(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time with an offset.

    Decimals beyond the microsecond are rounded, halves upwards. Raises `ValueError` with a message that says what
    is expected.
    """
    try:
        at = microseconds_of(_decode(_encode(text)))
    except (msgspec.DecodeError, UnicodeEncodeError):
        at = None
    if at is None or not EARLIEST <= at <= LATEST:
        raise ValueError(f"{text[:40]!r} is not a time; write it as RFC 3339 with an offset, such as 2026-11-21T10:00:00Z")
    return at
