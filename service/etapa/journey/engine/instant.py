"""Points in time as whole microseconds since 1970-01-01T00:00:00Z, and the two that stand for "never"."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

NEVER: Final = 2**62
"""Later than every time: the answer to *until when* for what does not change by itself. Never stored."""

END_OF_TIME: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999. A timer beyond it could not be written down in a message, so it is none."""

LONG_AGO: Final = -(2**62)
"""Earlier than every time, and stored where a chain of touchpoints has not begun."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def instant_text(at: int) -> str:
    """RFC 3339 in UTC, such as `2026-11-21T10:00:00Z`; with six decimals unless the second is whole."""
    return _encode(_EPOCH + timedelta(0, 0, at))[1:-1].decode("ascii")
