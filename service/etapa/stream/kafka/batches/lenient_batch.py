"""Reads batches that aiokafka's parser cannot read, or not within the memory limit: record by record, in pieces.

The record format: https://kafka.apache.org/documentation/#recordbatch
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatch

from etapa.contracts.outgoing.dead_letter import KEPT_BYTES, PARTS, Cut, Part, digest_of
from etapa.stream.kafka.batches.unpacking import in_pieces

MAGIC_AT = 16
PREFIX = struct.Struct(">qi")
"""The beginning of a batch: its first offset, and how many bytes follow."""
_LONGEST_KEY = 64 * 1024
"""No real customer has a key even a hundredth as long."""


_HEADER_BYTES = 100
"""Memory that a header takes beside its text."""


class Bounds(NamedTuple):
    """How much to keep of a record's value (at least `KEPT_BYTES`), and how large a decoder's window may be, in bytes."""

    value: int
    unpacked: int


UNBOUNDED = Bounds(2**31, 2**31)


class Batches:
    """The complete batches in a fetch, one by one."""

    def __init__(self, fetched: bytes, bounds: Bounds = UNBOUNDED, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._rest = memoryview(fetched)
        self._bounds = bounds
        self._is_stopped = is_stopped
        self.end = 0

    def _size(self) -> int:
        if len(self._rest) <= MAGIC_AT:
            return 0
        size: int = PREFIX.size + PREFIX.unpack_from(self._rest)[1]
        # The last batch of a fetch may be incomplete.
        return size if size <= len(self._rest) else 0

    def has_next(self) -> bool:
        return self._size() > 0

    def next_batch(self) -> Any:
        size = self._size()
        batch, self._rest = self._rest[:size], self._rest[size:]
        magic = batch[MAGIC_AT]
        read = LenientBatch(batch, self._bounds, self._is_stopped) if magic >= 2 else LegacyRecordBatch(batch, magic)
        self.end = read.next_offset
        return read


class KeptRecord(NamedTuple):
    """A record, or the part of it that is kept."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    cut: Cut | None


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose records may have headers with any name, and any size."""

    def __init__(self, buffer: memoryview, bounds: Bounds, is_stopped: Callable[[], bool]) -> None:
        super().__init__(buffer)
        self._bounds = bounds
        packed = bytes(memoryview(self._buffer)[self._pos :])
        self._stream = _Stream(in_pieces(self.compression_type, packed, bounds.unpacked), is_stopped)

    def __iter__(self) -> "LenientBatch":
        return self

    def __next__(self) -> KeptRecord:
        if self._next_record_index >= self._num_records:
            if not self._stream.is_at_end():
                raise CorruptRecordException("there is more in a batch than its records")
            raise StopIteration
        self._next_record_index += 1
        return self._read_msg()

    def _read_msg(self) -> KeptRecord:
        stream = self._stream
        length = stream.varint()
        begin = stream.consumed
        # The attributes of a record are not used.
        stream.skip(1)
        since_first, beyond_base = stream.varint(), stream.varint()
        key, has_whole_key = self._key()
        value, size, sha256 = self._value()
        headers, has_all_headers = self._headers()
        if stream.consumed - begin != length:
            raise CorruptRecordException(f"a record of {length} bytes ends after {stream.consumed - begin}")
        cut: Cut | None = None
        if sha256 or not has_whole_key or not has_all_headers:
            parts: dict[Part, bool] = {"key": not has_whole_key, "headers": not has_all_headers, "value": bool(sha256)}
            cut = Cut([part for part in PARTS if parts[part]], size, sha256 or digest_of(value))
        timestamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + since_first
        return KeptRecord(self.base_offset + beyond_base, timestamp, key, value, headers, cut)

    def _key(self) -> tuple[bytes | None, bool]:
        length = self._stream.varint()
        if length <= _LONGEST_KEY:
            return self._stream.bytes_or_none(length), True
        self._stream.skip(length)
        return None, False

    def _value(self) -> tuple[bytes | None, int, str]:
        """The kept part of the value, its full length, and its digest if it was cut."""
        stream = self._stream
        length = stream.varint()
        if length <= self._bounds.value:
            return stream.bytes_or_none(length), max(0, length), ""
        beginning = stream.take(KEPT_BYTES)
        digest = hashlib.sha256(beginning)
        for piece in stream.portions(length - KEPT_BYTES):
            digest.update(piece)
        return beginning, length, digest.hexdigest()

    def _headers(self) -> tuple[list[tuple[str, bytes | None]], bool]:
        """All headers, or none if they are too large together."""
        stream = self._stream
        headers: list[tuple[str, bytes | None]] = []
        room = self._bounds.value
        for _ in range(stream.varint()):
            length = stream.varint()
            room -= max(0, length) + _HEADER_BYTES
            name = ""
            if room >= 0:
                name = (stream.bytes_or_none(length) or b"").decode(errors="replace")
            else:
                stream.skip(length)
            length = stream.varint()
            room -= max(0, length)
            if room >= 0:
                headers.append((name, stream.bytes_or_none(length)))
            else:
                stream.skip(length)
        return (headers, True) if room >= 0 else ([], False)


class _Stream:
    """Reads pieces of bytes as one stream."""

    def __init__(self, pieces: Iterator[bytes], is_stopped: Callable[[], bool]) -> None:
        self._pieces = pieces
        self._is_stopped = is_stopped
        self._piece = b""
        self._at = 0
        self._before = 0

    @property
    def consumed(self) -> int:
        return self._before + self._at

    def is_at_end(self) -> bool:
        return self._at >= len(self._piece) and not self._go_on()

    def _go_on(self) -> bool:
        """Move on to the next piece when this one is used up. Returns false when there is none."""
        while self._at >= len(self._piece):
            if self._is_stopped():
                raise CorruptRecordException("reading was given up")
            self._before += len(self._piece)
            self._at = 0
            piece = next(self._pieces, None)
            self._piece = piece or b""
            if piece is None:
                return False
        return True

    def portions(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes, in pieces as they come."""
        while count > 0:
            if not self._go_on():
                raise CorruptRecordException("a record ends too early")
            portion = self._piece[self._at : self._at + count]
            self._at += len(portion)
            count -= len(portion)
            yield portion

    def take(self, count: int) -> bytes:
        if self._at + count <= len(self._piece):
            taken = self._piece[self._at : self._at + count]
            self._at += count
            return taken
        return b"".join(self.portions(count))

    def skip(self, count: int) -> None:
        for _ in self.portions(count):
            pass

    def bytes_or_none(self, length: int) -> bytes | None:
        """The next `length` bytes; none for a negative length."""
        return None if length < 0 else self.take(length)

    def varint(self) -> int:
        """A signed number in the encoding of protocol buffers."""
        value = shift = 0
        while True:
            if self._at >= len(self._piece) and not self._go_on():
                raise CorruptRecordException("a record ends too early")
            byte = self._piece[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise CorruptRecordException("a number in a record does not end")
