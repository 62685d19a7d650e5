"""Faust's consumer, changed so that it loses nothing.

By default Faust reads uncommitted records unless it also owns transactions, acknowledges a record when its agent has
moved on to the next, and can commit past records that are under way. Here it reads committed records only. Its own
acknowledgements are off (the topic is made with `acks=False`, so it never commits). Every record is reported to the dispatcher when
it is fetched, before any of Faust's queues can drop it. And only the dispatcher decides which progress is stored: as the group's
offsets, for tools that show lag, and in a topic, where it does not expire. See
`docs/decisions/0007-faust-hands-over-and-does-not-acknowledge.md`.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar, cast

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from etapa.contracts.stored.delivery_progress import DeliveryProgressError
from etapa.deliver.dispatch.dispatcher import DeliveryObserver, Dispatcher, TriggerRecord
from etapa.deliver.faust_thread import DeliveryThread
from etapa.deliver.offsets.beginning import AnotherTopic, Beginning, DeliveryRefused, beginning, read_on_at
from etapa.deliver.offsets.progress import PartitionProgress, kept_of, memo_of
from etapa.deliver.offsets.progress_log import ProgressLog
from etapa.deliver.overtaken import another_log, positions_in, tell_gone
from etapa.hosting.faust_frame import DisklessApp
from etapa.journey.units import SECOND
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.protocol.ports import LogError

_LOOK_AGAIN = 0.05
"""Seconds until a partition without room is checked again."""
_FETCH_SECONDS = 0.2
"""A fetch ends after this long, because a running fetch does not notice that another partition has room again."""
_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_LOOKS = 10
"""How many times a refusal is checked, with pauses, before it is believed."""
_LOOKS_AT_ID = 3
"""How many times in a row the topic must have another id: not all brokers learn of a new topic at once."""
_KEEP_SECONDS = 5.0
"""How long each of the two places that store progress may take."""

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class DeliveryApp(DisklessApp):
    """A Faust app that gives its consumer what it needs."""

    cluster: Cluster
    dispatcher: Dispatcher
    observer: DeliveryObserver
    progress_log: ProgressLog
    hand_back_seconds: float

    def _new_transport(self) -> "DeliveryTransport":
        return DeliveryTransport(self.conf.broker_consumer, self)


class DeliveryConsumer(Consumer):
    """The consumer in the main loop."""

    _thread: DeliveryThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tenure = 0
        self._refusals = 0
        self._topic_id: str | None = None
        """The id of the topic that all offsets of this assignment belong to."""
        self._others_seen = 0
        self._keeping = asyncio.Lock()

    @property
    def _owner(self) -> DeliveryApp:
        return cast(DeliveryApp, self.app)

    def _new_consumer_thread(self) -> DeliveryThread:
        return DeliveryThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        dispatcher = self._owner.dispatcher
        wanted = {place for place in active_partitions or () if dispatcher.has_room(place.partition)}
        if not wanted:
            await asyncio.sleep(_LOOK_AGAIN)
            return {}
        tenure = self._tenure
        try:
            records = await self._thread.getmany(wanted, min(timeout, _FETCH_SECONDS))
        except OffsetOutOfRangeError as error:
            await self._read_on(positions_in(error), tenure)
            return {}
        if tenure != self._tenure:
            # Fetched before a rebalance; they are read again from the committed offset.
            return {}
        for place, some in records.items():
            dispatcher.fetched(place.partition, (record.offset for record in some))
        return records

    async def _read_on(self, positions: Mapping[TopicPartition, int], tenure: int) -> None:
        """The log does not hold the next offset: go on where the log begins, or end when it is another log."""
        try:
            ranges = await self._in_thread(self._thread.ranges(positions))
        except KAFKA_FAILURES as error:
            # The next fetch fails too, and leads here again.
            logger.warning("what retention has left is not known now: %s", describe(error))
            return
        for place, found in ranges.items():
            try:
                start = read_on_at(positions[place], found)
            except DeliveryRefused as error:
                self._refuse(DeliveryRefused(another_log(place, error)))
                await asyncio.sleep(_PAUSE)
                continue
            if start > positions[place] and tenure == self._tenure:
                await self._in_thread(self._thread.seek_to({place: start}))
                tell_gone(self._owner.observer, place, start, start - positions[place])
        if all(found.start <= positions[place] <= found.end for place, found in ranges.items()):
            self._refusals = 0

    def _refuse(self, error: Exception) -> None:
        """Check a refusal several times before believing it: a broker that has just become leader may not know all records yet."""
        self._refusals += 1
        if self._refusals > _LOOKS:
            self._owner.dispatcher.fail(error)
        else:
            logger.warning("checked again before it is believed: %s", error)

    async def see_that_it_is_the_same_topic(self) -> None:
        """Check that the topic was not recreated meanwhile: its offsets would be others, so delivery would end. Raises aiokafka's errors."""
        now = await self._in_thread(self._thread.topic_id())
        before = self._topic_id
        if now is None or before is None or now == before:
            self._others_seen = 0
            return
        self._others_seen += 1
        if self._others_seen >= _LOOKS_AT_ID:
            place = TopicPartition(self._owner.cluster.settings.topic_campaign_triggers, min(self._owner.dispatcher.progress, default=0))
            self._owner.dispatcher.fail(DeliveryRefused(another_log(place, AnotherTopic(before, now))))

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        records, active = await super()._wait_next_records(timeout)
        # A fetch that ends during a rebalance makes Faust seek to the committed offset, besides the seek of the assignment.
        # Whichever came last would drop what was read after the other.
        return (records, active) if self.flow_active else (None, None)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called when an assignment is complete, before anything is fetched."""
        self._tenure += 1
        tenure = self._tenure
        pause = _PAUSE
        self._refusals = 0
        while tenure == self._tenure and not self.app.should_stop:
            try:
                return await self._begin(await self._beginnings(), tenure)
            except (*KAFKA_FAILURES, LogError) as error:
                logger.warning("how far delivery got cannot be read now, and is asked for again: %s", describe(error))
                pause = min(_LONGEST_PAUSE, 2 * pause)
            except (DeliveryRefused, DeliveryProgressError) as error:
                self._refuse(error)
                if self._owner.dispatcher.failed.done():
                    return {}
            await asyncio.sleep(pause)
        return {}

    async def _beginnings(self) -> dict[TopicPartition, Beginning]:
        """Where to begin in each assigned partition."""
        owner = self._owner
        self._topic_id, places = await self._in_thread(self._thread.look())
        kept = await owner.progress_log.read({place.partition for place in places})
        from_end = owner.cluster.settings.start == "latest"
        found = {}
        for place, (log, committed, memo) in places.items():
            by_group = None if committed is None else kept_of(memo, committed, owner.dispatcher.routing)
            try:
                found[place] = beginning(log, by_group, kept[place.partition], from_end=from_end, topic_id=self._topic_id)
            except DeliveryRefused as error:
                raise DeliveryRefused(another_log(place, error)) from None
        return found

    async def _begin(self, found: Mapping[TopicPartition, Beginning], tenure: int) -> Mapping[TP, int]:
        await self._in_thread(self._thread.seek_to({place: one.offset for place, one in found.items()}))
        if tenure != self._tenure:
            # Revoked meanwhile.
            return {}
        for place, one in found.items():
            if one.gone:
                tell_gone(self._owner.observer, place, one.offset, one.gone)
            self._owner.dispatcher.assigned(place.partition, one.offset, one.before, everywhere=one.everywhere, topic_id=self._topic_id)
        return {TP(place.topic, place.partition): one.offset for place, one in found.items()}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what is under way, store the progress, then release the partitions."""
        self._tenure += 1
        progress = await self._owner.dispatcher.hand_back({place.partition for place in revoked}, self._owner.hand_back_seconds)
        await self.keep_progress(progress)
        await super().on_partitions_revoked(revoked)

    async def keep_progress(self, progress: Mapping[int, PartitionProgress] | None = None) -> bool:
        """Store progress that is not stored yet, of these partitions or of all that are ours. False when that was not possible."""
        dispatcher, topic = self._owner.dispatcher, self._owner.cluster.settings.topic_campaign_triggers
        # One at a time, or older progress could be written last.
        async with self._keeping:
            points = dispatcher.to_keep(progress)
            if not points:
                return True
            commits = {TopicPartition(topic, number): (kept.offset, memo_of(kept, dispatcher.routing)) for number, kept in points.items()}
            try:
                # Commit to the group first: only the owner of a partition can.
                await self._in_thread(self._thread.commit_points(commits, _KEEP_SECONDS))
                async with asyncio.timeout(_KEEP_SECONDS):
                    await self._owner.progress_log.keep(points)
            except KAFKA_FAILURES as error:
                logger.info("progress could not be kept now: %s", describe(error))
                return False
            dispatcher.kept(points)
            return True

    async def ends(self) -> Mapping[int, tuple[int, int]]:
        """The read position in every assigned partition, and its end. Raises aiokafka's errors."""
        return await self._in_thread(self._thread.ends())

    async def check_group(self) -> None:
        """Raises aiokafka's error when the group does not accept us."""
        await self._in_thread(self._thread.check_group())

    def is_assigned(self) -> bool:
        """Whether the group has assigned its partitions."""
        consumer = self._thread._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None
        return subscription is not None and subscription.assignment is not None

    async def _in_thread(self, work: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._thread.thread_loop))


class DeliveryTransport(Transport):
    """Faust's transport with our consumer."""

    Consumer = DeliveryConsumer


def hand_over(app: DeliveryApp) -> None:
    """Define the agent: it passes every record to the dispatcher, and waits for nothing."""
    # Raw bytes: a record that is not a trigger must become a dead letter, not an error in Faust.
    triggers = app.topic(app.cluster.settings.topic_campaign_triggers, key_serializer="raw", value_serializer="raw", acks=False)
    app.agent(triggers, name="deliver")(_hand_over_to(app))


def _hand_over_to(app: DeliveryApp) -> Any:
    async def deliver(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            app.dispatcher.take(
                TriggerRecord(
                    message.partition,
                    message.offset,
                    int((message.timestamp or 0) * SECOND),
                    message.key,
                    message.value,
                    _pairs(message.headers),
                )
            )

    return deliver


def _pairs(headers: Any) -> list[tuple[str, bytes]]:
    items: Iterable[tuple[str, bytes]] = headers.items() if isinstance(headers, Mapping) else headers or ()
    return list(items)
