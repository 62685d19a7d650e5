"""The originals of dead letters that were cut, read where they lie in `touchpoints` for as long as they are kept there."""

import asyncio
from typing import Self

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.contracts.dead_letter import DeadLetter, digest_of
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.consumer import stop_consumer
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading import range_of, records_between


class Originals:
    """Used by `async with`; nothing is opened before the first is asked for. Methods raise `LogError`.

    `partitions` is how many `touchpoints` has.
    """

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._consumer: AIOKafkaConsumer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    async def whole(self, letter: DeadLetter) -> DeadLetter | None:
        """The letter with all of its original; none when that is there no more, or something else is at its place."""
        cut = letter.cut
        if cut is None:
            return letter
        if letter.topic != self._cluster.settings.topic_touchpoints or letter.partition >= self._partitions:
            return None
        place = TopicPartition(letter.topic, letter.partition)
        doing = f"reading {letter.topic} {letter.partition} at {letter.offset}"
        with log_errors(doing):
            async with asyncio.timeout(self._cluster.session_seconds):
                consumer = await self._opened()
                first, end = await range_of(consumer, place)
        if not first <= letter.offset < end:
            return None
        consumer.assign([place])
        async for records in records_between(consumer, place, letter.offset, letter.offset + 1, self._cluster.session_seconds, doing):
            for record in records:
                if (len(record.value or b""), digest_of(record.value)) == (cut.size, cut.sha256):
                    return msgspec.structs.replace(letter, key=record.key, value=record.value, headers=tuple(record.headers), cut=None)
        return None

    async def _opened(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = self._cluster.reading_consumer()
            await self._consumer.start()
        return self._consumer
