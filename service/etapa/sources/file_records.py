"""Records from files: JSON Lines, a JSON array, or CSV; each with its place in the file, or why it cannot be read."""

import binascii
import csv
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from etapa.contracts.incoming.rejected import rejected
from etapa.errors import EtapaError
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.model import Decode
from etapa.sources.lines import BYTE_ORDER_MARK, Lines, numbered

LARGEST_ARRAY: Final = 256 * 1024 * 1024
"""The most bytes of a JSON array, which is read as a whole."""
DELIMITERS: Final = ",;\t|"
_FRAMED: Final = b"A"
"""The beginning of the base64 of a byte 0 and a small number; JSON never begins like this."""


class RecordsError(EtapaError):
    """A file does not hold records of this kind; the message says what it looks like and what to do."""


class Read(NamedTuple):
    """A record and the number of its line (in an array, of its element), from 1."""

    number: int
    record: Any
    """A `Rejected` when it cannot be read."""


def records(lines: Lines, decode: Decode, json: JsonRecords, max_bytes: int, framed: Callable[[bytes], Any]) -> Iterator[Read]:
    """The records of a file. No line may be longer than `max_bytes`. Raises `RecordsError`.

    A line in base64 is a record value that is framed for a schema registry; `framed` reads it.
    """
    return _csv(lines, max_bytes) if decode == "csv" else _json(lines, json, max_bytes, framed)


def decode_json(value: bytes, json: JsonRecords) -> Any:
    """The JSON value in a record, or a `Rejected`."""
    try:
        return json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return rejected("not_json", str(error))


def _json(lines: Lines, json: JsonRecords, max_bytes: int, framed: Callable[[bytes], Any]) -> Iterator[Read]:
    first = True
    for number, line in numbered(lines, max_bytes):
        if first and line.lstrip().startswith(b"["):
            yield from _array(line, lines, json)
            return
        first = False
        if len(line) > max_bytes:
            yield Read(number, rejected("too_large", f"more than {max_bytes} bytes"))
        else:
            yield Read(number, _framed(line, framed) if line.startswith(_FRAMED) else decode_json(line, json))


def _framed(line: bytes, framed: Callable[[bytes], Any]) -> Any:
    try:
        value = b64decode(line, validate=True)
    except binascii.Error as error:
        return rejected("not_json", f"expected JSON, or base64 of a record that is framed for a schema registry: {error}")
    return framed(value)


def _array(begun: bytes, lines: Lines, json: JsonRecords) -> Iterator[Read]:
    whole = bytearray(begun)
    while piece := lines.readline(1 << 20):
        whole += piece
        if len(whole) > LARGEST_ARRAY:
            raise RecordsError(f"a JSON array of more than {LARGEST_ARRAY >> 20} MiB; write one record a line, as with `jq -c '.[]' FILE`")
    try:
        elements = msgspec.json.decode(whole, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordsError(f"it begins like a JSON array and is none: {error}") from None
    for number, element in enumerate(elements, 1):
        yield Read(number, decode_json(bytes(element), json))


def column_names(heading: bytes) -> list[str]:
    """The columns that the first line of a CSV names. Raises `RecordsError`."""
    try:
        text = heading.removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        raise RecordsError(f"line 1 is not UTF-8 ({error.reason})") from None
    return _named(text, max(DELIMITERS, key=text.count))


def _named(heading: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([heading], delimiter=delimiter), [])]
    except csv.Error as error:
        raise RecordsError(f"line 1, which must name the columns, is not CSV: {error}") from None


def _csv(lines: Lines, max_bytes: int) -> Iterator[Read]:
    texts = _Texts(lines, max_bytes)
    heading = next(texts, None)
    if heading is None:
        return
    delimiter = max(DELIMITERS, key=heading.count)
    names = _named(heading, delimiter)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice or "" in names:
        raise RecordsError(
            f"the first line must name each column once; {'it has a column without a name' if not twice else twice[0]!r} is wrong"
        )
    rows = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Read(texts.number, rejected("invalid", f"not CSV: {error}"))
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            yield Read(texts.number, rejected("invalid", f"the first line names {len(names)} columns, but this row has {len(cells)}"))
            continue
        yield Read(texts.number, {name: cell for name, cell in zip(names, cells, strict=True) if cell != ""})


class _Texts:
    """The lines of a file as text, with the number of the one given last."""

    def __init__(self, lines: Lines, max_bytes: int) -> None:
        self._lines = lines
        self._max_bytes = max_bytes
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.readline(self._max_bytes + 2)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > self._max_bytes:
            raise RecordsError(f"line {self.number} has more than {self._max_bytes} bytes; is a quotation mark missing?")
        try:
            return line.removeprefix(BYTE_ORDER_MARK).decode() if self.number == 1 else line.decode()
        except UnicodeDecodeError as error:
            raise RecordsError(
                f"line {self.number} is not UTF-8 ({error.reason}); save the file as CSV UTF-8, or use `iconv -f latin1 -t utf-8`"
            ) from None
