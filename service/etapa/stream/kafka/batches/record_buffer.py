"""Writes records as Kafka stores them in a batch (message format 2), many at once.

aiokafka's builder takes one record after another: for each it makes an object, asks the clock, and lets its buffer grow by an eighth, copying
what is in it each time.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, final

from mypy_extensions import i64

from etapa.stream.protocol.records import Outgoing

HEADER_BYTES: Final = 61
"""Size of a batch's own header."""
_BEFORE_LENGTH: Final = 12
"""Bytes of the header that its length does not count: the base offset, and the length itself."""
_CHECKED_FROM: Final = 21
"""Where the part begins that the checksum covers."""
_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10
_NO_EPOCH: Final = -1
_before_checksum: Final = struct.Struct(">qiibI").pack
_after_checksum: Final = struct.Struct(">hiqqqhii").pack

_USUAL: Final = 8192
"""Numbers below this have their varint kept: those of one or two bytes."""
_MOST_NAMES: Final = 256
_NO_BYTES: Final = b"\x01"
"""The length of a key or value that is not there: -1."""


def varint(number: int) -> bytes:
    """A number from 0 on as Kafka writes it: zigzag, seven bits to a byte, the lowest first."""
    left = number << 1
    written: list[int] = []
    while left > 127:
        written.append(left & 127 | 128)
        left >>= 7
    written.append(left)
    return bytes(written)


_varints: Final = [varint(number) for number in range(_USUAL)]
_positions: Final = [b"\0\0" + each for each in _varints]
"""The beginning of a record at each position: no attributes, no time after the batch's, and the position."""
_names: Final[dict[str, bytes]] = {}
"""Names of headers, with their lengths. Few, because headers are the same for all records of a kind."""


@final
class RecordBuffer:
    """Grows up to `most_bytes`, header included, but takes its first record however large it is."""

    __slots__ = ("_most_bytes", "_parts", "count", "size")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes: Final = most_bytes
        self._parts: Final[list[bytes]] = []
        self.count = 0
        self.size = HEADER_BYTES
        """In bytes, with the header."""

    def fill(self, records: Sequence[Outgoing], start: int) -> int:
        """Add records from `start` on. Returns the position of the first that found no room, or the end."""
        size: i64 = self.size
        written = self._parts
        for position in range(start, len(records)):
            record = records[position]
            parts = self._written(record)
            length: i64 = 0
            for part in parts:
                length += len(part)
            head = _varint(length)
            length += len(head)
            if self.count and size + length > self._most_bytes:
                self.size = size
                return position
            written.append(head)
            written.extend(parts)
            self.count += 1
            size += length
        self.size = size
        return len(records)

    def _written(self, record: Outgoing) -> list[bytes]:
        count, key, value = self.count, record.key, record.value
        at = _positions[count] if count < _USUAL else b"\0\0" + varint(count)
        key_head = _NO_BYTES if key is None else _varint(len(key))
        value_head = _NO_BYTES if value is None else _varint(len(value))
        headers = record.headers
        parts = [at, key_head, key or b"", value_head, value or b"", _varint(len(headers))]
        if headers:
            _add_headers(parts, headers)
        return parts

    def batch(
        self, timestamp: int, producer_id: int, producer_epoch: int, base_sequence: int, *, is_transactional: bool
    ) -> tuple[bytes, bytes]:
        """The batch up to its checksum, and from what the checksum covers to the end. `timestamp`: of all records, in milliseconds."""
        before = _before_checksum(0, self.size - _BEFORE_LENGTH, _NO_EPOCH, _MAGIC, 0)
        attributes = _TRANSACTIONAL if is_transactional else 0
        after = _after_checksum(attributes, self.count - 1, timestamp, timestamp, producer_id, producer_epoch, base_sequence, self.count)
        return before[: _CHECKED_FROM - 4], after + b"".join(self._parts)


def _varint(number: i64) -> bytes:
    return _varints[number] if number < _USUAL else varint(number)


def _add_headers(parts: list[bytes], headers: Sequence[tuple[str, Any]]) -> None:
    for name, value in headers:
        parts.append(_name(name))
        if value is None:
            parts.append(_NO_BYTES)
        else:
            told: bytes = value
            parts.append(_varint(len(told)))
            parts.append(told)


def _name(name: str) -> bytes:
    written = _names.get(name)
    if written is None:
        text = name.encode()
        written = varint(len(text)) + text
        # Dead letters keep the headers of strangers, whose names may be any.
        if len(_names) < _MOST_NAMES:
            _names[name] = written
    return written
