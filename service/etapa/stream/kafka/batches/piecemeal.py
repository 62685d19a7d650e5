"""Reads what aiokafka cannot, record by record and piece by piece, in a thread beside the event loop:

- records with a header whose name is not UTF-8, which any producer may write. aiokafka's parser then rejects the whole fetch, every
  time. Here the unreadable part of the name is replaced by U+FFFD, as Kafka's own Java client does;
- batches that would take too much memory as a whole. Only the useful part of a record is kept, with the length and digest of the
  whole value.

aiokafka still handles everything else, above all transactions. This is slow, and meant only for the one fetch that needs it. The
record format: https://kafka.apache.org/documentation/#recordbatch
"""

import asyncio
import threading
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from etapa.stream.kafka.batches.compression_frames import CannotUnpack
from etapa.stream.kafka.batches.lenient_batch import Batches, Bounds, KeptRecord
from etapa.stream.kafka.batches.our_records import record_of
from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.protocol.records import Record


def is_about_a_header(error: Exception) -> bool:
    """Whether aiokafka failed because some text in a fetch is not UTF-8, which can only be a header's name."""
    # Its compiled parser lets the error through; the one in Python wraps it.
    return isinstance(error, UnicodeDecodeError) or isinstance(error.__cause__, UnicodeDecodeError)


async def open_piecemeal(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int, max_bytes: int, bounds: Bounds) -> "Piecemeal":
    """Fetch from `offset` on, to be read piece by piece. Neither uses nor moves the consumer's position. Raises aiokafka's errors."""
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
    stopped = threading.Event()
    batches = Batches(rest[-1], bounds, stopped.is_set)
    records = PartitionRecords(place, batches, rest[2], offset, None, None, consumer._fetcher._check_crcs, READ_COMMITTED)
    records._consumer_record = _record_of
    return Piecemeal(records, batches, stopped)


class Piecemeal:
    """The committed records of one fetch."""

    def __init__(self, records: Any, batches: "Batches", stopped: threading.Event) -> None:
        self._records = records
        self._batches = batches
        self._stopped = stopped
        self.is_through = False

    @property
    def position(self) -> int:
        """The offset to continue at."""
        offset: int = self._records.next_fetch_offset
        return offset

    @property
    def batch_end(self) -> int:
        """The offset after the current batch."""
        return self._batches.end

    async def take(self, count: int, room: int) -> list[Record]:
        """The next records: at least one, at most `count`, and not much more than `room` bytes. Raises `CannotUnpack`."""
        try:
            return await asyncio.to_thread(self._take, count, room)
        except BaseException:
            # Either the caller is gone, or the error would occur again.
            self.stop()
            raise

    def _take(self, count: int, room: int) -> list[Record]:
        taken: list[Record] = []
        try:
            for record in self._records:
                taken.append(record)
                room -= record.size()
                if len(taken) >= count or room <= 0:
                    return taken
        except LargeBatch as error:
            raise CannotUnpack(f"{error}, and is of a format from before Kafka 0.11, which can only be unpacked as a whole") from error
        self.is_through = True
        return taken

    def stop(self) -> None:
        """Read no more; work under way in the thread ends soon."""
        self._stopped.set()


def _record_of(place: object, consumed: Any) -> Record:
    if not isinstance(consumed, KeptRecord) or consumed.cut is None:
        return record_of(place, consumed)
    headers: Any = consumed.headers
    return Record(consumed.offset, consumed.timestamp * 1000, consumed.key, consumed.value, tuple(headers), consumed.cut)
