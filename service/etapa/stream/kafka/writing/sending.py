"""Sends records in batches that their topic accepts.

A record that is too large for the topic is sent alone and compressed. If it still does not fit, it is cut if it may be, or else refused
with a message. A topic with an unknown limit shows it by refusing a batch; the next ones are smaller.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBase

from etapa.contracts.outgoing.dead_letter import cut_to
from etapa.stream.kafka.batches.plain_batch import PlainBatch
from etapa.stream.kafka.limits import BatchTooLarge, TopicLimits, too_large
from etapa.stream.protocol.records import Outgoing

_T = TypeVar("_T")

Append = Callable[[Any, Sequence[_T], int], int]
"""Fills a batch with records from a position on, and returns where it was full, or the end."""
Cut = Callable[[_T, int], _T | None]
"""The record cut to a number of bytes; none when it cannot be."""

_NOT_COMPRESSED = DefaultRecordBase.CODEC_NONE
# Fast, and compresses as well as any; brokers support it since Kafka 2.1.
_COMPRESSED = DefaultRecordBase.CODEC_ZSTD
_BATCH_HEADER = DefaultRecordBase.HEADER_STRUCT.size


def letter_cut_to(letter: Outgoing, room: int) -> Outgoing | None:
    """A dead letter cut to fit: the rest of the original is left out, and the letter says so."""
    cut = cut_to(letter.key, letter.value, letter.headers, room)
    return None if cut is None else Outgoing(*cut)


async def send_in_batches(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    records: Sequence[_T],
    append: Append[_T],
    limits: TopicLimits,
    cut: Cut[_T] | None = None,
) -> int | None:
    """Send all records in order. Returns the offset of the last (-1 if the broker does not tell it), none when there are none.

    Raises `RecordTooLarge` when one does not fit, and `BatchTooLarge` when the topic's limit turns out to be lower; then it is known.
    """
    # Records that may be cut come from strangers: what they sent compressed must not fill the disks.
    codec = _NOT_COMPRESSED if cut is None else _COMPRESSED
    written: list[tuple[asyncio.Future[Any], int, int]] = []
    position = 0
    while position < len(records):
        batch, start = _new_batch(producer, limits.batch_bytes(topic), codec), position
        # The first record of a batch is always taken, however large.
        position = append(batch, records, position)
        largest = limits.largest(topic)
        if largest is not None and batch.size() > largest:
            batch = _fitting(producer, topic, records[start], append, limits, largest, cut)
        size, count = batch.size(), batch.record_count()
        written.append((await _hand_over(producer, topic, partition, batch), count, size))
    last: int | None = None
    for answer, count, size in written:
        try:
            base = (await answer).offset
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise BatchTooLarge(
                f"{topic} refused a batch of {size:,} bytes for its size: max.message.bytes of the topic, or message.max.bytes of the brokers"
                f" where it has none, is lower than expected. From now on batches are limited to {limits.refuse(topic, size):,} bytes"
            ) from error
        last = base + count - 1 if base >= 0 else -1
    return last


def _fitting(
    producer: AIOKafkaProducer, topic: str, record: _T, append: Append[_T], limits: TopicLimits, largest: int, cut: Cut[_T] | None
) -> Any:
    """A batch with one record that is too large uncompressed."""
    trial = _alone(producer, record, append, _COMPRESSED)
    size = trial.size()
    # A batch is compressed when it is built, which happens only once, as part of sending it. Readers must be able to decompress it.
    if size <= limits.unpacked and len(trial._build()) <= largest:
        return _alone(producer, record, append, _COMPRESSED)
    smaller = None if cut is None else cut(record, largest - _BATCH_HEADER)
    if smaller is None:
        limits.forget(topic)
        raise too_large(topic, "A record", size, limits.largest(topic))
    return _alone(producer, smaller, append, _NOT_COMPRESSED)


def _alone(producer: AIOKafkaProducer, record: _T, append: Append[_T], codec: int) -> Any:
    batch = _new_batch(producer, 0, codec)
    append(batch, [record], 0)
    return batch


def _new_batch(producer: AIOKafkaProducer, size: int, codec: int = _NOT_COMPRESSED) -> Any:
    # Like `producer.create_batch()`, whose size and codec are the same for all topics.
    manager = producer._txn_manager
    is_transactional = manager is not None and manager.transactional_id is not None
    if codec == _NOT_COMPRESSED:
        return PlainBatch(size, is_transactional=is_transactional)
    return BatchBuilder(size, codec, is_transactional=is_transactional)


async def _hand_over(producer: AIOKafkaProducer, topic: str, partition: int, batch: Any) -> "asyncio.Future[Any]":
    known = producer._metadata.partitions_for_topic(topic)
    if known is not None and partition not in known:
        # It was added since the producer asked last; unless it asks again, aiokafka takes this for a mistake.
        await producer.client.force_metadata_update()
    # Waits until an earlier batch for the topic has left, which keeps the order.
    answer: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
    answer.add_done_callback(look_at)
    return answer


def look_at(done: "asyncio.Future[Any]") -> None:
    """Retrieve the error: if nothing waits for it any more, asyncio must not report it as never retrieved."""
    if not done.cancelled():
        done.exception()
