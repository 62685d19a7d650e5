"""The least that a consumer in Python can do: fetch with aiokafka, decode into a typed object, and nothing else.

Nothing that judges touchpoints can be faster; the worker's distance to it is what judging, states and exactly once cost.
"""

import asyncio
import os

import msgspec
from aiokafka import AIOKafkaConsumer

from bench.stopwatch import Stopwatch
from etapa.contracts.touchpoint import TouchpointMessage


async def consume() -> None:
    stopwatch = Stopwatch(int(os.environ["BENCH_TOUCHPOINTS"]))
    decode = msgspec.json.Decoder(TouchpointMessage).decode
    consumer = AIOKafkaConsumer(
        "touchpoints",
        bootstrap_servers=os.environ["BENCH_KAFKA"],
        group_id="bench-plain",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=5000)
        number = 0
        for records in fetched.values():
            for record in records:
                decode(record.value)
            number += len(records)
        if number:
            stopwatch.seen(number)


if __name__ == "__main__":
    asyncio.run(consume())
