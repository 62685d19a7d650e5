"""Finds what Kafka keeps of one person: the state, and the records in every topic, of all ids that links have joined.

Where to look is in `personal_places`. Dead letters are looked for in every partition, because a record whose key or format is wrong may
have been anywhere.
"""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, LINKED_PREFIX, ROUND_PREFIX
from etapa.contracts.stored.linked_ids import decode_linked_ids
from etapa.contracts.stored.mark import MARK_KEY, MarkError, decode_mark, is_customer_key
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomerUnknown,
    LinkAsked,
    PersonForgotten,
    PersonMoved,
    Sent,
    StateMoved,
    TouchpointForwarded,
    WayProbed,
    WaysTold,
    decode_transfer,
)
from etapa.journey.identity.people import LinkedIds
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.protocol.records import Record
from etapa.stream.upkeep.person_ids import PersonIds
from etapa.stream.upkeep.personal_places import PersonalPlaces

ReadSoFar = Callable[[str, int, int], None]
"""Told while a partition is read: the topic and the partition, how many offsets have been read, and how many there are."""
ReadPartitions = Callable[[str, Sequence[int]], AsyncIterator[tuple[int, Record]]]
"""The committed records in these partitions of a topic, each with its partition, one partition after the other."""

_LINKED = LEDGER_PREFIX + LINKED_PREFIX
_ROUND = LEDGER_PREFIX + ROUND_PREFIX


class PersonalRecord(msgspec.Struct, frozen=True):
    """A record about the person."""

    topic: str
    partition: int
    record: Record

    @property
    def is_state(self) -> bool:
        """Whether it is a state, if it is in `customer-state`: no tombstone, no forwarding address, and no list of linked ids."""
        return self.record.value is not None and not is_forwarding(self.record.value) and is_customer_key(self.record.key or b"")

    @property
    def lists_ids(self) -> bool:
        """Whether it lists a person's ids, if it is in `customer-state`."""
        return self.record.value is not None and (self.record.key or b"").startswith(_LINKED)

    @property
    def is_address(self) -> bool:
        """Whether it is a forwarding address, if it is in `customer-state`."""
        return self.record.value is not None and is_forwarding(self.record.value)


class PersonalState(msgspec.Struct, frozen=True):
    """The latest state in `customer-state`. A customer who was forgotten has none, but earlier states may still be in the topic."""

    latest: PersonalRecord | None
    earlier: int
    """Other states that compaction has not removed yet, tombstones included."""
    common: InCommon
    """From the last mark of its partition; for decoding the state."""
    left: Sequence[int]
    """The partitions that hold a forwarding address of the customer."""


class PersonalRecords:
    """Reads topics for one person. Methods raise `LogError`."""

    def __init__(self, read: ReadPartitions, settings: Settings, who: PersonIds, places: PersonalPlaces) -> None:
        self._read = read
        self._settings = settings
        self._who = who
        self._places = places

    async def all_ids(self) -> PersonIds:
        """All ids of the person, the one that is kept first; those asked for if no link has joined any. Raises `StateError`."""
        if not self._places.transfers:
            # People meet through it.
            return self._who
        # Who moves while we read may not have been at either place.
        found = await self._linked() or await self._linked()
        return self._who if found is None else PersonIds(found.kept, *(each for each in found.ids if each != found.kept))

    async def _linked(self) -> LinkedIds | None:
        found: dict[tuple[int, bytes], LinkedIds] = {}
        async for partition, record in self._read(self._settings.topic_customer_state, self._places.partitions):
            if record.key is not None and record.key.startswith(_LINKED):
                found.pop((partition, record.key), None)
                linked = None if record.value is None else decode_linked_ids(record.value)
                if linked is not None and any(map(self._who.names, linked.ids)):
                    found[partition, record.key] = linked
        return max(found.values(), key=lambda one: len(one.ids), default=None)

    async def state(self) -> PersonalState:
        """The person's state, wherever it lives. Raises `MarkError`."""
        found = await self._state()
        # Who moves while we read may not have been at either place.
        return await self._state() if found.latest is None and found.left else found

    async def _state(self) -> PersonalState:
        topic = self._settings.topic_customer_state
        last: dict[tuple[int, bytes], PersonalRecord] = {}
        marks: dict[int, bytes | None] = {}
        count = 0
        async for partition, record in self._read(topic, self._places.partitions):
            if record.key == MARK_KEY:
                marks[partition] = record.value
            elif record.key is not None and self._who.is_key(record.key):
                last[partition, record.key] = one = PersonalRecord(topic, partition, record)
                count += not one.is_address
        for partition, _ in last:
            if partition not in marks:
                raise MarkError(f"{topic} {partition} holds states but no mark: something else writes to it")
        latest = max((one for one in last.values() if one.is_state), key=lambda one: one.record.timestamp, default=None)
        common = NOTHING_IN_COMMON if latest is None else decode_mark(marks[latest.partition]).in_common()
        left = sorted({one.partition for one in last.values() if one.is_address})
        return PersonalState(latest, count - (latest is not None), common, left)

    async def stored(self) -> list[PersonalRecord]:
        """What is in `customer-state`: states, addresses and tombstones of the ids, and lists of them."""
        topic = self._settings.topic_customer_state
        found = self._read(topic, self._places.partitions)
        return [PersonalRecord(topic, partition, record) async for partition, record in found if self._is_stored_of(record)]

    def _is_stored_of(self, record: Record) -> bool:
        if record.key is None or not record.key.startswith(_LINKED):
            return self._who.is_key(None if record.key is None else record.key.removeprefix(_ROUND))
        ids = () if record.value is None else decode_linked_ids(record.value).ids
        return self._who.is_key(record.key.removeprefix(_LINKED)) or any(map(self._who.names, ids))

    async def keyed(self, topic: str) -> list[PersonalRecord]:
        """The records that have one of the ids as their key, where the person lives or may have lived."""
        found = self._read(topic, self._places.partitions)
        return [PersonalRecord(topic, partition, record) async for partition, record in found if self._who.is_key(record.key)]

    async def mentioned(self, topic: str) -> list[PersonalRecord]:
        """The records in all partitions that have one of the ids as their key, or whose value is JSON with a text that equals one."""
        return [
            PersonalRecord(topic, partition, record)
            async for partition, record in self._read(topic, range(self._places.all_partitions))
            if self._who.is_key(record.key) or self._who.are_mentioned(record.value)
        ]

    async def transferred(self) -> list[PersonalRecord]:
        """What one partition has sent to another about the person. Raises `TransferError`."""
        topic, partitions = self._settings.topic_transfers, range(self._places.transfers)
        if not partitions:
            return []
        return [
            PersonalRecord(topic, partition, record)
            async for partition, record in self._read(topic, partitions)
            if is_about(decode_transfer(record.value).sent, self._who)
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


def is_about(sent: Sent, who: PersonIds) -> bool:
    """Whether what was sent from one partition to another is about somebody."""
    match sent:
        case StateMoved() | CustomerClaimed() | CustomerUnknown() | WayProbed():
            return who.names(sent.customer_id)
        case WaysTold():
            return any(map(who.names, sent.customer_ids))
        case TouchpointForwarded():
            return who.is_key(sent.key) or who.are_mentioned(sent.value)
        case LinkAsked():
            return any(map(who.names, (sent.target, sent.moved, sent.kept, sent.other))) or is_about(sent.record, who)
        case PersonMoved():
            return who.names(sent.target) or is_about(sent.link, who) or any(map(who.names, decode_linked_ids(sent.linked_ids).ids))
        case PersonForgotten():
            return any(map(who.names, sent.digests))
        case _:
            return False
