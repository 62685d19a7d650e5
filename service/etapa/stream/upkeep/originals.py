"""The originals of dead letters that were cut, read where they lie for as long as they are kept there."""

from typing import Self

import msgspec

from etapa.contracts.outgoing.dead_letter import DeadLetter, digest_of
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader


class Originals:
    """Used by `async with`. Methods raise `LogError`. `topic` is the one that they came from, `partitions` how many it has."""

    def __init__(self, cluster: Cluster, topic: str, partitions: int) -> None:
        self._reader = TopicReader(cluster, topic)
        self._partitions = partitions

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()

    async def whole(self, letter: DeadLetter) -> DeadLetter | None:
        """The letter with all of its original; none when that is there no more, or something else is at its place."""
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
