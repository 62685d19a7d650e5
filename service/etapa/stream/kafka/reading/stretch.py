"""Reads a stretch of one partition from beginning to end, with a consumer outside any group."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from weakref import proxy

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords

from etapa.stream.kafka.batches.runs import FetchedRecords, Run
from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.kafka.clients.consumer import HoleAtEnd
from etapa.stream.kafka.errors import log_errors
from etapa.stream.protocol.ports import Blocked, LogError
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.records_in_batches import RecordsInBatches, RecordStretch

_CHUNK = 8_000
"""Records read at once. A rebuild writes one chunk to Redis while it reads the next, so larger chunks leave Redis idle less often.
This size occupies Redis for about forty milliseconds, like a large batch."""
_WAIT_MS = 20
"""Short, because an answer with only control records moves the position but does not end the wait."""


async def range_of(consumer: AIOKafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    """The first offset, and the offset after the last committed record."""
    first = await consumer.beginning_offsets([place])
    end = await consumer.end_offsets([place])
    return first[place], end[place]


class _Unwrapped(PartitionRecords):  # type: ignore[misc]
    """aiokafka's buffer of fetched records, iterated directly: its own iterator adds a method call for each record."""

    def __iter__(self) -> Iterator[Any]:
        records: Iterator[Any] = self._records_iterator
        return records


class _LeftInBatches(PartitionRecords):  # type: ignore[misc]
    """The same, for batches that hold runs: their records stay where they are, and reading may stop at each."""

    def begin(self, make: Callable[[object, Any], Record]) -> None:
        """Have records that come in no run made by `make`."""
        self._make = make
        self._reached: int = self.__dict__.pop("next_fetch_offset")
        self._rest = RecordStretch(None, [], 0, 0)
        self.is_through = False

    def take(self, most: int) -> RecordsInBatches:
        """The next records, at most `most` of them."""
        taken = RecordsInBatches()
        while len(taken) < most:
            if not len(self._rest):
                read = next(self._records_iterator, None)
                if read is None:
                    self.is_through = True
                    break
                self._rest = read
            stretch = self._rest
            stop = min(stretch.stop, stretch.start + most - len(taken))
            taken.add(stretch.part(stretch.start, stop))
            self._rest = stretch.part(stop, stretch.stop)
        return taken

    @property
    def next_fetch_offset(self) -> int:
        """The offset after the last record that was taken. aiokafka takes a run as a whole, and so sets it to the end of the run."""
        rest = self._rest
        return rest.record(rest.start - 1).offset + 1 if len(rest) else self._reached

    @next_fetch_offset.setter
    def next_fetch_offset(self, offset: int) -> None:
        self._reached = offset

    def _consumer_record(self, place: object, read: Any) -> RecordStretch:
        return read.since(self._reached) if isinstance(read, Run) else RecordStretch(None, [self._make(place, read)], 0, 1)


def _all_of(result: Any, most: int) -> Any:
    """What aiokafka's `FetchResult.getall` does, without taking records one by one."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    buffered = result._partition_records
    taken = buffered.take(most)
    result._update_position()
    if buffered.is_through:
        result._partition_records = None
    return taken


def have_records_made(
    consumer: AIOKafkaConsumer, place: TopicPartition, make: Callable[[object, Any], object], *, in_batches: bool = False
) -> None:
    """Have the consumer's buffer build records with `make`. aiokafka's own class takes longer than all other work on them.

    `in_batches`: `getmany` may give `RecordsInBatches` for this partition, in which records of most batches are left in their bytes. Records
    that arrive during the next `getmany` are still aiokafka's.
    """
    result = consumer._fetcher._records.get(place)
    buffered = getattr(result, "_partition_records", None)
    if buffered is None or isinstance(buffered, _LeftInBatches):
        return
    if in_batches and isinstance(buffered._records, FetchedRecords):
        buffered._records.gives_runs = True
        buffered.__class__ = _LeftInBatches
        buffered.begin(make)
        # Through a weak reference: nothing may be left for the garbage collector, which is held back.
        result.getall = partial(_all_of, proxy(result))
    else:
        buffered._consumer_record = make
        buffered.__class__ = _Unwrapped


async def records_between(
    consumer: AIOKafkaConsumer,
    place: TopicPartition,
    start: int,
    end: int,
    seconds: float,
    doing: str,
    make: Callable[[object, Any], object] | None = None,
) -> AsyncIterator[list[Any]]:
    """Committed records of `place` from `start` to before `end`, in chunks, in order.

    The consumer must be started, and only `place` assigned to it. With `make`, most records are what it returns. Raises `LogError`
    when the brokers fail, or when nothing arrives for `seconds`; `doing` begins its message.
    """
    if start >= end:
        return
    with log_errors(doing):
        consumer.seek(place, start)
    hole = HoleAtEnd(consumer, place, end)
    position, last_progress = start, time.monotonic()
    while position < end:
        with log_errors(doing):
            if make is not None:
                have_records_made(consumer, place, make)
            try:
                got = await consumer.getmany(place, timeout_ms=_WAIT_MS, max_records=_CHUNK)
            except LargeBatch as error:
                raise Blocked(f"{doing}: at offset {position} or soon after: {error}; raise it to read these records") from error
            reached = await consumer.position(place)
        chunk = [one for one in got.get(place, ()) if one.offset < end]
        if chunk:
            yield chunk
        if reached != position:
            position, last_progress = reached, time.monotonic()
        elif hole.is_at(position):
            break
        elif time.monotonic() - last_progress > seconds:
            message = f"{doing}: nothing came after offset {position} for {seconds:g} s, and the end is {end}"
            raise LogError(message)
