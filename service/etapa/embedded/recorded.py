"""Touchpoints of real customers, from a file, as records for the private broker."""

from collections.abc import Iterator

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected
from etapa.embedded.shoppers import SentTouchpoint
from etapa.journey.engine.facts.instant import NEVER
from etapa.sources.lines import Lines, numbered

NOBODY = b"-"
"""The key of a record whose customer is unknown."""


def recorded(lines: Lines, decoder: Decoder) -> Iterator[SentTouchpoint]:
    """Each line as it is. A line without a touchpoint is sent too: the worker says what is wrong with it."""
    at = 0
    for _, line in numbered(lines, decoder.max_bytes):
        value = line.rstrip(b"\r\n")
        touchpoint = decoder.read(value, None, NEVER)
        if isinstance(touchpoint, Rejected):
            yield SentTouchpoint("", NOBODY, value, at, at, "unusable")
            continue
        at = max(at, touchpoint.at)
        yield SentTouchpoint(touchpoint.id, touchpoint.customer_id.encode(), value, touchpoint.at, at, None)
