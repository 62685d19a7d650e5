"""Reading a stretch of one partition from end to end, with a consumer outside any group."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords

from etapa.stream.kafka.consumer import HoleAtEnd
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.unpacking import LargeBatch
from etapa.stream.protocol.ports import Blocked, LogError

_CHUNK = 8_000
"""When it is to go into Redis, which works on a chunk while the next is read, Redis waits for less of the time the larger it is. Whoever applies it
holds everybody else up there for some forty milliseconds, as a large batch does."""
_WAIT_MS = 20
"""Not longer: an answer with control records alone moves the position, and ends no waiting for records."""


async def range_of(consumer: AIOKafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    """First offset, and the offset after the last committed record."""
    first = await consumer.beginning_offsets([place])
    end = await consumer.end_offsets([place])
    return first[place], end[place]


class _Unwrapped(PartitionRecords):  # type: ignore[misc]
    """What lies in the buffer, gone through without a call for each record that does no more than ask for it."""

    def __iter__(self) -> Iterator[Any]:
        records: Iterator[Any] = self._records_iterator
        return records


def have_records_made(consumer: AIOKafkaConsumer, place: TopicPartition, make: Callable[[object, Any], object]) -> None:
    """Have what lies in the consumer's buffer come out as `make` gives it: aiokafka's own records take longer to make than all else done to read them.

    What is fetched while the consumer is asked for it still comes out as aiokafka's.
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
    """Committed records of `place` from `start` up to but without `end`, in chunks, in order.

    The consumer must be started, and `place` all that is assigned to it. With `make` most of them are as it gives them. Raises `LogError` when the brokers fail, or when nothing
    comes for `seconds`; `doing` begins its message.
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
                raise Blocked(f"{doing}: at offset {position} or soon after: {error}; set it to more to have it read") from error
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
