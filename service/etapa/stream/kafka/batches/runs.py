"""Leaves the records of a fetched batch in its bytes, where that is possible: if nothing in it is odd.

aiokafka makes an object of each record, of which we make ours. It still decides here what is read: it looks at checksums, at aborted
transactions and at offsets, and finds a batch that holds a single record, which is the run of all of them.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.memory_records import MemoryRecords

from etapa.stream.kafka.batches.checksum import CHECKSUM, CHECKSUM_AT, CHECKSUM_FROM, crc32c
from etapa.stream.kafka.batches.unpacking import unpacked_at_once
from etapa.stream.protocol.records_in_batches import RecordStretch, UnpackedBatch

_HEADER: Final[struct.Struct] = DefaultRecordBase.HEADER_STRUCT
_LENGTH: Final = struct.Struct(">qi")
_MAGIC_AT: Final = 16
_MAGIC: Final = 2

try:
    from etapa.stream.kafka.batches.quick_records import read_places
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

    def __init__(self, batch: UnpackedBatch) -> None:
        self.offset = batch.offset(len(batch) - 1)
        self._batch = batch

    def since(self, offset: int) -> RecordStretch:
        """Those from this offset on."""
        batch = self._batch
        return RecordStretch(batch, [], batch.first_from(offset), len(batch))


class FetchedRecords:
    """Takes the place of aiokafka's `MemoryRecords`: batches, one after the other. Once it is told, most of them hold a `Run`."""

    most = 0
    """Bytes of a batch."""
    gives_runs = False

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
        if not self.gives_runs or self._fetched[start + _MAGIC_AT] != _MAGIC:
            return batch
        header = _HEADER.unpack_from(self._fetched, start)
        if header[5] & DefaultRecordBase.CONTROL_MASK:
            return batch
        return _BatchInOneRun(batch, self._fetched, start, self._position, self.most)


class _BatchInOneRun:
    """What aiokafka asks a batch. The records are read after the checksum has been looked at, and only if they are wanted."""

    def __init__(self, batch: Any, fetched: bytes, start: int, stop: int, most: int) -> None:
        self.base_offset = batch.base_offset
        self.next_offset = batch.next_offset
        self.producer_id = batch.producer_id
        self.is_transactional = batch.is_transactional
        self.is_control_batch = False
        self._batch = batch
        self._fetched = fetched
        self._records_at = start + _HEADER.size, stop
        self._written = memoryview(fetched)[start:stop]
        self._most = most

    def validate_crc(self) -> bool:
        told: int = CHECKSUM.unpack_from(self._written, CHECKSUM_AT)[0]
        return crc32c(self._written[CHECKSUM_FROM:]) == told

    def __iter__(self) -> Iterator[Any]:
        first_offset, _, _, _, _, attributes, _, first_time, latest_time, _, _, _, count = _HEADER.unpack_from(self._written)
        has_one_time = bool(attributes & DefaultRecordBase.TIMESTAMP_TYPE_MASK)
        time = latest_time if has_one_time else first_time
        codec = attributes & DefaultRecordBase.CODEC_MASK
        # What is not compressed is left where it was fetched: a batch mostly takes all of a fetch.
        content, (start, stop) = self._fetched, self._records_at
        if codec != DefaultRecordBase.CODEC_NONE:
            unpacked = unpacked_at_once(codec, self._written[_HEADER.size :], self._most)
            if unpacked is None:
                yield from self._batch
                return
            content = bytes(unpacked)
            start, stop = 0, len(content)
        found = read_places(content, start, stop, count, first_offset, time, has_one_time)
        if found is None:
            yield from self._batch
        elif found[0]:
            yield Run(UnpackedBatch(content, *found))
