"""A page of the ledger as a record of `customer-state`, and as a field in Redis: MessagePack, an array of format, names and numbers.

The key is not UTF-8, so it is no customer's id. What comes after its first byte is the table and the period: `ledger moves 2026-11-21T10`; a
record without a value means that the page is no more, because it was folded into that of a day or a month.
"""

from typing import Final

import msgspec

from etapa.contracts.stored.state import StateError
from etapa.journey.ledger.page import FlatPage, Page, PageKey, page_of
from etapa.journey.ledger.periods import start_of
from etapa.journey.ledger.tables import TABLES, Table

FORMAT: Final = 1
LEDGER_PREFIX: Final = b"\xffledger "

LedgerField = bytes
"""`moves 2026-11-21T10`: what a page is called in Redis."""

_tables: Final[dict[str, Table]] = {table: table for table in TABLES}
_encode: Final = msgspec.msgpack.Encoder().encode


class _Written(msgspec.Struct, array_like=True, gc=False):
    format: int
    names: list[str]
    numbers: list[int | str]


class _FormatAlone(msgspec.Struct, array_like=True, gc=False):
    format: int


_decode: Final = msgspec.msgpack.Decoder(_Written).decode
_decode_format: Final = msgspec.msgpack.Decoder(_FormatAlone).decode


def is_page_key(key: bytes) -> bool:
    """Whether a record of `customer-state` is a page of the ledger."""
    return key.startswith(LEDGER_PREFIX)


def field_of(key: PageKey) -> LedgerField:
    """What a page is called."""
    return f"{key.table} {key.period}".encode()


def page_key_of(field: LedgerField) -> PageKey | None:
    """The page that is called so; none where it is of a table that this version does not know. Raises `StateError` for what is no page's name."""
    try:
        name, _, period = field.decode().partition(" ")
        start_of(period)
    except ValueError as error:
        raise StateError(f"{field[:80]!r} is no page of the ledger: {error}") from None
    table = _tables.get(name)
    return None if table is None else PageKey(table, period)


def encode_page(page: Page) -> bytes:
    """The page as bytes."""
    names, numbers = page.flat()
    try:
        return _encode([FORMAT, names, numbers])
    except OverflowError:
        # A sum of squares may be longer than MessagePack's integers.
        return _encode([FORMAT, names, [number if -(2**63) <= number < 2**63 else str(number) for number in numbers]])


def decode_page(table: Table, value: bytes) -> Page:
    """The page in `value`. Raises `StateError`, also when a later version wrote it."""
    try:
        found = _decode_format(value).format
        if found != FORMAT:
            raise StateError(f"a page of the ledger has format {found}; this version reads format {FORMAT}")
        written = _decode(value)
        return page_of(table, FlatPage(written.names, list(map(int, written.numbers))))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise StateError(f"not a page of the ledger: {error}") from None
