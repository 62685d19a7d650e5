"""Faust's consumer, so that nothing is lost in it.

As it comes, Faust reads uncommitted records unless it also owns transactions, acknowledges a record when its agent has
moved on to the next, and can commit past records that are under way. Here it reads committed records only, its own
acknowledgements are off (the topic is made with `acks=False`, so it never commits), every record is noted at the desk the moment
it is fetched, before any of Faust's queues can drop it, and offsets are committed by the desk's word alone. See
`docs/decisions/0007-faust-hands-over-and-does-not-acknowledge.md`.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from etapa.deliver.dispatch import Desk, Observer, Record
from etapa.hosting.faust_frame import DisklessApp
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe

_LOOK_AGAIN = 0.05
"""Seconds until a partition without room is looked at again."""
_FETCH_SECONDS = 0.2
"""A fetch ends after so long, because one under way does not learn that another partition has room again."""
_MOST_FETCHED = 500
"""Records handed to Faust at a time."""

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class DeliveryApp(DisklessApp):
    """A Faust app that knows what its consumer works for."""

    cluster: Cluster
    desk: Desk
    observer: Observer
    hand_back_seconds: float

    def _new_transport(self) -> "DeliveryTransport":
        return DeliveryTransport(self.conf.broker_consumer, self)


class Beginning(NamedTuple):
    """Where reading of a partition begins, what was committed (none: nothing), and the metadata of that commit."""

    offset: int
    committed: int | None
    memo: str


class DeliveryThread(AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        app = cast(DeliveryApp, self.app)
        self._assignor = RoundRobinPartitionAssignor
        return app.cluster.group_consumer(app.cluster.settings.delivery_group, _MOST_FETCHED)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: it looks for acknowledgements, which there are none of."""

    async def begin(self) -> dict[TopicPartition, Beginning]:
        """Seek every assigned partition to where it was committed, or to its beginning (or end, as set) if it never was."""
        consumer = self._ensure_consumer()
        assigned = list(consumer.assignment())
        if not assigned:
            return {}
        found = await consumer._coordinator.fetch_committed_offsets(assigned)
        starts = await consumer.beginning_offsets(assigned)
        from_end = cast(DeliveryApp, self.app).cluster.settings.start == "latest"
        first = await consumer.end_offsets(assigned) if from_end else starts
        places = {}
        for place in assigned:
            stored = found.get(place)
            committed = stored.offset if stored is not None and stored.offset >= 0 else None
            begin = first[place] if committed is None else max(committed, starts[place])
            consumer.seek(place, begin)
            places[place] = Beginning(begin, committed, stored.metadata if stored is not None else "")
        return places

    async def ends(self) -> dict[int, tuple[int, int]]:
        """The position of reading in every assigned partition, and its end."""
        consumer = self._ensure_consumer()
        found = await consumer.end_offsets(list(consumer.assignment()))
        return {place.partition: (await consumer.position(place), end) for place, end in found.items()}

    async def commit_points(self, points: Mapping[TopicPartition, tuple[int, str]]) -> bool:
        """Commit; false when that is not possible now, or not ours to do any more."""
        try:
            await self._ensure_consumer().commit({place: OffsetAndMetadata(*point) for place, point in points.items()})
        except KAFKA_FAILURES as error:
            logger.info("offsets could not be committed now: %s", describe(error))
            return False
        return True


class DeliveryConsumer(Consumer):
    """The consumer in the main loop."""

    _thread: DeliveryThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tenure = 0

    @property
    def _owner(self) -> DeliveryApp:
        return cast(DeliveryApp, self.app)

    def _new_consumer_thread(self) -> DeliveryThread:
        return DeliveryThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        desk = self._owner.desk
        wanted = {place for place in active_partitions or () if desk.has_room(place.partition)}
        if not wanted:
            await asyncio.sleep(_LOOK_AGAIN)
            return {}
        tenure = self._tenure
        records = await self._thread.getmany(wanted, min(timeout, _FETCH_SECONDS))
        if tenure != self._tenure:
            # Of before a rebalance; they are read again from what was committed.
            return {}
        for place, some in records.items():
            desk.fetched(place.partition, (record.offset for record in some))
        return records

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        records, active = await super()._wait_next_records(timeout)
        # A fetch that ends during a rebalance makes Faust seek to what was committed, beside the seek that the assignment
        # makes: whichever came last would disown what was read after the other.
        return (records, active) if self.flow_active else (None, None)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called when an assignment is complete and before anything of it is fetched."""
        self._tenure += 1
        tenure = self._tenure
        places = await self._in_thread(self._thread.begin())
        if tenure != self._tenure:
            # Revoked meanwhile.
            return {}
        for place, (begin, committed, memo) in places.items():
            if committed is not None and begin > committed:
                logger.error(
                    "%s %d: retention removed up to %d triggers before they were delivered", place.topic, place.partition, begin - committed
                )
                self._owner.observer.gone(place.partition, begin - committed)
            self._owner.desk.assigned(place.partition, committed, memo)
        return {TP(place.topic, place.partition): begin for place, (begin, _, _) in places.items()}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is under way, then let go."""
        self._tenure += 1
        desk = self._owner.desk
        topic = self._owner.cluster.settings.topic_campaign_triggers
        progress = await desk.hand_back({place.partition for place in revoked}, self._owner.hand_back_seconds)
        points = desk.commits(progress)
        if points:
            await self._in_thread(self._thread.commit_points({TopicPartition(topic, number): point for number, point in points.items()}))
        await super().on_partitions_revoked(revoked)

    async def commit_progress(self) -> bool:
        """Commit what is through and not committed yet. False when that was not possible."""
        desk = self._owner.desk
        topic = self._owner.cluster.settings.topic_campaign_triggers
        points = desk.commits()
        if not points:
            return True
        done = await self._in_thread(self._thread.commit_points({TopicPartition(topic, number): point for number, point in points.items()}))
        if done:
            # Partitions that were handed back meanwhile are somebody else's now.
            desk.committed({number: point for number, point in points.items() if number in desk.progress})
        return done

    async def ends(self) -> Mapping[int, tuple[int, int]]:
        """The position of reading in every assigned partition, and its end. Raises what aiokafka raises."""
        return await self._in_thread(self._thread.ends())

    def is_assigned(self) -> bool:
        """Whether the group has given out its partitions."""
        consumer = self._thread._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None
        return subscription is not None and subscription.assignment is not None

    async def _in_thread(self, work: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._thread.thread_loop))


class DeliveryTransport(Transport):
    """Faust's transport with our consumer."""

    Consumer = DeliveryConsumer


def hand_over(app: DeliveryApp) -> None:
    """Define the agent: it gives every record to the desk, and waits for nothing."""
    # Bytes as they are: what is no trigger must become a dead letter, not an error of Faust's.
    triggers = app.topic(app.cluster.settings.topic_campaign_triggers, key_serializer="raw", value_serializer="raw", acks=False)
    app.agent(triggers, name="deliver")(_hand_over_to(app))


def _hand_over_to(app: DeliveryApp) -> Any:
    async def deliver(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            app.desk.take(
                Record(
                    message.partition,
                    message.offset,
                    int((message.timestamp or 0) * 1_000_000),
                    message.key,
                    message.value,
                    _pairs(message.headers),
                )
            )

    return deliver


def _pairs(headers: Any) -> list[tuple[str, bytes]]:
    items: Iterable[tuple[str, bytes]] = headers.items() if isinstance(headers, Mapping) else headers or ()
    return list(items)
