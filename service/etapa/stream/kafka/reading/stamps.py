"""Reads the brokers' clocks from the markers that end transactions, at the ends of `customer-state`.

Kafka has no request for the time. But the leader of a partition stamps transaction markers with its own clock, and commits of workers
produce markers all the time. So it is enough to look from time to time at the new ends of the partitions. A partition without commits
tells nothing.
"""

import struct
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.protocol.fetch import FetchRequest

from etapa.hosting.system_clock import SystemClock
from etapa.stream.kafka.reading.brokers_clocks import Stamp

_BATCH_HEAD = struct.Struct(">qiibIhiqq")
"""A record batch: first offset, length, leader epoch, magic, checksum, attributes, last offset, first and last timestamp (milliseconds).
https://kafka.apache.org/documentation/#recordbatch"""
_IS_STAMPED_ON_APPEND = 0x08
_IS_CONTROL = 0x20


class EndsOfTransactions:
    """Looks at the ends of these partitions. `consumer` must be started, read committed records, and have them assigned and paused."""

    def __init__(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], clock: SystemClock) -> None:
        self._consumer = consumer
        self._places = places
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._looked_at: float | None = None

    async def look(self) -> list[Stamp]:
        """New stamps since the last look, at most one per broker. Raises what aiokafka raises."""
        asked_at = self._clock.elapsed()
        ends = await self._consumer.end_offsets(self._places)
        moved = [(place, end) for place, end in ends.items() if end > self._ends.get(place, 0)]
        stamps: dict[int, Stamp] = {}
        for place, end in moved:
            leader = self._consumer._client.cluster.leader_for_partition(place)
            if leader is None or leader < 0 or leader in stamps:
                continue
            at = await self._stamped(leader, place, end - 1)
            if at is not None:
                # At the first look, its age is unknown.
                after = self._looked_at if place in self._ends else None
                stamps[leader] = Stamp(leader, at, after, self._clock.elapsed())
        self._ends |= ends
        self._looked_at = asked_at
        return list(stamps.values())

    async def _stamped(self, leader: int, place: TopicPartition, offset: int) -> int | None:
        """The broker's stamp on the batch there, in microseconds; none when the stamp is a client's, or there is no batch."""
        # A batch always arrives whole, however few bytes are requested. A marker has 78.
        request = FetchRequest(0, 1, 1, READ_UNCOMMITTED, [(place.topic, [(place.partition, offset, 1)])])
        answer = await self._consumer._client.send(leader, request)
        [(_, [(_, error_code, _, *rest)])] = answer.topics
        return None if error_code else stamp_of(rest[-1] or b"")


def stamp_of(batch: bytes) -> int | None:
    """When the broker wrote a batch, by its own clock, in microseconds since 1970; none when the time is a client's."""
    if len(batch) < _BATCH_HEAD.size:
        return None
    _, _, _, magic, _, attributes, _, _, at = _BATCH_HEAD.unpack_from(batch)
    is_brokers = magic >= 2 and at > 0 and attributes & (_IS_CONTROL | _IS_STAMPED_ON_APPEND)
    return at * 1000 if is_brokers else None
