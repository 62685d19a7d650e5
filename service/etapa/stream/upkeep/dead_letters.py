"""Reads dead letters: those of a partition that exist when reading begins, or a single one."""

import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Self

import msgspec

from etapa.contracts.outgoing.dead_letter import DeadLetter, DeadLetterError, attempts_of
from etapa.contracts.outgoing.undelivered import UndeliveredTrigger
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.upkeep.dead_letter_topics import DeadLetterTopic


class Letter(msgspec.Struct, frozen=True):
    """A dead letter, and where and when it was published. `at` is in microseconds since 1970."""

    partition: int
    offset: int
    at: int
    content: DeadLetter

    @property
    def attempts(self) -> int:
        """How many times the record had been sent back before it became this letter."""
        return attempts_of(self.content.headers)

    @property
    def place(self) -> str:
        """Partition/offset, as commands accept it."""
        return f"{self.partition}/{self.offset}"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are selected. An empty field selects all; `since` is inclusive, `until` is not."""

    partitions: Collection[int] = ()
    reasons: Collection[str] = ()
    campaigns: Collection[str] = ()
    """Applies only to undelivered triggers, like `targets`."""
    targets: Collection[str] = ()
    since: int | None = None
    until: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is selected."""
        content = letter.content
        if isinstance(content, UndeliveredTrigger) and (
            (self.campaigns and content.campaign not in self.campaigns) or (self.targets and content.target not in self.targets)
        ):
            return False
        return (
            (not self.reasons or content.reason in self.reasons)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


class DeadLetters:
    """A topic of dead letters as it was when opened; used with `async with`. Methods raise `LogError`.

    `partitions` is its number of partitions.
    """

    def __init__(self, cluster: Cluster, topic: DeadLetterTopic, partitions: int) -> None:
        self.topic = topic
        self._reader = TopicReader(cluster, topic.name)
        self._partitions = partitions
        self.ranges: Mapping[int, tuple[int, int]] = {}
        """For each partition, the first offset, and the offset after the last record."""
        self.strangers = 0
        """How many records were not dead letters: something else writes to the topic."""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opened:
            await opened.enter_async_context(self._reader)
            self.ranges = {partition: await self._reader.range_of(partition) for partition in range(self._partitions)}
            opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()

    async def of(self, partition: int, since: int | None = None) -> AsyncGenerator[Letter, None]:
        """The letters of a partition in order, all or from the first that was published at `since` or later."""
        first, end = self.ranges[partition]
        if since is not None:
            found = await self._reader.first_since(partition, since)
            first = end if found is None else min(end, found)
        async for letter in self._between(partition, first, end):
            yield letter

    async def at(self, partition: int, offset: int) -> Letter | None:
        """The letter at this place; none when there is none."""
        first, end = self.ranges.get(partition, (0, 0))
        if not first <= offset < end:
            return None
        found: Sequence[Letter] = [letter async for letter in self._between(partition, offset, offset + 1)]
        return found[0] if found else None

    async def _between(self, partition: int, start: int, end: int) -> AsyncGenerator[Letter, None]:
        async for records in self._reader.between(partition, start, end):
            for record in records:
                try:
                    content = self.topic.decode(record.key, record.value, record.headers)
                except DeadLetterError:
                    self.strangers += 1
                    continue
                yield Letter(partition, record.offset, record.timestamp, content)
