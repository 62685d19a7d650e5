"""The least that is exactly once: consume, transform, produce, in one transaction, over and over. It judges nothing and keeps nothing.

Written as aiokafka's documentation shows it, with the settings that the worker gives its consumer and producers. With one producer, a transaction holds what all partitions had; with a producer for
each partition, as the worker has them, every partition goes its own way. Every third touchpoint gives a record of about the size
of a stage change, with the touchpoint's id where a stage change has it.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from etapa.contracts.incoming.touchpoint_message import TouchpointMessage
from etapa.hosting import event_loop
from etapa.stream.kafka.limits import MAX_BATCH_BYTES

KAFKA, TOPIC, GROUP, CHANGES = (os.environ[f"BENCH_{name}"] for name in ("KAFKA", "TOPIC", "GROUP", "CHANGES"))
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])
ONE_IN = 3
PADDING = "x" * 300

decode = msgspec.json.Decoder(TouchpointMessage).decode
encode = msgspec.json.Encoder().encode


def transformed(records: Sequence[Any]) -> list[tuple[bytes, bytes]]:
    messages = [(record.key, decode(record.value)) for record in records]
    return [(key, encode({"touchpoint_id": message.id, "padding": PADDING})) for key, message in messages[::ONE_IN]]


async def transact(producer: AIOKafkaProducer, fetched: dict[TopicPartition, Sequence[Any]]) -> None:
    async with producer.transaction():
        for place, records in fetched.items():
            for key, value in transformed(records):
                await producer.send(CHANGES, value=value, key=key, partition=place.partition)
        offsets = {place: records[-1].offset + 1 for place, records in fetched.items()}
        await producer.send_offsets_to_transaction(offsets, GROUP)


async def started_producer(name: str) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=KAFKA, transactional_id=f"{GROUP}.{name}", retry_backoff_ms=50, max_batch_size=MAX_BATCH_BYTES
    )
    await producer.start()
    return producer


async def loop(consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], name: str) -> None:
    """Transactions of what these partitions have, one after the other."""
    producer = await started_producer(name)
    while True:
        fetched = await consumer.getmany(*places, timeout_ms=1000)
        if fetched:
            await transact(producer, fetched)


async def main() -> None:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=KAFKA,
        group_id=GROUP,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    places = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
    if os.environ["BENCH_PRODUCERS"] == "one":
        await loop(consumer, places, "all")
    else:
        await asyncio.gather(*(loop(consumer, [place], str(place.partition)) for place in places))


if __name__ == "__main__":
    event_loop.run(main())
