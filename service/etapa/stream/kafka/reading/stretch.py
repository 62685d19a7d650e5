"""Reads a stretch of one partition from beginning to end, with a consumer outside any group."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords

from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.kafka.clients.consumer import HoleAtEnd
from etapa.stream.kafka.errors import log_errors
from etapa.stream.protocol.ports import Blocked, LogError

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


def have_records_made(consumer: AIOKafkaConsumer, place: TopicPartition, make: Callable[[object, Any], object]) -> None:
    """Have the consumer's buffer build records with `make`. aiokafka's own class takes longer than all other work on them.

    Records that arrive during the next `getmany` are still aiokafka's.
    """
    buffered = getattr(consumer._fetcher._records.get(place), "_partition_records", None)
    if buffered is not None:
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
