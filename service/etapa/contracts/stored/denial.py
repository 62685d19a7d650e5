"""A forgotten customer's entry on the deny list: it is kept like a page of the ledger, in `customer-state` and in Redis, under its digest."""

from collections.abc import Mapping
from typing import Final

import msgspec

from etapa.contracts.stored.ledger_page import DENIED_PREFIX, LedgerField
from etapa.contracts.stored.state import StateError
from etapa.journey.engine.deny_list import DIGEST_BYTES, Denial, DenyKey

FORMAT: Final = 1


class _Written(msgspec.Struct, array_like=True, gc=False, tag=FORMAT):
    key_check: bytes
    at: int
    until: int


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Written).decode


class OtherDenyKey(StateError):
    """The deny list was made with another key, or there is none here."""


def denied_fields(key: DenyKey | None, denials: Mapping[bytes, Denial | None]) -> dict[LedgerField, bytes | None]:
    """The entries as they are stored, by name; none: no longer on the list."""
    if key is None:
        return {}
    check = key.check
    return {
        DENIED_PREFIX + digest.hex().encode(): None if denial is None else _encode(_Written(check, denial.at, denial.until))
        for digest, denial in denials.items()
    }


def read_denials(key: DenyKey | None, stored: Mapping[LedgerField, bytes]) -> dict[bytes, Denial]:
    """The deny list among the stored pages. Raises `OtherDenyKey`, and `StateError` for bytes that are no entry."""
    denials: dict[bytes, Denial] = {}
    for field, value in stored.items():
        if not field.startswith(DENIED_PREFIX):
            continue
        try:
            digest, written = bytes.fromhex(field[len(DENIED_PREFIX) :].decode()), _decode(value)
        except (msgspec.DecodeError, ValueError) as error:
            raise StateError(f"not an entry of the deny list: {error}") from None
        if len(digest) != DIGEST_BYTES:
            raise StateError("not an entry of the deny list: its name is too short or too long")
        if key is None:
            raise OtherDenyKey("customers were forgotten, but there is no key to recognise them. Set ETAPA_FORGET_KEY to the one used then")
        if written.key_check != key.check:
            raise OtherDenyKey("customers were forgotten with another ETAPA_FORGET_KEY. Set it to the one used then")
        denials[digest] = Denial(written.at, written.until)
    return denials
