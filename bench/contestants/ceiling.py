"""The least that a consumer in Python can do: fetch with aiokafka, decode into the message's type, and nothing else.

It is the decoder and the type that the worker begins with, without the worker's checks, on the worker's event loop. Nothing that judges touchpoints can be
faster; the distance to it is what checking, judging, state and exactly once cost.
"""

import os

import msgspec
from aiokafka import AIOKafkaConsumer

from bench.contestants.stopwatch import Stopwatch
from etapa.contracts.incoming.touchpoint_message import TouchpointMessage
from etapa.hosting import event_loop


async def consume() -> None:
    stopwatch = Stopwatch()
    decode = msgspec.json.Decoder(TouchpointMessage).decode
    consumer = AIOKafkaConsumer(
        os.environ["BENCH_TOPIC"],
        bootstrap_servers=os.environ["BENCH_KAFKA"],
        group_id=os.environ["BENCH_GROUP"],
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=6 * 1024 * 1024,
    )
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=5000)
        number = 0
        for records in fetched.values():
            # Kept until the next fetch, as whoever does something with them would.
            messages = [decode(record.value) for record in records]
            number += len(messages)
        if number and stopwatch.seen(number):
            stopwatch.tell()


if __name__ == "__main__":
    event_loop.run(consume())
