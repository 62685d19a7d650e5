"""People with several ids (`journey.identity.people`) as they are stored at their place: like pages of the ledger, under the least of the ids."""

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
    """Entries as they are stored, by name; none: nobody of this least id any more."""
    return {LINKED_PREFIX + least.encode(): None if linked is None else _encode(linked) for least, linked in people.items()}


def read_linked_ids(stored: Mapping[LedgerField, bytes]) -> Sequence[LinkedIds]:
    """Everybody with several ids among the stored pages. Raises `StateError`."""
    return [decode_linked_ids(value) for field, value in stored.items() if field.startswith(LINKED_PREFIX)]
