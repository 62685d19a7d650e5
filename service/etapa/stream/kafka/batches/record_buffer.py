"""Writes records as Kafka stores them in a batch (message format 2), many at once.

aiokafka's builder takes one record after another: for each it creates an object, asks the clock, and lets its buffer grow, copying
what is in it again and again. Here each record becomes one piece, and all pieces are joined once.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, final

from mypy_extensions import i64

from etapa.contracts.outgoing.stage_change import CONTENT_TYPE, SPECVERSION, TYPE_HEADER, StageChangeHeaders
from etapa.contracts.stored.written_states import WrittenStates
from etapa.stream.kafka.batches.quick_filler import quick_filler
from etapa.stream.protocol.records import Outgoing, OutgoingHeaders

HEADER_BYTES: Final = 61
"""The size of a batch's own header."""
_BEFORE_LENGTH: Final = 12
"""Bytes of the header that its length does not count: the base offset, and the length itself."""
_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10
_NO_EPOCH: Final = -1
_before_checksum: Final = struct.Struct(">qiibI").pack
_after_checksum: Final = struct.Struct(">hiqqqhii").pack

_USUAL: Final = 8192
"""Numbers below this have their varint kept: those of one or two bytes."""
_MOST_NAMES: Final = 256
_NOT_THERE: Final = b"\x01"
"""The length of a key or value that is not there: -1."""
_NO_HEADERS: Final = b"\0"
_NOTHING: Final = b""


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
_positions: Final[list[bytes]] = [b"\0\0" + each for each in _varints]
"""The beginning of a record at each position: no attributes, no time after the batch's, and the position."""
_names: Final[dict[str, bytes]] = {}
"""Names of headers, with their lengths. Few, because headers are the same for all records of a kind."""


@final
class RecordBuffer:
    """Grows up to `most_bytes`, header included, but takes its first record however large it is."""

    __slots__ = ("_most_bytes", "_pieces", "count", "size")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes: Final = most_bytes
        self._pieces: Final[list[bytes]] = []
        self.count = 0
        self.size = HEADER_BYTES
        """In bytes, with the header."""

    def fill(self, records: Sequence[Outgoing], start: int) -> int:
        """Add records from `start` on. Returns the position of the first that found no room, or the end."""
        size: i64 = self.size
        count: i64 = self.count
        most: i64 = self._most_bytes
        pieces = self._pieces
        stop: i64 = len(records)
        place: i64 = start
        while place < stop:
            record = records[place]
            key, value = record.key, record.value
            key_head = value_head = _NOT_THERE
            if key is None:
                key = _NOTHING
            else:
                key_head = _varint(len(key))
            if value is None:
                value = _NOTHING
            else:
                value_head = _varint(len(value))
            at = _positions[count] if count < _USUAL else b"\0\0" + varint(count)
            headers = _headers(record.told) if record.told else _NO_HEADERS
            length: i64 = len(at) + len(key_head) + len(key) + len(value_head) + len(value) + len(headers)
            head = _varint(length)
            length += len(head)
            if count and size + length > most:
                break
            pieces.append(b"%b%b%b%b%b%b%b" % (head, at, key_head, key, value_head, value, headers))
            size += length
            count += 1
            place += 1
        self.size, self.count = size, count
        return place

    def fill_with_states(self, states: WrittenStates, start: int) -> int:
        """The same with the states of customers."""
        quick = quick_filler
        if quick is None:
            return self.fill([Outgoing(key, state) for key, state in states.pairs()], start)
        records, count = quick(states.states.texts, start, self.count, self._most_bytes - self.size, self.count == 0)
        self._pieces.append(records)
        self.size += len(records)
        self.count += count
        return start + count

    def batch(self, timestamp: int, producer_id: int, producer_epoch: int, base_sequence: int, *, is_transactional: bool) -> bytearray:
        """The batch, but for its checksum. To be called once: the records are then dropped. `timestamp`: of all records, in milliseconds."""
        before = _before_checksum(0, self.size - _BEFORE_LENGTH, _NO_EPOCH, _MAGIC, 0)
        attributes = _TRANSACTIONAL if is_transactional else 0
        after = _after_checksum(attributes, self.count - 1, timestamp, timestamp, producer_id, producer_epoch, base_sequence, self.count)
        self._pieces.insert(0, before + after)
        batch = bytearray().join(self._pieces)
        self._pieces.clear()
        return batch


def _varint(number: i64) -> bytes:
    return _varints[number] if number < _USUAL else varint(number)


def _headers(headers: OutgoingHeaders) -> bytes:
    if isinstance(headers, StageChangeHeaders):
        return _of_stage_change(headers)
    return _varint(len(headers)) + _pairs(headers)


def _pairs(headers: Sequence[Any]) -> bytes:
    parts: list[bytes] = []
    for name, value in headers:
        parts.append(_name(name))
        if value is None:
            parts.append(_NOT_THERE)
        else:
            told: bytes = value
            parts.append(_varint(len(told)))
            parts.append(told)
    return b"".join(parts)


def _name(name: str) -> bytes:
    written = _names.get(name)
    if written is None:
        text = name.encode()
        written = varint(len(text)) + text
        # Dead letters keep the headers of strangers, whose names may be any.
        if len(_names) < _MOST_NAMES:
            _names[name] = written
    return written


_BEFORE_IDENTITY: Final = _varint(7) + _pairs([SPECVERSION]) + _name("ce_id")
_after_identity: Final[dict[bytes, bytes]] = {}
"""By `ce_source`: a process works for one journey."""
_BEFORE_SUBJECT: Final = _name("ce_subject")
_AFTER_SUBJECT: Final = _pairs([CONTENT_TYPE])


def _of_stage_change(headers: StageChangeHeaders) -> bytes:
    after_identity = _after_identity.get(headers.source)
    if after_identity is None:
        _after_identity.clear()
        after_identity = _pairs([TYPE_HEADER, ("ce_source", headers.source)]) + _name("ce_time")
        _after_identity[headers.source] = after_identity
    identity, at, customer_id = headers.identity, headers.at, headers.customer_id
    return b"%b%b%b%b%b%b%b%b%b%b" % (
        _BEFORE_IDENTITY,
        _varint(len(identity)),
        identity,
        after_identity,
        _varint(len(at)),
        at,
        _BEFORE_SUBJECT,
        _varint(len(customer_id)),
        customer_id,
        _AFTER_SUBJECT,
    )
