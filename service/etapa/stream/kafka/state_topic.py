"""One partition of `customer-state`, for those who only look at it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.consumer import stop_consumer
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading import range_of, records_between
from etapa.stream.protocol.records import StateRecord


class StateTopic:
    """Used by `async with`. Methods raise `LogError`."""

    def __init__(self, cluster: Cluster, partition: int) -> None:
        settings = cluster.settings
        self._place = TopicPartition(settings.topic_customer_state, partition)
        self._doing = f"reading {settings.topic_customer_state} {partition}"
        self._seconds = cluster.session_seconds
        self._consumer: AIOKafkaConsumer = cluster.reading_consumer()

    async def __aenter__(self) -> Self:
        with log_errors(self._doing):
            try:
                async with asyncio.timeout(self._seconds):
                    await self._consumer.start()
                self._consumer.assign([self._place])
            except BaseException:
                await stop_consumer(self._consumer)
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_consumer(self._consumer)

    async def state_range(self) -> tuple[int, int]:
        """First offset, and the offset after the last committed one."""
        with log_errors(self._doing):
            async with asyncio.timeout(self._seconds):
                return await range_of(self._consumer, self._place)

    async def states(self, start: int, end: int) -> AsyncGenerator[Sequence[StateRecord], None]:
        """Committed records from `start` up to but without `end`, in chunks, in order."""
        async for chunk in records_between(self._consumer, self._place, start, end, self._seconds, self._doing):
            yield [StateRecord(one.offset, one.key, one.value) for one in chunk]
