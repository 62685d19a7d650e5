"""Finds what Kafka keeps of one customer: the state, and the records in every topic.

The customer's own partition is read in all topics. Dead letters are looked for in every partition, because a record whose key or format
is wrong may have been anywhere.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.mark import MARK_KEY, MarkError, decode_mark
from etapa.contracts.stored.state import KnownMemories
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.kafka.topics.creation import TopicsError, partition_count
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.records import Record

ReadSoFar = Callable[[str, int, int], None]
"""Told while a partition is read: the topic, how many offsets have been read, and how many there are."""

_decode = msgspec.json.Decoder().decode


class PersonalRecord(msgspec.Struct, frozen=True):
    """A record about the customer."""

    topic: str
    partition: int
    record: Record


class PersonalState(msgspec.Struct, frozen=True):
    """The latest state in `customer-state`. A customer who was forgotten has none, but earlier states may still be in the topic."""

    latest: PersonalRecord | None
    earlier: int
    """States before it that compaction has not removed yet, tombstones included."""
    memories: KnownMemories
    """From the last mark; for decoding the state."""


class PersonalRecords:
    """Reads topics for one customer; `partitions` is how many each topic has. Methods raise `LogError`."""

    def __init__(self, cluster: Cluster, customer_id: str, partitions: int, read_so_far: ReadSoFar) -> None:
        self._cluster = cluster
        self._key = customer_id.encode()
        self._customer_id = customer_id
        self._partitions = partitions
        self._read_so_far = read_so_far
        self.partition = partition_of(customer_id, partitions)

    async def state(self) -> PersonalState:
        """The customer's state. Raises `MarkError`."""
        topic = self._cluster.settings.topic_customer_state
        latest: PersonalRecord | None = None
        count, mark = 0, None
        async for record in self._records(topic, self.partition):
            if record.key == self._key:
                count += 1
                latest = None if record.value is None else PersonalRecord(topic, self.partition, record)
            elif record.key == MARK_KEY:
                mark = record.value
        if mark is None and count:
            raise MarkError(f"{topic} {self.partition} holds states but no mark: something else writes to it")
        return PersonalState(latest, count - (latest is not None), {} if mark is None else decode_mark(mark).memories)

    async def keyed(self, topic: str) -> list[PersonalRecord]:
        """The records in the customer's partition that have its id as their key."""
        found = self._records(topic, self.partition)
        return [PersonalRecord(topic, self.partition, record) async for record in found if record.key == self._key]

    async def undelivered(self) -> list[PersonalRecord] | None:
        """Dead letters of delivery with its id as their key; none if the topic does not exist, or access control hides it."""
        topic = self._cluster.settings.topic_campaign_trigger_dead_letters
        try:
            with log_errors(f"asking for {topic}"):
                await partition_count(self._cluster, topic)
        except (TopicsError, LogError):
            return None
        return await self.keyed(topic)

    async def mentioned(self, topic: str) -> list[PersonalRecord]:
        """The records in all partitions that have its id as their key, or whose value is JSON with a text that equals it."""
        return [
            PersonalRecord(topic, partition, record)
            for partition in range(self._partitions)
            async for record in self._records(topic, partition)
            if record.key == self._key or mentions(record.value, self._customer_id)
        ]

    async def _records(self, topic: str, partition: int) -> AsyncIterator[Record]:
        async with TopicReader(self._cluster, topic) as reader:
            first, end = await reader.range_of(partition)
            async for records in reader.between(partition, first, end):
                for record in records:
                    yield record
                self._read_so_far(topic, records[-1].offset + 1 - first, end - first)


def mentions(value: bytes | None, customer_id: str) -> bool:
    """Whether a value is JSON and one of its texts equals the id."""
    if value is None:
        return False
    if customer_id.isascii() and customer_id.isalnum() and customer_id.encode() not in value:
        # Nobody writes letters and digits as escapes, and most records need no decoding.
        return False
    try:
        return any(text == customer_id for text in _texts(read_json(_decode, value)))
    except msgspec.DecodeError:
        return False


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
