"""One partition of `stage-changes`, read-only."""

from collections.abc import AsyncGenerator, Sequence
from typing import Self

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.kafka.topic_settings import is_compacted, topic_settings
from etapa.stream.protocol.records import Record


class ChangesTopic:
    """Used with `async with`. Methods raise `LogError`."""

    def __init__(self, cluster: Cluster, partition: int) -> None:
        self._reader = TopicReader(cluster, cluster.settings.topic_stage_changes)
        self._partition = partition

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()

    async def changes_range(self) -> tuple[int, int]:
        """The first offset, and the offset after the last committed one."""
        return await self._reader.range_of(self._partition)

    async def changes(self, start: int, end: int) -> AsyncGenerator[Sequence[Record], None]:
        """Committed records from `start` to before `end`, in chunks, in order."""
        async for chunk in self._reader.between(self._partition, start, end):
            yield chunk


async def keeps_last_change_only(cluster: Cluster) -> bool:
    """Whether `stage-changes` is compacted, as far as the brokers tell. Raises `LogError`."""
    topic = cluster.settings.topic_stage_changes
    with log_errors(f"asking for the settings of {topic}"):
        async with cluster.admin() as admin:
            return is_compacted(topic, await topic_settings(admin, [topic]))
