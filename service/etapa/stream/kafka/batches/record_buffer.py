"""Writes records as Kafka stores them in a batch (message format 2), many at once.

aiokafka's builder takes one record after another: for each it creates an object, asks the clock, and lets its buffer grow, copying
what is in it again and again. Here each record becomes one piece, and all pieces are joined once.
"""

import struct
from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import i64

from etapa.contracts.record_body import NOT_THERE, headers_of, length_of, varint
from etapa.contracts.stored.written_states import WrittenStates
from etapa.stream.kafka.batches.quick_filler import quick_filler
from etapa.stream.kafka.batches.quick_framing import quick_frames
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.written_records import WrittenRecords

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
_positions: Final[list[bytes]] = [b"\0\0" + varint(number) for number in range(_USUAL)]
"""The beginning of a record at each position: no attributes, no time after the batch's, and the position."""
_NOTHING: Final = b""


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
        if isinstance(records, WrittenRecords):
            return self._fill_written(records, start)
        size: i64 = self.size
        count: i64 = self.count
        most: i64 = self._most_bytes
        pieces = self._pieces
        stop: i64 = len(records)
        place: i64 = start
        while place < stop:
            record = records[place]
            key, value = record.key, record.value
            key_head = value_head = NOT_THERE
            if key is None:
                key = _NOTHING
            else:
                key_head = length_of(len(key))
            if value is None:
                value = _NOTHING
            else:
                value_head = length_of(len(value))
            at = _positions[count] if count < _USUAL else b"\0\0" + varint(count)
            headers = headers_of(record.headers)
            length: i64 = len(at) + len(key_head) + len(key) + len(value_head) + len(value) + len(headers)
            head = length_of(length)
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

    def _fill_written(self, records: WrittenRecords, start: int) -> int:
        if start == len(records.ends):
            return start
        frames = frames_slowly if quick_frames is None else quick_frames
        framed, place = frames(records.bodies, records.ends, start, self.count, self._most_bytes - self.size)
        self._pieces.append(framed)
        self.size += len(framed)
        self.count += place - start
        return place

    def batch(self, timestamp: int, producer_id: int, producer_epoch: int, base_sequence: int, *, is_transactional: bool) -> bytearray:
        """The batch, but for its checksum. To be called once: the records are then dropped. `timestamp`: of all records, in milliseconds."""
        before = _before_checksum(0, self.size - _BEFORE_LENGTH, _NO_EPOCH, _MAGIC, 0)
        attributes = _TRANSACTIONAL if is_transactional else 0
        after = _after_checksum(attributes, self.count - 1, timestamp, timestamp, producer_id, producer_epoch, base_sequence, self.count)
        self._pieces.insert(0, before + after)
        batch = bytearray().join(self._pieces)
        self._pieces.clear()
        return batch


def frames_slowly(bodies: bytes | bytearray, ends: list[int], start: int, position: int, room: int) -> tuple[bytes, int]:
    """See `quick_frames.c`."""
    pieces: list[bytes] = []
    begin = ends[start - 1] if start else 0
    place = start
    while place < len(ends):
        end = ends[place]
        at = b"\0\0" + varint(position)
        head = varint(len(at) + end - begin)
        room -= len(head) + len(at) + end - begin
        if position and room < 0:
            break
        pieces += (head, at, bytes(bodies[begin:end]))
        begin = end
        position += 1
        place += 1
    return b"".join(pieces), place
