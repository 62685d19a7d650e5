"""What a request for the report asks for, read from its query."""

import re
from collections.abc import Mapping
from typing import Final

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.language.model import Journey
from etapa.journey.ledger.periods import GRAINS
from etapa.journey.ledger.report import ReportQuery

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def report_query(query: Mapping[str, str], journey: Journey) -> ReportQuery:
    """The query of a report. Raises `ValueError` with a message for the client."""
    since, until = _time(query, "from"), _time(query, "to")
    if since is not None and until is not None and since >= until:
        raise ValueError("`from` must lie before `to`.")
    by = next((grain for grain in GRAINS if grain == query.get("by")), None)
    if by is None and "by" in query:
        raise ValueError(f"`by` must be one of {', '.join(GRAINS)}.")
    persona, known = query.get("persona"), [each.id for each in journey.design.personas]
    if persona is not None and persona not in known:
        raise ValueError(f"The journey has no such persona; it has {', '.join(known)}." if known else "The journey has no personas.")
    return ReportQuery(since, until, by, persona)


def _time(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        # A plus sign in a query means a space, so an unescaped `+01:00` usually arrives with a space.
        raise ValueError(f"`{name}` must be a time with an offset such as 2026-11-21T10:00:00Z, or a date such as 2026-11-21.") from None
