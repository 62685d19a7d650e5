"""Finds what Kafka keeps of one customer: the state, and the records in every topic.

Where to look is in `personal_places`. Dead letters are looked for in every partition, because a record whose key or format is wrong may
have been anywhere.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.linked_ids import decode_linked_ids
from etapa.contracts.stored.mark import MARK_KEY, MarkError, decode_mark
from etapa.contracts.stored.state import KnownMemories
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomerUnknown,
    LinkAsked,
    PersonMoved,
    Sent,
    StateMoved,
    TouchpointForwarded,
    decode_transfer,
)
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.protocol.records import Record
from etapa.stream.upkeep.personal_places import PersonalPlaces

ReadSoFar = Callable[[str, int, int], None]
"""Told while a partition is read: the topic and the partition, how many offsets have been read, and how many there are."""
ReadPartitions = Callable[[str, Sequence[int]], AsyncIterator[tuple[int, Record]]]
"""The committed records in these partitions of a topic, each with its partition, one partition after the other."""

_decode = msgspec.json.Decoder().decode


class PersonalRecord(msgspec.Struct, frozen=True):
    """A record about the customer."""

    topic: str
    partition: int
    record: Record

    @property
    def is_state(self) -> bool:
        """Whether it is a state, if it is in `customer-state`: no tombstone, and no forwarding address."""
        return self.record.value is not None and not is_forwarding(self.record.value)

    @property
    def is_address(self) -> bool:
        """Whether it is a forwarding address, if it is in `customer-state`."""
        return self.record.value is not None and is_forwarding(self.record.value)


class PersonalState(msgspec.Struct, frozen=True):
    """The latest state in `customer-state`. A customer who was forgotten has none, but earlier states may still be in the topic."""

    latest: PersonalRecord | None
    earlier: int
    """Other states that compaction has not removed yet, tombstones included."""
    memories: KnownMemories
    """From the last mark of its partition; for decoding the state."""
    left: Sequence[int]
    """The partitions that hold a forwarding address of the customer."""


class PersonalRecords:
    """Reads topics for one customer. Methods raise `LogError`."""

    def __init__(self, read: ReadPartitions, settings: Settings, customer_id: str, places: PersonalPlaces) -> None:
        self._read = read
        self._settings = settings
        self._key = customer_id.encode()
        self._customer_id = customer_id
        self._places = places

    async def state(self) -> PersonalState:
        """The customer's state, wherever it lives. Raises `MarkError`."""
        found = await self._state()
        # Who moves while we read may not have been at either place.
        return await self._state() if found.latest is None and found.left else found

    async def _state(self) -> PersonalState:
        topic = self._settings.topic_customer_state
        last: dict[int, PersonalRecord] = {}
        marks: dict[int, bytes | None] = {}
        count = 0
        async for partition, record in self._read(topic, self._places.partitions):
            if record.key == self._key:
                last[partition] = one = PersonalRecord(topic, partition, record)
                count += not one.is_address
            elif record.key == MARK_KEY:
                marks[partition] = record.value
        for partition in last:
            if partition not in marks:
                raise MarkError(f"{topic} {partition} holds states but no mark: something else writes to it")
        latest = max((one for one in last.values() if one.is_state), key=lambda one: one.record.timestamp, default=None)
        memories = {} if latest is None else decode_mark(marks[latest.partition]).memories
        left = [partition for partition, one in sorted(last.items()) if one.is_address]
        return PersonalState(latest, count - (latest is not None), memories, left)

    async def keyed(self, topic: str) -> list[PersonalRecord]:
        """The records that have its id as their key, where the customer lives or may have lived."""
        found = self._read(topic, self._places.partitions)
        return [PersonalRecord(topic, partition, record) async for partition, record in found if record.key == self._key]

    async def mentioned(self, topic: str) -> list[PersonalRecord]:
        """The records in all partitions that have its id as their key, or whose value is JSON with a text that equals it."""
        return [
            PersonalRecord(topic, partition, record)
            async for partition, record in self._read(topic, range(self._places.all_partitions))
            if record.key == self._key or mentions(record.value, self._customer_id)
        ]

    async def transferred(self) -> list[PersonalRecord]:
        """What one partition has sent to another about the customer. Raises `TransferError`."""
        topic, partitions = self._settings.topic_transfers, range(self._places.transfers)
        if not partitions:
            return []
        return [
            PersonalRecord(topic, partition, record)
            async for partition, record in self._read(topic, partitions)
            if is_about(decode_transfer(record.value).sent, self._customer_id)
        ]


def committed_records(cluster: Cluster, read_so_far: ReadSoFar) -> ReadPartitions:
    """Reads topics of a cluster from beginning to end, one partition at a time, so memory holds no more than one answer of the brokers."""

    async def read(topic: str, partitions: Sequence[int]) -> AsyncIterator[tuple[int, Record]]:
        async with TopicReader(cluster, topic) as reader:
            for partition in partitions:
                first, end = await reader.range_of(partition)
                async for records in reader.between(partition, first, end):
                    for record in records:
                        yield partition, record
                    read_so_far(f"{topic} {partition}", records[-1].offset + 1 - first, end - first)

    return read


def is_about(sent: Sent, customer_id: str) -> bool:
    """Whether what was sent from one partition to another is about a customer."""
    match sent:
        case StateMoved() | CustomerClaimed() | CustomerUnknown():
            return sent.customer_id == customer_id
        case TouchpointForwarded():
            return sent.key == customer_id.encode() or mentions(sent.value, customer_id)
        case LinkAsked():
            return customer_id in (sent.target, sent.moved, sent.kept, sent.other) or is_about(sent.record, customer_id)
        case PersonMoved():
            return sent.target == customer_id or is_about(sent.link, customer_id) or customer_id in decode_linked_ids(sent.linked_ids).ids
        case _:
            return False


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
