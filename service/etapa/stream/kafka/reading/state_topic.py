"""One partition of `customer-state`, read-only."""

from collections.abc import AsyncGenerator, Sequence
from typing import Self

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.protocol.records import StateRecord


class StateTopic:
    """Used with `async with`, unless `reader` is given, which may be shared by several partitions. Methods raise `LogError`."""

    def __init__(self, cluster: Cluster, partition: int, reader: TopicReader | None = None) -> None:
        self._reader = reader or TopicReader(cluster, cluster.settings.topic_customer_state)
        self._partition = partition

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()

    async def state_range(self) -> tuple[int, int]:
        """The first offset, and the offset after the last committed one."""
        return await self._reader.range_of(self._partition)

    async def states(self, start: int, end: int) -> AsyncGenerator[Sequence[StateRecord], None]:
        """Committed records from `start` to before `end`, in chunks, in order."""
        async for chunk in self._reader.between(self._partition, start, end):
            yield [StateRecord(one.offset, one.key or b"", one.value) for one in chunk]
