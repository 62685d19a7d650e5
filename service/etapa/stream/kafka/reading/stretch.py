"""Reads a stretch of one partition from beginning to end, with a consumer outside any group."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords

from etapa.stream.kafka.batches.runs import FetchedRecords, Make, Run
from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.kafka.clients.consumer import HoleAtEnd
from etapa.stream.kafka.errors import log_errors
from etapa.stream.protocol.ports import Blocked, LogError
from etapa.stream.protocol.records import Record

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


class _ReadInRuns(PartitionRecords):  # type: ignore[misc]
    """The same, for batches that hold runs: their records are taken one by one all the same, and reading may stop at each."""

    def begin(self, make: Callable[[object, Any], object]) -> None:
        """Have records that come in no run made by `make`."""
        self._make = make
        self._reached: int = self.__dict__.pop("next_fetch_offset")
        self._run: Sequence[Record] = ()
        self._rest: Any = iter(self._run)
        self._one_by_one = chain.from_iterable(self._in_portions())

    def __iter__(self) -> Iterator[Any]:
        return self._one_by_one

    @property
    def next_fetch_offset(self) -> int:
        """The offset after the last record that was taken. aiokafka takes a run as a whole, and so sets it to the end of the run."""
        left: int = self._rest.__length_hint__()
        return self._run[-left - 1].offset + 1 if left else self._reached

    @next_fetch_offset.setter
    def next_fetch_offset(self, offset: int) -> None:
        self._reached = offset

    def _consumer_record(self, place: object, read: Any) -> Any:
        return read.since(self._reached) if isinstance(read, Run) else (self._make(place, read),)

    def _in_portions(self) -> Iterator[Iterable[Any]]:
        for run in self._records_iterator:
            self._run, self._rest = run, iter(run)
            yield self._rest


def have_records_made(
    consumer: AIOKafkaConsumer, place: TopicPartition, make: Callable[[object, Any], object], in_runs: Make | None = None
) -> None:
    """Have the consumer's buffer build records with `make`. aiokafka's own class takes longer than all other work on them.

    With `in_runs`, which makes the same of a record's parts, all records of most batches are made at once. Records that arrive during
    the next `getmany` are still aiokafka's.
    """
    buffered = getattr(consumer._fetcher._records.get(place), "_partition_records", None)
    if buffered is None or isinstance(buffered, _ReadInRuns):
        return
    if in_runs is not None and isinstance(buffered._records, FetchedRecords):
        buffered._records.make = in_runs
        buffered.__class__ = _ReadInRuns
        buffered.begin(make)
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
