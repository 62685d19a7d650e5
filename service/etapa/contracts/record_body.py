"""The body of a record as Kafka stores it (message format 2): key, value and headers, each with its length.

Only what depends on its batch is missing: its length, its time and its position. So bodies can stand one behind the other until a batch
takes them, with no object for each.
"""

from collections.abc import Sequence
from typing import Any, Final

from mypy_extensions import i64

_USUAL: Final = 8192
"""Numbers below this have their varint kept: those of one or two bytes."""
_MOST_NAMES: Final = 256
NOT_THERE: Final = b"\x01"
"""The length of a key or value that is not there: -1."""
NO_HEADERS: Final = b"\0"


def varint(number: int) -> bytes:
    """A number from 0 on as Kafka writes it: zigzag, seven bits to a byte, the lowest first."""
    left = number << 1
    written: list[int] = []
    while left > 127:
        written.append(left & 127 | 128)
        left >>= 7
    written.append(left)
    return bytes(written)


_varints: Final[list[bytes]] = [varint(number) for number in range(_USUAL)]
_names: Final[dict[str, bytes]] = {}
"""Names of headers, with their lengths. Few, because headers are the same for all records of a kind."""


def length_of(number: i64) -> bytes:
    """`varint`, which is at hand for most numbers."""
    return _varints[number] if number < _USUAL else varint(number)


def headers_of(headers: Sequence[Any]) -> bytes:
    """Headers, and before them how many there are. They are pairs of a name and bytes, or none."""
    return length_of(len(headers)) + pairs_of(headers) if headers else NO_HEADERS


def pairs_of(headers: Sequence[Any]) -> bytes:
    """Headers without their number."""
    parts: list[bytes] = []
    for name, value in headers:
        parts.append(name_of(name))
        if value is None:
            parts.append(NOT_THERE)
        else:
            told: bytes = value
            parts.append(length_of(len(told)))
            parts.append(told)
    return b"".join(parts)


def name_of(name: str) -> bytes:
    """The name of a header."""
    written = _names.get(name)
    if written is None:
        text = name.encode()
        written = varint(len(text)) + text
        # Dead letters keep the headers of strangers, whose names may be any.
        if len(_names) < _MOST_NAMES:
            _names[name] = written
    return written


def body_of(key: bytes | None, value: bytes | None, headers: Sequence[Any]) -> bytes:
    """The body of a record."""
    return _sized(key) + _sized(value) + headers_of(headers)


def read_body(body: bytes) -> tuple[bytes | None, bytes | None, list[tuple[str, Any]]]:
    """Key, value and headers of a body that was written here."""
    key, at = _read_sized(body, 0)
    value, at = _read_sized(body, at)
    count, at = _read_number(body, at)
    headers: list[tuple[str, Any]] = []
    for _ in range(count):
        name, at = _read_sized(body, at)
        told, at = _read_sized(body, at)
        headers.append(((name or b"").decode(), told))
    return key, value, headers


def _sized(told: bytes | None) -> bytes:
    return NOT_THERE if told is None else length_of(len(told)) + told


def _read_number(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (body[at] & 127) << shift
        shift += 7
        at += 1
        if body[at - 1] < 128:
            return number >> 1, at


def _read_sized(body: bytes, at: int) -> tuple[bytes | None, int]:
    if body[at] == 1:
        return None, at + 1
    size, at = _read_number(body, at)
    return body[at : at + size], at + size
