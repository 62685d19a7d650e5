"""One partition of the topics on Kafka, as the partition task sees it (`ports.Log`).

Touchpoints come through the worker's one group consumer, which all its partitions share. Everything else belongs to the
partition: the transactional producer, and for each takeover a consumer that reads `customer-state`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException

from etapa.contracts.outgoing.dead_letter import KEPT_BYTES
from etapa.stream.kafka.batches.compression_frames import CannotUnpack
from etapa.stream.kafka.batches.lenient_batch import Bounds
from etapa.stream.kafka.batches.our_records import as_records, as_state_records, record_of, state_record_of
from etapa.stream.kafka.batches.piecemeal import Piecemeal, is_about_a_header, open_piecemeal
from etapa.stream.kafka.batches.unpacking import LargeBatch
from etapa.stream.kafka.clients.consumer import is_caught_up, stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.groups.broker_bounds import TimeoutRefused, about_timeout
from etapa.stream.kafka.partition.settled import see_that_all_is_settled
from etapa.stream.kafka.partition.slice_size import SliceSize
from etapa.stream.kafka.partition.transfers import KafkaTransfers
from etapa.stream.kafka.reading.stretch import have_records_made, range_of, records_between
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.topics.topic_ids import TopicWatch
from etapa.stream.kafka.writing.producer import PartitionProducer
from etapa.stream.protocol.belonging import changed
from etapa.stream.protocol.ports import RECENT_OFFSETS, Blocked, Fetched, LogError, RecentChanges, Topics, Transaction
from etapa.stream.protocol.records import Record, StateRecord
from etapa.stream.protocol.records_in_batches import RecordsInBatches, in_one_stretch

_RECENT_SECONDS = 5.0
"""How long reading the end of `stage-changes` may take; after that, a takeover goes on without it."""

logger = logging.getLogger(__name__)


class KafkaLog:
    """`consumer` must be started and subscribed to the touchpoints topic. It and `watch` are shared by all partitions of the worker."""

    def __init__(self, cluster: Cluster, partition: int, consumer: AIOKafkaConsumer, watch: TopicWatch | None = None) -> None:
        settings = cluster.settings
        self._cluster = cluster
        self._settings = settings
        self._consumer = consumer
        self._watch = watch or TopicWatch(settings, consumer)
        self._topics: Topics | None = None
        self._partition = partition
        self._touchpoints = TopicPartition(settings.topic_touchpoints, partition)
        self._states = TopicPartition(settings.topic_customer_state, partition)
        campaigns = (settings.topic_campaign_triggers, settings.topic_campaign_outcomes)
        self._written = (settings.topic_customer_state, settings.topic_stage_changes, *campaigns, settings.topic_dead_letters)
        self.transfers = KafkaTransfers(cluster, partition)
        """Closed together with the log."""
        self._producer: PartitionProducer | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._seconds = cluster.session_seconds
        self._next: int | None = None
        self._revoked = False
        self._slice = SliceSize()
        self._piecemeal: Piecemeal | None = None
        self._bounds = Bounds(max(settings.max_touchpoint_bytes, KEPT_BYTES), settings.max_unpacked_bytes)

    def revoke(self) -> None:
        """The group has revoked the partition: nothing more is read, even if the shared consumer still holds records."""
        self._revoked = True
        self._stop_piecemeal()

    async def fence(self) -> None:
        await self.close()
        self._producer = PartitionProducer(self._cluster, self._partition)
        with log_errors(f"partition {self._partition}: starting its transactional producer"):
            try:
                await self._producer.start()
            except TimeoutRefused as error:
                raise Blocked(await about_timeout(self._cluster, error)) from error
        with log_errors(f"partition {self._partition}: asking for the topics"):
            async with asyncio.timeout(self._seconds):
                transfers = (await self._watch.see_that_all_are_there(self._partition)).transfers
        await asyncio.gather(self._see_that_all_is_settled(transfers, self._producer.producer_id), self._ask_for_limits())

    async def _see_that_all_is_settled(self, transfers: int, producer_id: int) -> None:
        await see_that_all_is_settled(self._cluster, self._partition, self._written, transfers, producer_id)

    async def _ask_for_limits(self) -> None:
        with log_errors(f"partition {self._partition}: asking how large batches may be"):
            async with asyncio.timeout(self._seconds), self._cluster.admin() as admin:
                self._cluster.limits.tell(await topic_settings(admin, (*self._written, self._settings.topic_transfers)))

    async def state_range(self) -> tuple[int, int]:
        with log_errors(f"partition {self._partition}: asking for the range of {self._states.topic}"):
            async with asyncio.timeout(self._seconds):
                return await range_of(await self._state_reader(), self._states)

    async def states(self, start: int, end: int) -> AsyncIterator[list[StateRecord]]:
        if start >= end:
            return
        doing = f"partition {self._partition}: reading {self._states.topic}"
        with log_errors(doing):
            async with asyncio.timeout(self._seconds):
                reader = await self._state_reader()
        async for chunk in records_between(reader, self._states, start, end, self._seconds, doing, state_record_of):
            yield as_state_records(chunk)

    async def touchpoint_range(self) -> tuple[int, int]:
        with log_errors(f"partition {self._partition}: asking for the range of {self._touchpoints.topic}"):
            async with asyncio.timeout(self._seconds):
                return await range_of(self._consumer, self._touchpoints)

    async def group_offset(self) -> int | None:
        with log_errors(f"partition {self._partition}: asking for the offset of group {self._settings.group}"):
            async with asyncio.timeout(self._seconds):
                offset: int | None = await self._consumer.committed(self._touchpoints)
                return offset

    async def topics(self) -> Topics:
        with log_errors(f"partition {self._partition}: asking for the topics"):
            async with asyncio.timeout(self._seconds):
                self._topics = await self._watch.look()
                return self._topics

    async def recent_changes(self) -> RecentChanges:
        place = TopicPartition(self._settings.topic_stage_changes, self._partition)
        doing = f"partition {self._partition}: reading the end of {place.topic}"
        with log_errors(doing):
            async with asyncio.timeout(min(self._seconds, _RECENT_SECONDS)):
                reader = await self._reader_of(place)
                first, end = await range_of(reader, place)
                start = max(first, end - RECENT_OFFSETS)
                records: list[Record] = []
                async for chunk in records_between(reader, place, start, end, self._seconds, doing, record_of):
                    records += as_records(chunk)
                return RecentChanges(records, start == 0)

    def seek(self, offset: int) -> None:
        self._stop_piecemeal()
        with log_errors(f"partition {self._partition}: going to offset {offset} of {self._touchpoints.topic}"):
            self._consumer.seek(self._touchpoints, offset)
            # A partition is paused until its first seek, or the consumer would fetch from wherever the group's offset is.
            self._consumer.resume(self._touchpoints)
        self._next = offset

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        self._check_topics()
        records = RecordsInBatches()
        size = 0
        await self._close_reader()
        while len(records) < max_records and size < max_bytes:
            count = min(self._slice.fitting(max_bytes - size), max_records - len(records))
            slice_ = await self._take(count, 0 if records else wait, max_bytes - size)
            if not slice_:
                break
            taken = slice_.size()
            size += taken
            records.extend(slice_)
            self._slice.took(len(slice_), taken)
        with log_errors(f"partition {self._partition}: reading {self._touchpoints.topic}"):
            self._check_still_ours()
            position: int = await self._consumer.position(self._touchpoints)
            caught_up = is_caught_up(self._consumer, self._touchpoints, position, _wall_ms())
            end = self._consumer.last_stable_offset(self._touchpoints)
        self._next = position
        return Fetched(records, max(position, end or 0), caught_up)

    async def _take(self, count: int, wait: float, room: int) -> RecordsInBatches:
        with log_errors(f"partition {self._partition}: reading {self._touchpoints.topic}"):
            self._check_still_ours()
            # The consumer may have moved the position itself, after a rebalance that we were not told about.
            async with asyncio.timeout(self._seconds):
                position = await self._consumer.position(self._touchpoints)
            if position != self._next:
                message = f"partition {self._partition}: the consumer is at offset {position}, not at {self._next} where reading stopped"
                raise LogError(message)
            if self._piecemeal is not None:
                return in_one_stretch(await self._take_piecemeal(self._piecemeal, count, room))
            have_records_made(self._consumer, self._touchpoints, record_of, in_batches=True)
            try:
                # During a rebalance, getmany waits for its end, and the rebalance waits for us.
                reading = self._consumer.getmany(self._touchpoints, timeout_ms=int(wait * 1000), max_records=count)
                if wait and self.transfers.is_read:
                    got = await self.transfers.unless_news(reading, wait + 0.05)
                else:
                    async with asyncio.timeout(wait + 0.05):
                        got = await reading
            except TimeoutError:
                return RecordsInBatches()
            except (UnicodeDecodeError, CorruptRecordException) as error:
                if not is_about_a_header(error):
                    raise
                return in_one_stretch(await self._begin_piecemeal(position, count, room, "a header has a name that is not UTF-8"))
            except LargeBatch as error:
                return in_one_stretch(await self._begin_piecemeal(position, count, room, f"{error}, so it is read piece by piece"))
            taken = (got or {}).get(self._touchpoints, [])
            records = taken if isinstance(taken, RecordsInBatches) else in_one_stretch(as_records(taken))
            # This is beyond the last record if control records follow it.
            self._next = await self._consumer.position(self._touchpoints)
            return records

    async def _begin_piecemeal(self, position: int, count: int, room: int, why: str) -> list[Record]:
        """Read what the consumer cannot. Until that is done, the consumer fetches nothing for this partition."""
        logger.warning("partition %d: at offset %d or soon after: %s", self._partition, position, why)
        max_bytes = self._consumer._fetcher._max_partition_fetch_bytes
        async with asyncio.timeout(self._seconds):
            piecemeal = await open_piecemeal(self._consumer, self._touchpoints, position, max_bytes, self._bounds)
        self._check_still_ours()
        self._piecemeal = piecemeal
        self._consumer.pause(self._touchpoints)
        return await self._take_piecemeal(piecemeal, count, room)

    async def _take_piecemeal(self, piecemeal: Piecemeal, count: int, room: int) -> list[Record]:
        topic, partition = self._touchpoints
        try:
            records = await piecemeal.take(count, room)
        except CannotUnpack as error:
            last = piecemeal.batch_end - 1
            raise Blocked(
                f"the batch at offsets {piecemeal.position} to {last} of {topic} {partition} cannot be read within ETAPA_MAX_UNPACKED_BYTES="
                f"{self._settings.max_unpacked_bytes}: {error}. Raise it, or give these records up with kafka-delete-records.sh and"
                f' {{"partitions": [{{"topic": "{topic}", "partition": {partition}, "offset": {last + 1}}}], "version": 1}}; they will be'
                " counted as gone"
            ) from error
        self._check_still_ours()
        reached = piecemeal.position
        self._consumer.seek(self._touchpoints, reached)
        self._next = reached
        if piecemeal.is_through:
            self._piecemeal = None
            self._consumer.resume(self._touchpoints)
        return records

    def _stop_piecemeal(self) -> None:
        piecemeal, self._piecemeal = self._piecemeal, None
        if piecemeal is not None:
            piecemeal.stop()

    def _check_topics(self) -> None:
        then, now = self._topics, self._watch.seen
        if then is not None and now is not None and now is not then and (what := changed(then, now)):
            message = f"partition {self._partition}: {what}"
            raise LogError(message)

    def _check_still_ours(self) -> None:
        if self._revoked:
            message = f"partition {self._partition} was revoked"
            raise LogError(message)

    async def commit(self, transaction: Transaction) -> int:
        producer = self._producer
        if producer is None:
            message = f"partition {self._partition}: a commit without a fence before it"
            raise LogError(message)
        committed = False
        try:
            offset = await producer.commit(transaction)
            committed = True
            return offset
        finally:
            # After an error or a cancelled commit, this producer may not be used any more.
            if not committed:
                self._producer = None
                await producer.close()

    async def close(self) -> None:
        self._stop_piecemeal()
        await self._close_reader()
        await self.transfers.close()
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    async def _state_reader(self) -> AIOKafkaConsumer:
        return await self._reader_of(self._states)

    async def _reader_of(self, place: TopicPartition) -> AIOKafkaConsumer:
        if self._reader is None:
            self._reader = self._cluster.reading_consumer()
            await self._reader.start()
        if self._reader.assignment() != {place}:
            self._reader.assign([place])
        return self._reader

    async def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await stop_consumer(reader)


def _wall_ms() -> int:
    # aiokafka records the time of an answer by the wall clock.
    return int(time.time() * 1000)
