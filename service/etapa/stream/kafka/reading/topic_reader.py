"""Reads a topic outside any group: the records in its partitions, or those that arrive from now on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.stream.kafka.batches.our_records import as_records, record_of
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.stretch import range_of, records_between
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.records import Record

_POLL_MS = 500


class TopicReader:
    """Committed records of one topic; used with `async with`. It connects when first used. Methods raise `LogError`.

    It reads one range at a time: starting another ends the previous one.
    """

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.topic = topic
        self._cluster = cluster
        self._seconds = cluster.session_seconds
        self._consumer: AIOKafkaConsumer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    async def partition_count(self) -> int:
        """How many partitions the topic has. Asking for all topics makes no broker create it."""
        doing = f"asking for the partitions of {self.topic}"
        with log_errors(doing):
            async with asyncio.timeout(self._seconds):
                metadata = await (await self._connected())._client.fetch_all_metadata()
        partitions = metadata.partitions_for_topic(self.topic)
        if not partitions:
            message = f"{doing}: there is no such topic, or access control hides it"
            raise LogError(message)
        return len(partitions)

    async def range_of(self, partition: int) -> tuple[int, int]:
        """The first offset, and the offset after the last committed record."""
        with log_errors(self._reading(partition)):
            async with asyncio.timeout(self._seconds):
                return await range_of(await self._connected(), self._at(partition))

    async def between(self, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records from `start` to before `end`, in chunks, in order."""
        place, doing = self._at(partition), self._reading(partition)
        consumer = await self._connected_to([place], doing)
        async for chunk in records_between(consumer, place, start, end, self._seconds, doing, record_of):
            yield as_records(chunk)

    async def first_since(self, partition: int, since: int) -> int | None:
        """The offset of the first record whose timestamp is `since` (in microseconds) or later; none when there is none."""
        place = self._at(partition)
        with log_errors(f"asking for the offset of a time in {self.topic} {partition}"):
            async with asyncio.timeout(self._seconds):
                found = await (await self._connected()).offsets_for_times({place: max(0, -(-since // 1000))})
        return None if found[place] is None else int(found[place].offset)

    async def follow(self, partitions: int, *, from_beginning: bool) -> AsyncIterator[Record]:
        """Records that arrive from now on, without end; with `from_beginning`, existing ones first. Each partition is in order."""
        places = [self._at(partition) for partition in range(partitions)]
        doing = f"reading {self.topic}"
        consumer = await self._connected_to(places, doing)
        with log_errors(doing):
            begin = await (consumer.beginning_offsets(places) if from_beginning else consumer.end_offsets(places))
            for place in places:
                consumer.seek(place, begin[place])
        while True:
            with log_errors(doing):
                arrived = await consumer.getmany(timeout_ms=_POLL_MS)
            for consumed in arrived.values():
                for record in as_records(consumed):
                    yield record

    async def _connected_to(self, places: Sequence[TopicPartition], doing: str) -> AIOKafkaConsumer:
        with log_errors(doing):
            async with asyncio.timeout(self._seconds):
                consumer = await self._connected()
        # Nothing else is assigned, so that nothing is fetched for no reason.
        consumer.assign(places)
        return consumer

    async def _connected(self) -> Any:
        if self._consumer is None:
            consumer = self._cluster.reading_consumer()
            try:
                await consumer.start()
            except BaseException:
                await stop_consumer(consumer)
                raise
            self._consumer = consumer
        return self._consumer

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    def _reading(self, partition: int) -> str:
        return f"reading {self.topic} {partition}"
