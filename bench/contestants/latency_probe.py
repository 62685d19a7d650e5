"""Sends touchpoints at an even pace and watches what comes of them, as a consumer of committed records does.

It is a process of its own. Prints, as one line of JSON, how many microseconds it took from sending a touchpoint (which is its
record's timestamp) until the change that it caused could be read, for every touchpoint that caused one.
"""

import asyncio
import json
import os
import time
from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.contestants.stopwatch import STDOUT
from bench.workload.touchpoints import KeyAndValue, made_up
from etapa.contracts.partitioner import partition_of

KAFKA, TOPIC, CHANGES = (os.environ[f"BENCH_{name}"] for name in ("KAFKA", "TOPIC", "CHANGES"))
PARTITIONS, RATE, CUSTOMERS = (int(os.environ[f"BENCH_{name}"]) for name in ("PARTITIONS", "RATE", "CUSTOMERS"))
SECONDS, WARM_UP = (float(os.environ[f"BENCH_{name}"]) for name in ("SECONDS", "WARM_UP"))
START_WITHIN = 60.0
QUIET = 2.0
"""Seconds without a change after which no more is expected."""


class Caused(msgspec.Struct):
    """Of a change, what caused it."""

    touchpoint_id: str | None = None


class Identified(msgspec.Struct):
    """Of a touchpoint, its id."""

    id: str


class Probe:
    def __init__(self, touchpoints: Sequence[KeyAndValue]) -> None:
        decode = msgspec.json.Decoder(Identified).decode
        self._waiting = [(decode(value).id, partition_of(key.decode(), PARTITIONS), key, value) for key, value in touchpoints]
        self._sent: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._first_seen = asyncio.Event()
        self._last_seen = 0.0
        self._all_sent = False

    async def run(self) -> list[int]:
        """Microseconds for each touchpoint that was sent in the time that is measured, and caused a change."""
        producer = AIOKafkaProducer(bootstrap_servers=KAFKA)
        consumer = AIOKafkaConsumer(bootstrap_servers=KAFKA, isolation_level="read_committed", auto_offset_reset="earliest")
        await producer.start()
        await consumer.start()
        consumer.assign([TopicPartition(CHANGES, partition) for partition in range(PARTITIONS)])
        watching = asyncio.ensure_future(self._watch(consumer))
        sending = asyncio.ensure_future(self._send(producer))
        try:
            async with asyncio.timeout(START_WITHIN):
                await self._first_seen.wait()
            start = time.time() + WARM_UP
            await asyncio.sleep(WARM_UP + SECONDS)
            sending.cancel()
            self._all_sent = True
            await watching
        finally:
            sending.cancel()
            watching.cancel()
            await producer.stop()
            await consumer.stop()
        measured = [(id_, at) for id_, at in self._sent.items() if start <= at < start + SECONDS]
        return [round((self._seen[id_] - at) * 1e6) for id_, at in measured if id_ in self._seen]

    async def _send(self, producer: AIOKafkaProducer) -> None:
        begun = time.time()
        for number, (id_, partition, key, value) in enumerate(self._waiting):
            wait = begun + number / RATE - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            now = time.time()
            # One touchpoint in a hundred is sent twice; what it causes, it causes the first time.
            self._sent.setdefault(id_, now)
            await producer.send(TOPIC, value=value, key=key, partition=partition, timestamp_ms=int(now * 1000))
        raise RuntimeError("there were too few touchpoints for the time")

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        decode = msgspec.json.Decoder(Caused).decode
        while not self._all_sent or time.time() - self._last_seen < QUIET:
            fetched = await consumer.getmany(timeout_ms=500)
            now = time.time()
            for records in fetched.values():
                for record in records:
                    caused_by = decode(record.value).touchpoint_id
                    if caused_by is not None:
                        self._seen.setdefault(caused_by, now)
                self._last_seen = now
                self._first_seen.set()


def main() -> None:
    count = int(RATE * (START_WITHIN + WARM_UP + SECONDS))
    now = time.time_ns() // 1000
    touchpoints = list(made_up(count, CUSTOMERS, now, now + count * 1_000_000 // RATE))
    os.write(STDOUT, (json.dumps(asyncio.run(Probe(touchpoints).run())) + "\n").encode())


if __name__ == "__main__":
    main()
