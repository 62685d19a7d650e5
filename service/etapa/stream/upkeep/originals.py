"""Reads the originals of cut dead letters from their topic, as long as they are kept there."""

from typing import Self

import msgspec

from etapa.contracts.outgoing.dead_letter import DeadLetter, digest_of
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader


class Originals:
    """Used with `async with`. Methods raise `LogError`. `topic` is the topic of the originals, `partitions` its number of partitions."""

    def __init__(self, cluster: Cluster, topic: str, partitions: int) -> None:
        self._reader = TopicReader(cluster, topic)
        self._partitions = partitions

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()

    async def whole(self, letter: DeadLetter) -> DeadLetter | None:
        """The letter with its whole original; none when that no longer exists, or something else is in its place."""
        cut = letter.cut
        if cut is None:
            return letter
        if letter.topic != self._reader.topic or letter.partition >= self._partitions:
            return None
        first, end = await self._reader.range_of(letter.partition)
        if not first <= letter.offset < end:
            return None
        async for records in self._reader.between(letter.partition, letter.offset, letter.offset + 1):
            for record in records:
                if (len(record.value or b""), digest_of(record.value)) == (cut.size, cut.sha256):
                    return msgspec.structs.replace(letter, key=record.key, value=record.value, headers=tuple(record.headers), cut=None)
        return None
