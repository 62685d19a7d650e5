"""A touchpoint as it is written in JSON, and what a record of one may be at most."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from etapa.contracts.incoming.placeholder_ids import USUAL_PLACEHOLDERS, beginnings, placeholders

SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1

Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
TypeName = Annotated[str, Meta(min_length=1, max_length=128)]
Channel = Annotated[str, Meta(max_length=128)]
# An integer that no 64-bit reader could hold would raise much later, where sums are made and states are stored.
Value = Annotated[int, Meta(ge=SMALLEST_INTEGER, le=LARGEST_INTEGER)] | float | str | bool | None | list[Any] | dict[str, Any]


class TouchpointLimits(msgspec.Struct, frozen=True):
    """Which records are taken: so many bytes of value, so many microseconds ahead of the wall clock, and whose customer is somebody."""

    max_bytes: int = 1_048_576
    max_ahead: int = 300_000_000
    placeholder_ids: frozenset[str] = placeholders(USUAL_PLACEHOLDERS)
    """Customer ids that name nobody (see `contracts.placeholder_ids`). None at all: every id is taken."""
    placeholder_beginnings: frozenset[str] = beginnings(placeholders(USUAL_PLACEHOLDERS))
    """The characters that they begin with, for a first look that costs little. Goes with `placeholder_ids`."""

    @classmethod
    def naming(cls, placeholder_ids: Iterable[str], *, max_bytes: int, max_ahead: int = 300_000_000) -> "TouchpointLimits":
        """Those of an installation, which has its own list of placeholders."""
        names = placeholders(placeholder_ids)
        return cls(max_bytes, max_ahead, names, beginnings(names))


class TouchpointMessage(msgspec.Struct, gc=False):
    """A touchpoint as it is written in JSON. Mirrors `schemas/touchpoint.schema.json`; unknown fields are ignored."""

    id: Identifier
    customer_id: Identifier
    type: TypeName
    occurred_at: Annotated[datetime, Meta(tz=True)]
    channel: Channel | None = None
    properties: dict[str, Value] | None = None
    traits: dict[str, Value] | None = None


class PlainTouchpointMessage(TouchpointMessage, forbid_unknown_fields=True, gc=False):
    """The same without anything that would be skipped. Nothing but its nested values is left to be looked at."""
