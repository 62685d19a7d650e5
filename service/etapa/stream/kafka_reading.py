"""Reading a stretch of one partition from end to end, with a consumer outside any group."""

import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.stream.kafka_consumer import HoleAtEnd
from etapa.stream.kafka_errors import log_errors
from etapa.stream.ports import LogError

_CHUNK = 1_000
"""What is made of a chunk in Redis fits into the buffers of a connection, so that Redis works on it while the next is read: of 500 to 5,000
this was the quickest. And whoever applies it holds everybody else there up for a few milliseconds only."""
_WAIT_MS = 20
"""Not longer: an answer with control records alone moves the position, and ends no waiting for records."""


async def range_of(consumer: AIOKafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    """First offset, and the offset after the last committed record."""
    first = await consumer.beginning_offsets([place])
    end = await consumer.end_offsets([place])
    return first[place], end[place]


async def records_between(
    consumer: AIOKafkaConsumer, place: TopicPartition, start: int, end: int, seconds: float, doing: str
) -> AsyncIterator[list[Any]]:
    """Committed records of `place` from `start` up to but without `end`, in chunks, in order.

    The consumer must be started, and `place` all that is assigned to it. Raises `LogError` when the brokers fail, or when nothing
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
            got = await consumer.getmany(place, timeout_ms=_WAIT_MS, max_records=_CHUNK)
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
