"""Reading on where aiokafka cannot: past records with a header whose name is not UTF-8, which any producer may write.

aiokafka's parser gives up the whole fetch then, each time anew. What is unreadable of such a name is replaced by U+FFFD here,
as Kafka's own Java client does it. Everything else, transactions above all, is still judged by aiokafka. It is slow, and
meant for the one fetch that needs it. The record format: https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

_MAGIC_AT = 16
_PREFIX = struct.Struct(">qi")
"""Of a batch: its first offset, and how many bytes follow."""


def is_about_a_header(error: Exception) -> bool:
    """Whether aiokafka failed to read a fetch because some text in it, which can only be a header's name, is not UTF-8."""
    # Its compiled parser lets the error through, the one in Python wraps it.
    return isinstance(error, UnicodeDecodeError) or isinstance(error.__cause__, UnicodeDecodeError)


async def fetch_leniently(
    consumer: AIOKafkaConsumer, place: TopicPartition, offset: int, count: int, max_bytes: int
) -> tuple[list[Any], int]:
    """Up to `count` committed records from `offset` on, as the consumer would give them, and the offset to go on at.

    Neither uses nor moves the consumer's position. Raises aiokafka's errors.
    """
    client = consumer._client
    leader = client.cluster.leader_for_partition(place)
    if leader is None or leader < 0:
        client.force_metadata_update()
        raise LeaderNotAvailableError
    request = FetchRequest(0, 1, max_bytes, READ_COMMITTED, [(place.topic, [(place.partition, offset, max_bytes)])])
    answer = await client.send(leader, request)
    [(_, [(_, error_code, _, *rest)])] = answer.topics
    if error_code:
        client.force_metadata_update()
        raise for_code(error_code)
    # As in every version from 5 to 11: last stable offset, first offset, aborted transactions, (a replica,) the batches.
    aborted, batches = rest[2], Batches(rest[-1])
    records = PartitionRecords(place, batches, aborted, offset, None, None, consumer._fetcher._check_crcs, READ_COMMITTED)
    taken = list(islice(records, count))
    return taken, records.next_fetch_offset


class Batches:
    """The whole batches in a fetch, one by one."""

    def __init__(self, fetched: bytes) -> None:
        self._rest = memoryview(fetched)

    def _size(self) -> int:
        if len(self._rest) <= _MAGIC_AT:
            return 0
        size: int = _PREFIX.size + _PREFIX.unpack_from(self._rest)[1]
        # The last batch of a fetch may be cut off.
        return size if size <= len(self._rest) else 0

    def has_next(self) -> bool:
        return self._size() > 0

    def next_batch(self) -> Any:
        size = self._size()
        batch, self._rest = self._rest[:size], self._rest[size:]
        magic = batch[_MAGIC_AT]
        return LenientBatch(batch) if magic >= 2 else LegacyRecordBatch(batch, magic)


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose records may have headers with any name."""

    _pos: int

    def _read_msg(self) -> Any:
        length, position = decode_varint(self._buffer, self._pos)
        end = position + length
        # The attributes of a record are not used.
        since_first, position = decode_varint(self._buffer, position + 1)
        beyond_base, position = decode_varint(self._buffer, position)
        key, position = self._bytes_at(position)
        value, position = self._bytes_at(position)
        count, position = decode_varint(self._buffer, position)
        headers = []
        for _ in range(count):
            name, position = self._bytes_at(position)
            content, position = self._bytes_at(position)
            headers.append(((name or b"").decode(errors="replace"), content))
        if position != end or end > len(self._buffer):
            raise CorruptRecordException(f"a record of {length} bytes ends after {position - end + length}")
        self._pos = position
        timestamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + since_first
        return _DefaultRecordPy(self.base_offset + beyond_base, timestamp, self.timestamp_type, key, value, headers)

    def _bytes_at(self, position: int) -> tuple[bytes | None, int]:
        """What a length announces; a negative one stands for nothing."""
        length, position = decode_varint(self._buffer, position)
        if length < 0:
            return None, position
        return bytes(self._buffer[position : position + length]), position + length
