"""The thread that owns delivery's aiokafka consumer, and what else the consumer is asked for besides fetching."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP
from mode.threads import QueueServiceThread

from etapa.deliver.offsets.beginning import LogRange
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.topic_ids import find_topics

_MOST_FETCHED = 500
"""The most records handed to Faust at a time."""


class Found(NamedTuple):
    """What Kafka says about all assigned partitions, and the id of their topic, if the brokers give ids."""

    topic_id: str | None
    places: "Mapping[TopicPartition, AssignedPartition]"


class AssignedPartition(NamedTuple):
    """What Kafka says about an assigned partition: its offsets, and what the group has committed, if anything."""

    log: LogRange
    committed: int | None
    memo: str


class DeliveryThread(AIOKafkaConsumerThread):
    """The thread has its own event loop, which makes all calls to the consumer."""

    @property
    def _cluster(self) -> Cluster:
        cluster: Cluster = cast(Any, self.app).cluster
        return cluster

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        self._assignor = RoundRobinPartitionAssignor
        return self._cluster.group_consumer(self._cluster.settings.delivery_group, _MOST_FETCHED)

    async def on_thread_stop(self) -> None:
        """Leave the group and close, within limited time. Faust's own way lets aiokafka's cancellations kill the thread and then waits for it."""
        await QueueServiceThread.on_thread_stop(self)
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's check looks for acknowledgements, and here there are none."""

    async def check_group(self) -> None:
        """Raises the group's answer when it did not let us in, and `ConnectionError` when the consumer has stopped trying."""
        if self._consumer is None:
            return
        coordinator = self._consumer._coordinator
        coordinator.check_errors()
        if coordinator._coordination_task.done():
            message = "the consumer has stopped joining its group"
            raise ConnectionError(message)

    async def topic_id(self) -> str | None:
        """The id of the topic of triggers; None when the brokers give none. Raises aiokafka's errors, also when a topic of delivery is missing."""
        topic = self._cluster.settings.topic_campaign_triggers
        names = (topic, self._cluster.settings.topic_delivery_progress)
        async with asyncio.timeout(self._cluster.session_seconds):
            found = await find_topics(self._ensure_consumer()._client, names)
        missing = [name for name in names if name not in found]
        if missing:
            raise UnknownTopicOrPartitionError(", ".join(missing))
        return found[topic].id

    async def look(self) -> Found:
        """What Kafka says about every assigned partition."""
        consumer = self._ensure_consumer()
        assigned = list(consumer.assignment())
        if not assigned:
            return Found(None, {})
        # The id comes first: if the topic is recreated after this, the next checks find out.
        topic_id = await self.topic_id()
        async with asyncio.timeout(self._cluster.session_seconds):
            found = await consumer._coordinator.fetch_committed_offsets(assigned)
        ranges = await self.ranges(assigned)
        places = {}
        for place in assigned:
            stored = found.get(place)
            committed = stored.offset if stored is not None and stored.offset >= 0 else None
            places[place] = AssignedPartition(ranges[place], committed, stored.metadata if stored is not None else "")
        return Found(topic_id, places)

    async def ranges(self, places: Collection[TopicPartition]) -> dict[TopicPartition, LogRange]:
        """What these partitions hold. Raises aiokafka's errors."""
        consumer = self._ensure_consumer()
        async with asyncio.timeout(self._cluster.session_seconds):
            starts = await consumer.beginning_offsets(list(places))
            ends = await consumer.end_offsets(list(places))
        return {place: LogRange(starts[place], ends[place]) for place in places}

    async def seek_to(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Continue reading from these offsets, in partitions that are still ours."""
        consumer = self._ensure_consumer()
        for place in consumer.assignment() & offsets.keys():
            consumer.seek(place, offsets[place])

    async def ends(self) -> dict[int, tuple[int, int]]:
        """The read position in every assigned partition, and its end."""
        consumer = self._ensure_consumer()
        found = await consumer.end_offsets(list(consumer.assignment()))
        return {place.partition: (await consumer.position(place), end) for place, end in found.items()}

    async def commit_points(self, points: Mapping[TopicPartition, tuple[int, str]], seconds: float) -> None:
        """Commit. Raises aiokafka's errors, also when the partition is no longer ours."""
        async with asyncio.timeout(seconds):
            await self._ensure_consumer().commit({place: OffsetAndMetadata(*point) for place, point in points.items()})
