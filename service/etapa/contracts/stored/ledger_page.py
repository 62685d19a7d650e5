"""Pages of the ledger as a record of `customer-state`, and as a field in Redis: MessagePack, an array of the format and the pages.

A record holds one table in one period. That of a day holds each of its hours; that of a month the month as a whole, or each of its days.
The key is not UTF-8, so it cannot be a customer's id. After its first byte come the table and the period: `ledger moves 2026-11-21T10`.
A record without a value means that the page no longer exists, because it was folded into that of a day or a month.
"""

import zlib
from itertools import accumulate, chain, pairwise
from typing import Any, Final

import msgspec

from etapa.contracts.stored.ledger_page_layout import (
    PageColumns,
    PageFormat,
    PageRows,
    SmallPageColumns,
    SmallPageRows,
    SmallWrittenPage,
    WrittenPage,
)
from etapa.contracts.stored.state import StateError
from etapa.journey.ledger.bundle import Bundle, FlatBundle, bundle_of
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import grain_of, start_of
from etapa.journey.ledger.sums import FlatSums
from etapa.journey.ledger.tables import COLUMNS, FIGURES, TABLES, Table

FORMAT: Final = 1
LEDGER_PREFIX: Final = b"\xffledger "
DENIED_PREFIX: Final = b"forgotten "
"""Begins the names of entries of the deny list (`denial`), which are kept like pages but are none."""
LINKED_PREFIX: Final = b"linked "
"""Begins the names of people with several ids (`linked_ids`), which are kept in the same way."""
ROUND_PREFIX: Final = b"round "
"""Begins the names of ways round (`way_round`), which are kept in the same way, too."""

LedgerField = bytes
"""`moves 2026-11-21T10`: the name of a page in Redis."""

_tables: Final[dict[str, Table]] = {table: table for table in TABLES}
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(WrittenPage).decode
_decode_small: Final = msgspec.msgpack.Decoder(SmallWrittenPage).decode
_decode_columns: Final = msgspec.msgpack.Decoder(PageColumns).decode
_decode_small_columns: Final = msgspec.msgpack.Decoder(SmallPageColumns).decode
_decode_format: Final = msgspec.msgpack.Decoder(PageFormat).decode
_BEFORE_WHOLE: Final = _encode([FORMAT, False, None])[:-1]
_BEFORE_PARTS: Final = _encode([FORMAT, True, None])[:-1]
_BYTES_FOLLOW: Final = (b"\xc4", b"\xc5", b"\xc6")
_QUICKLY: Final = 1
_WELL: Final = 6
"""Levels of zlib: a day stays by hours for two weeks, and as a part of its month for two years."""
_MOST_BYTES: Final = 64 * 2**20
"""Most bytes of columns before compression."""


def is_page_key(key: bytes) -> bool:
    """Whether a record of `customer-state` is a page of the ledger."""
    return key.startswith(LEDGER_PREFIX)


def field_of(key: PageKey) -> LedgerField:
    """The name of a page."""
    return f"{key.table} {key.period}".encode()


def page_key_of(field: LedgerField) -> PageKey | None:
    """The page with this name; none if this version does not know its table, or if the name is of the deny list, of linked ids or of a way round.

    Raises `StateError` if it is none of these.
    """
    if field.startswith((DENIED_PREFIX, LINKED_PREFIX, ROUND_PREFIX)):
        return None
    try:
        name, _, period = field.decode().partition(" ")
        start_of(period)
    except ValueError as error:
        raise StateError(f"{field[:80]!r} is not a page of the ledger: {error}") from None
    table = _tables.get(name)
    return None if table is None else PageKey(table, period)


def encode_bundle(bundle: Bundle, *, compressed: bool = False) -> bytes:
    """The record's value. `compressed` is for records that will not be written again soon."""
    in_parts = bundle.in_parts
    packed = bundle.packed_columns() if compressed else bundle.packed()
    if packed is not None and compressed:
        return _encode([FORMAT, in_parts, _compressed(bundle, packed)])
    if packed is not None:
        return (_BEFORE_PARTS if in_parts else _BEFORE_WHOLE) + packed
    _, (names, numbers) = bundle.flat()
    if not compressed:
        return _encoded([FORMAT, in_parts, [names, numbers]])
    keys, width = _widths(bundle.table, in_parts=in_parts)
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    # By key and then by part, so that most differences are 0.
    rows = sorted([row[1:keys] + row[:1] + row[keys:] for row in rows]) if in_parts else sorted(rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[:keys] = [[number - before for before, number in pairwise((0, *column))] for column in columns[:keys]]
    return _encoded([FORMAT, in_parts, _compressed(bundle, _encoded([names, columns]))])


def _compressed(bundle: Bundle, columns: bytes) -> bytes:
    return zlib.compress(columns, _QUICKLY if bundle.in_parts and grain_of(bundle.period) == "day" else _WELL)


def is_compressed(value: bytes) -> bool:
    """Whether a record's value was written with `compressed`."""
    # What follows the format and whether there are parts is bytes and no list.
    return value[3:4] in _BYTES_FOLLOW


def decode_bundle(key: PageKey, value: bytes) -> Bundle:
    """The record's pages. Raises `StateError`, also if a later version wrote it."""
    table, period = key
    try:
        in_parts, body = _body_of(value)
        flat = _in_rows(table, body, in_parts=in_parts) if isinstance(body, bytes) else body
        return bundle_of(table, period, FlatBundle(in_parts, flat))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, zlib.error) as error:
        raise StateError(f"not a page of the ledger: {error}") from None


def _body_of(value: bytes) -> tuple[bool, FlatSums | bytes]:
    """Whether it has parts; and its rows, or its columns still compressed."""
    try:
        small = _decode_small(value)
    except msgspec.ValidationError:
        _check(_decode_format(value).format)
        written = _decode(value)
        rows = written.body
        return written.in_parts, FlatSums(rows.names, list(map(int, rows.numbers))) if isinstance(rows, PageRows) else rows
    _check(small.format)
    body = small.body
    return small.in_parts, FlatSums(body.names, body.numbers) if isinstance(body, SmallPageRows) else body


def _check(found: int) -> None:
    if found != FORMAT:
        raise StateError(f"a ledger page has format {found}; this version reads format {FORMAT}")


def _in_rows(table: Table, body: bytes, *, in_parts: bool) -> FlatSums:
    packed = zlib.decompressobj().decompress(body, _MOST_BYTES)
    try:
        small = _decode_small_columns(packed)
        names, columns = small.names, small.columns
    except msgspec.ValidationError:
        written = _decode_columns(packed)
        names, columns = written.names, [list(map(int, column)) for column in written.columns]
    keys, _ = _widths(table, in_parts=in_parts)
    columns[:keys] = [list(accumulate(column)) for column in columns[:keys]]
    if in_parts:
        columns[:keys] = [*columns[keys - 1 : keys], *columns[: keys - 1]]
    return FlatSums(names, list(chain.from_iterable(zip(*columns, strict=True))))


def _widths(table: Table, *, in_parts: bool) -> tuple[int, int]:
    """How many numbers of a row are its key, and how many there are."""
    keys = len(COLUMNS[table]) + in_parts
    return keys, keys + len(FIGURES[table])


def _encoded(values: list[Any]) -> bytes:
    try:
        return _encode(values)
    except OverflowError:
        # A sum of squares may be too large for MessagePack's integers.
        return _encode(_spelled_out(values))


def _spelled_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelled_out(each) for each in value]
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
