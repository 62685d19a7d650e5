"""The latest stage changes of all partitions, read from the ends of `stage-changes` when somebody asks."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.readers import ChangesSeen
from etapa.stream.protocol.records import Record

MOST_RECORDS: Final = 5_000
"""Most offsets that are looked at, over all partitions: some megabytes."""
FEWEST_OF_A_PARTITION: Final = 50
SECONDS: Final = 4.0
"""After this time partitions that were not read yet are left out."""


class LatestChanges:
    """Connects anew each time: it is asked seldom, and a worker's own connections stay as they are."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def latest(self) -> ChangesSeen:
        """The last changes of each partition. Raises `LogError` if no partition can be read."""
        topic = self._cluster.settings.topic_stage_changes
        changes: list[StageChangeMessage] = []
        missing: list[int] = []
        failure: LogError | None = None
        deadline = asyncio.get_running_loop().time() + SECONDS
        async with TopicReader(self._cluster, topic) as reader:
            partitions = await reader.partition_count()
            at_most = max(FEWEST_OF_A_PARTITION, MOST_RECORDS // partitions)
            for partition in range(partitions):
                try:
                    async with asyncio.timeout_at(deadline):
                        found = await _end_of(reader, partition, at_most)
                except TimeoutError:
                    missing.append(partition)
                except LogError as error:
                    missing.append(partition)
                    failure = error
                else:
                    # In a thread: the event loop belongs to the worker.
                    changes += await asyncio.to_thread(_read, found)
        if failure is not None and len(missing) == partitions:
            raise failure
        return ChangesSeen(changes, missing)


async def _end_of(reader: TopicReader, partition: int, at_most: int) -> Sequence[Record]:
    first, end = await reader.range_of(partition)
    return [record async for chunk in reader.between(partition, max(first, end - at_most), end) for record in chunk]


def _read(records: Sequence[Record]) -> list[StageChangeMessage]:
    changes: list[StageChangeMessage] = []
    for record in records:
        if record.value is not None and not is_customer_moved(record.headers):
            # Something else may have written to the topic.
            with suppress(msgspec.DecodeError):
                changes.append(decode_stage_change(record.value))
    return changes
