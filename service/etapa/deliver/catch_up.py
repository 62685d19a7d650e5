"""Reading again for lanes that fell behind: each from its own position, no faster than its target accepts deliveries.

It uses a consumer outside the group, so that it cannot affect what the group reads.
"""

import asyncio
import logging
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from etapa.deliver.dispatch.dispatcher import DeliveryObserver, Dispatcher, TriggerRecord
from etapa.deliver.offsets.beginning import DeliveryRefused, LogRange, read_on_at
from etapa.deliver.overtaken import another_log, tell_gone
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe

_IDLE = 0.1
_PAUSE = 1.0
_FETCH_MS = 200
_MOST_FETCHED = 500

logger = logging.getLogger(__name__)


class CatchUp:
    """Runs until it is cancelled."""

    def __init__(self, cluster: Cluster, dispatcher: Dispatcher, window: int, observer: DeliveryObserver) -> None:
        self._cluster = cluster
        self._settings = cluster.settings
        self._dispatcher = dispatcher
        # Half of the window must be free, so that each read of the log fills a good part of it, not a single place.
        self._worth_while = max(1, window // 2)
        self._observer = observer

    async def run(self) -> None:
        """Serve the lanes that are behind in turn, for ever."""
        while True:
            if not self._lanes():
                await asyncio.sleep(_IDLE)
                continue
            consumer = self._cluster.reading_consumer()
            try:
                await consumer.start()
                while self._behind():
                    served = False
                    for lane, places in self._lanes().items():
                        served = await self._serve(consumer, lane, places) or served
                    if not served:
                        await asyncio.sleep(_IDLE)
            except KAFKA_FAILURES as error:
                logger.warning("reading for targets that lag failed and is tried again: %s", describe(error))
                await asyncio.sleep(_PAUSE)
            finally:
                await stop_consumer(consumer)

    def _behind(self) -> bool:
        return any(progress.behind for progress in self._dispatcher.progress.values())

    def _lanes(self) -> dict[str, dict[int, int]]:
        """Lanes that are behind and have room, with the offset to read from in each partition."""
        lanes: dict[str, dict[int, int]] = {}
        for partition, progress in self._dispatcher.progress.items():
            for lane, offset in progress.behind.items():
                if progress.room(lane) >= self._worth_while:
                    lanes.setdefault(lane, {})[partition] = offset
        return lanes

    async def _serve(self, consumer: AIOKafkaConsumer, lane: str, places: Mapping[int, int]) -> bool:
        """Read some records for a lane. Returns whether there were any."""
        topic = self._settings.topic_campaign_triggers
        consumer.assign([TopicPartition(topic, partition) for partition in places])
        for partition, offset in places.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        try:
            fetched = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_MOST_FETCHED)
        except OffsetOutOfRangeError:
            await self._skip_what_is_gone(consumer, lane, places)
            return True
        for records in fetched.values():
            for one in records:
                record = TriggerRecord(one.partition, one.offset, one.timestamp * 1000, one.key, one.value, one.headers)
                if self._dispatcher.look(lane, record) == "later":
                    break
        return bool(fetched)

    async def _skip_what_is_gone(self, consumer: AIOKafkaConsumer, lane: str, places: Mapping[int, int]) -> None:
        topic = self._settings.topic_campaign_triggers
        asked = [TopicPartition(topic, partition) for partition in places]
        starts, ends = await consumer.beginning_offsets(asked), await consumer.end_offsets(asked)
        for place in asked:
            progress = self._dispatcher.progress.get(place.partition)
            try:
                start = read_on_at(places[place.partition], LogRange(starts[place], ends[place]))
            except DeliveryRefused as error:
                # The group's own reading checks this, and ends delivery if it stays so.
                logger.warning("%s", another_log(place, error))
                await asyncio.sleep(_PAUSE)
                continue
            missing = start - places[place.partition]
            if progress is not None and missing > 0:
                tell_gone(self._observer, place, start, missing, lane)
                progress.gone(lane, start)
