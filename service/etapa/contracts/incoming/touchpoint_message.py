"""A touchpoint as written in JSON, and the limits on its record."""

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
# A larger integer would raise much later, when sums are computed and states are stored.
Scalar = Annotated[int, Meta(ge=SMALLEST_INTEGER, le=LARGEST_INTEGER)] | float | str | bool | None
Value = Scalar | list[Any] | dict[str, Any]


class TouchpointLimits(msgspec.Struct, frozen=True):
    """Which records are accepted: the most bytes of value, the most microseconds ahead of the wall clock, and no placeholder ids."""

    max_bytes: int = 1_048_576
    max_ahead: int = 300_000_000
    placeholder_ids: frozenset[str] = placeholders(USUAL_PLACEHOLDERS)
    """Customer ids that name nobody (see `contracts.placeholder_ids`). If empty, every id is accepted."""
    placeholder_beginnings: frozenset[str] = beginnings(placeholders(USUAL_PLACEHOLDERS))
    """Their first characters, for a cheap first check. Goes with `placeholder_ids`."""
    takes_links: bool = False
    """Whether links (`$link`) are accepted: the journey of a worker joins ids, or a file is read."""

    @classmethod
    def naming(
        cls, placeholder_ids: Iterable[str], *, max_bytes: int, max_ahead: int = 300_000_000, takes_links: bool = False
    ) -> "TouchpointLimits":
        """The limits of an installation with its own list of placeholders."""
        names = placeholders(placeholder_ids)
        return cls(max_bytes, max_ahead, names, beginnings(names), takes_links)


class TouchpointMessage(msgspec.Struct, gc=False):
    """A touchpoint as written in JSON. Mirrors `schemas/touchpoint.schema.json`; unknown fields are ignored."""

    id: Identifier
    customer_id: Identifier
    type: TypeName
    occurred_at: Annotated[datetime, Meta(tz=True)]
    channel: Channel | None = None
    properties: dict[str, Value] | None = None
    traits: dict[str, Value] | None = None


class PlainTouchpointMessage(TouchpointMessage, forbid_unknown_fields=True, gc=False):
    """The same without unknown fields, so that only its nested values remain to be checked."""


class FlatTouchpointMessage(PlainTouchpointMessage, forbid_unknown_fields=True, gc=False):
    """The same without nested values, so that nothing remains to be checked."""

    # Narrower, which mypy allows only where nobody could assign; nobody does.
    properties: dict[str, Scalar] | None = None  # type: ignore[assignment]
    traits: dict[str, Scalar] | None = None  # type: ignore[assignment]
