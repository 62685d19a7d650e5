"""Reading the dead letters: from the first to the last that was there when reading began, by partition, or a single one."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Self

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.contracts.dead_letter import DeadLetter, DeadLetterError, attempts_of, decode_dead_letter
from etapa.contracts.rejected import Reason
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.consumer import stop_consumer
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading import range_of, records_between


class Letter(msgspec.Struct, frozen=True):
    """A dead letter, and where and when it was published. `at` is in microseconds since 1970."""

    partition: int
    offset: int
    at: int
    content: DeadLetter

    @property
    def attempts(self) -> int:
        """How often the record was sent back before it became this letter."""
        return attempts_of(self.content.headers)

    @property
    def place(self) -> str:
        """As commands take it: partition/offset."""
        return f"{self.partition}/{self.offset}"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are meant. Whatever is left empty selects all; `since` belongs to it, `until` does not."""

    partitions: Collection[int] = ()
    reasons: Collection[Reason] = ()
    since: int | None = None
    until: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is meant."""
        return (
            (not self.reasons or letter.content.reason in self.reasons)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


class DeadLetters:
    """The dead-letters topic as it was when this was opened; used by `async with`. Methods raise `LogError`.

    `partitions` is how many it has.
    """

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster = cluster
        self._topic = cluster.settings.topic_dead_letters
        self._seconds = cluster.session_seconds
        self._partitions = partitions
        self._consumer: AIOKafkaConsumer = None
        self.ranges: Mapping[int, tuple[int, int]] = {}
        """Of every partition the first offset, and the offset after the last record."""
        self.strangers = 0
        """Records met that are no dead letters: somebody else writes to the topic."""

    async def __aenter__(self) -> Self:
        self._consumer = self._cluster.reading_consumer()
        with log_errors(f"reading {self._topic}"):
            try:
                await self._consumer.start()
                self.ranges = {number: await range_of(self._consumer, self._at(number)) for number in range(self._partitions)}
            except BaseException:
                await stop_consumer(self._consumer)
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_consumer(self._consumer)

    async def of(self, partition: int, since: int | None = None) -> AsyncGenerator[Letter, None]:
        """The letters of a partition in order, all of them, from the first that was published at `since` or later."""
        first, end = self.ranges[partition]
        if since is not None:
            first = await self._first_since(partition, since, end)
        async for letter in self._between(partition, first, end):
            yield letter

    async def at(self, partition: int, offset: int) -> Letter | None:
        """One letter, or none when there is none at this place."""
        first, end = self.ranges.get(partition, (0, 0))
        if not first <= offset < end:
            return None
        found: Sequence[Letter] = [letter async for letter in self._between(partition, offset, offset + 1)]
        return found[0] if found else None

    async def _between(self, partition: int, start: int, end: int) -> AsyncGenerator[Letter, None]:
        place = self._at(partition)
        # One partition at a time: it is read in order, and nothing of others is fetched in vain.
        self._consumer.assign([place])
        async for records in records_between(self._consumer, place, start, end, self._seconds, f"reading {self._topic} {partition}"):
            for record in records:
                try:
                    content = decode_dead_letter(record.key, record.value, record.headers)
                except DeadLetterError:
                    self.strangers += 1
                    continue
                yield Letter(partition, record.offset, record.timestamp * 1000, content)

    async def _first_since(self, partition: int, since: int, end: int) -> int:
        place = self._at(partition)
        with log_errors(f"asking for the offset of a time in {self._topic} {partition}"):
            found = await self._consumer.offsets_for_times({place: max(0, -(-since // 1000))})
        return end if found[place] is None else min(end, found[place].offset)

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)
