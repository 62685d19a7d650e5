"""A way round, as it is kept like a page of the ledger, in `customer-state` and in the view, under the id that it is about.

Somebody came to a place that had sent on what came for one of their ids: all of that comes back there (docs/moving-customers.md, *Coming back*).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from etapa.contracts.stored.ledger_page import ROUND_PREFIX, LedgerField
from etapa.contracts.stored.state import StateError

FORMAT: Final = 1


class WayRound(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """What comes for an id goes on to the place `to`, as before, and comes back from the place `back_from`, where it is judged."""

    to: int
    back_from: int
    probe: int
    """The number of the probe that follows what was sent: that of its transfer to `to`."""
    is_used: bool = False
    """Whether something was sent behind the probe."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(WayRound).decode


def round_fields(ways: Mapping[str, WayRound | None]) -> dict[LedgerField, bytes | None]:
    """Ways round as they are stored, by name; none: nothing is on it any more."""
    return {ROUND_PREFIX + customer_id.encode(): None if way is None else _encode(way) for customer_id, way in ways.items()}


def read_rounds(stored: Mapping[LedgerField, bytes]) -> dict[str, WayRound]:
    """The ways round among the stored pages, by id. Raises `StateError`."""
    ways: dict[str, WayRound] = {}
    for field, value in stored.items():
        if field.startswith(ROUND_PREFIX):
            try:
                ways[field[len(ROUND_PREFIX) :].decode()] = _decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise StateError(f"not a way round: {error}") from None
    return ways
