"""Reads all records of a fetched batch at once, where that is possible: if nothing in it is odd.

aiokafka makes an object of each record, of which we make ours. It still decides here what is read: it looks at checksums, at aborted
transactions and at offsets, and finds a batch that holds a single record, which is the run of all of them.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.memory_records import MemoryRecords

from etapa.stream.kafka.batches.checksum import CHECKSUM, CHECKSUM_AT, CHECKSUM_FROM, crc32c
from etapa.stream.kafka.batches.unpacking import unpacked_at_once
from etapa.stream.protocol.records import Record

Make = Callable[..., Record]
"""Makes a record of offset, microseconds, key, value and headers."""

_HEADER: Final[struct.Struct] = DefaultRecordBase.HEADER_STRUCT
_LENGTH: Final = struct.Struct(">qi")
_MAGIC_AT: Final = 16
_MAGIC: Final = 2

try:
    from etapa.stream.kafka.batches.quick_records import read_records
except ImportError:
    READS_RUNS = False
else:
    READS_RUNS = True


def read_in_runs(most: int) -> None:
    """From now on, what consumers of this process fetch can be read in runs, if a batch takes at most `most` bytes when decompressed.

    Without the compiled module this does nothing.
    """
    if READS_RUNS:
        FetchedRecords.most = most
        fetcher.MemoryRecords = FetchedRecords


class Run:
    """The records of a batch, at least one. `offset`: that of the last."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.offset = records[-1].offset
        self._records = records

    def since(self, offset: int) -> Sequence[Record]:
        """Those from this offset on."""
        records = self._records
        return records if records[0].offset >= offset else [each for each in records if each.offset >= offset]


class FetchedRecords:
    """Takes the place of aiokafka's `MemoryRecords`: batches, one after the other. Once `make` is set, most of them hold a `Run`."""

    most = 0
    """Bytes of a batch."""
    make: Make | None = None

    def __init__(self, fetched: bytes) -> None:
        self._theirs = MemoryRecords(fetched)
        self._fetched = fetched
        self._position = 0

    def size_in_bytes(self) -> int:
        return int(self._theirs.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._theirs.has_next())

    def next_batch(self) -> Any:
        batch = self._theirs.next_batch()
        if batch is None:
            return None
        start = self._position
        _, length = _LENGTH.unpack_from(self._fetched, start)
        self._position = start + _LENGTH.size + length
        if self.make is None or self._fetched[start + _MAGIC_AT] != _MAGIC:
            return batch
        header = _HEADER.unpack_from(self._fetched, start)
        if header[5] & DefaultRecordBase.CONTROL_MASK:
            return batch
        return _BatchInOneRun(batch, memoryview(self._fetched)[start : self._position], self.make, self.most)


class _BatchInOneRun:
    """What aiokafka asks a batch. The records are read after the checksum has been looked at, and only if they are wanted."""

    def __init__(self, batch: Any, written: memoryview, make: Make, most: int) -> None:
        self.base_offset = batch.base_offset
        self.next_offset = batch.next_offset
        self.producer_id = batch.producer_id
        self.is_transactional = batch.is_transactional
        self.is_control_batch = False
        self._batch = batch
        self._written = written
        self._make = make
        self._most = most

    def validate_crc(self) -> bool:
        told: int = CHECKSUM.unpack_from(self._written, CHECKSUM_AT)[0]
        return crc32c(self._written[CHECKSUM_FROM:]) == told

    def __iter__(self) -> Iterator[Any]:
        first_offset, _, _, _, _, attributes, _, first_time, latest_time, _, _, _, count = _HEADER.unpack_from(self._written)
        has_one_time = bool(attributes & DefaultRecordBase.TIMESTAMP_TYPE_MASK)
        time = latest_time if has_one_time else first_time
        unpacked = unpacked_at_once(attributes & DefaultRecordBase.CODEC_MASK, self._written[_HEADER.size :], self._most)
        records = None
        if unpacked is not None:
            records = read_records(unpacked, count, first_offset, time, has_one_time, self._make)
        if records is None:
            yield from self._batch
        elif records:
            yield Run(records)
