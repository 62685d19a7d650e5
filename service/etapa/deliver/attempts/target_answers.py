"""What a target's answer means: delivered, refused for good, or failed for now; and how long it asks us to wait.

Status codes follow the Standard Webhooks specification: only 2xx means delivered. Redirects are never followed, so 3xx is a refusal.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

import msgspec

from etapa.contracts.rfc3339 import microseconds_of
from etapa.journey.units import DAY, SECOND

_LONGEST_WAIT = 10 * 366 * DAY
"""A longer wait cannot be meant. The caller limits it further."""

Verdict = Literal["delivered", "refused", "failed"]

_TRY_AGAIN = frozenset((408, 429))


class Answer(msgspec.Struct, frozen=True):
    """What came back for one request: a status, or no status and a short description of the trouble, without secrets."""

    status: int | None
    trouble: str = ""
    retry_after: str | None = None
    """The header as received."""

    @property
    def told(self) -> str:
        """The text for logs and dead letters: `HTTP 503 Service Unavailable`, or the trouble."""
        if self.status is None:
            return self.trouble
        try:
            return f"HTTP {self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"HTTP {self.status}"


def verdict_of(answer: Answer) -> Verdict:
    """No answer, 408, 429 and 5xx may succeed later; any other status but 2xx is final."""
    status = answer.status
    if status is None or status in _TRY_AGAIN or 500 <= status <= 599:
        return "failed"
    return "delivered" if 200 <= status <= 299 else "refused"


def wait_asked_for(retry_after: str | None, now: int) -> int | None:
    """How long after `now` a `Retry-After` header asks to wait (RFC 9110, 10.2.3: seconds or a date), in microseconds.

    None when there is no header or it makes no sense; never negative. `now` is in microseconds since 1970.
    """
    text = (retry_after or "").strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        return min(int(text) * SECOND, _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is in UTC, the only zone of HTTP.
        at = microseconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return min(max(0, at - now), _LONGEST_WAIT)
