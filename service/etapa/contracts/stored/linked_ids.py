"""People with several ids (`journey.identity.people`) as they are stored at their place, under the id that is kept.

In `customer-state` they are like pages of the ledger. In the view they are apart, since there may be millions of them: they are read one by one.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from etapa.contracts.stored.ledger_page import LINKED_PREFIX, LedgerField
from etapa.contracts.stored.state import StateError
from etapa.journey.identity.people import LinkedIds

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(LinkedIds).decode


def encode_linked_ids(linked: LinkedIds) -> bytes:
    """The entry as bytes."""
    return _encode(linked)


def decode_linked_ids(value: bytes) -> LinkedIds:
    """The entry in `value`. Raises `StateError`."""
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"not the ids of a person: {error}") from None


def linked_fields(people: Mapping[str, LinkedIds | None]) -> dict[LedgerField, bytes | None]:
    """Entries as they are stored, by name; none: nobody is kept under this id any more."""
    return {linked_field(kept): None if linked is None else _encode(linked) for kept, linked in people.items()}


def linked_field(kept: str) -> LedgerField:
    """The name of the entry of whoever is kept under this id."""
    return LINKED_PREFIX + kept.encode()


def read_linked_ids(stored: Mapping[LedgerField, bytes]) -> Sequence[LinkedIds]:
    """Everybody with several ids among the stored pages. Raises `StateError`."""
    return [decode_linked_ids(value) for field, value in stored.items() if field.startswith(LINKED_PREFIX)]
