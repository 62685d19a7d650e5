"""Publishes records together with a note that they were published: both happen, or neither.

The note is kept beside an offset of a consumer group that has no members; the group's name is the transactional id, too.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from etapa.stream.kafka.batches.our_records import append_records
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, log_errors
from etapa.stream.kafka.limits import MAX_BATCH_BYTES, BatchTooLarge, RecordTooLarge
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.transactions.sender import speak_transactions
from etapa.stream.kafka.writing.producer import close_producer, send_nothing_after_an_error
from etapa.stream.kafka.writing.sending import look_at, send_in_batches
from etapa.stream.protocol.records import Outgoing

_ABORT_SECONDS = 3.0


class NotedProducer:
    """Publishes to `topic`; used with `async with`. Once it has started, no other producer with the same group can publish."""

    def __init__(self, cluster: Cluster, group: str, topic: str, seconds: float) -> None:
        """`seconds`: how long a transaction may take."""
        self._cluster = cluster
        self._group = group
        self._topic = topic
        self._seconds = seconds
        self._producer: AIOKafkaProducer = None

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def publish(
        self, records: Mapping[int, Sequence[Outgoing]], source: tuple[str, int], next_offset: int, note: str, doing: str
    ) -> bool:
        """Publish `records`, by partition, and set the offset of `source` (a topic and its partition) with its note, in one transaction.

        Returns false when one of the records is too large: then nothing was published. Raises `LogError`, or `Fenced` when another
        producer has started; after that it cannot be used any more. `doing` begins the message.
        """
        try:
            with log_errors(doing):
                async with asyncio.timeout(self._seconds):
                    await self._transact(records, TopicPartition(*source), OffsetAndMetadata(next_offset, note))
        except (BatchTooLarge, RecordTooLarge):
            await self._abort()
            await self._close()
            # A limit learned from several records may not apply to each of them alone.
            self._cluster.limits.forget(self._topic)
            await self._start()
            return False
        except BaseException:
            await self._abort()
            raise
        return True

    async def _transact(self, records: Mapping[int, Sequence[Outgoing]], source: TopicPartition, offset: OffsetAndMetadata) -> None:
        producer = self._producer
        await producer.begin_transaction()
        # If sending fails, nothing waits for the end of the transaction.
        producer._txn_manager.wait_for_transaction_end().add_done_callback(look_at)
        for partition, some in records.items():
            await send_in_batches(producer, self._topic, partition, some, append_records, self._cluster.limits)
        await producer.send_offsets_to_transaction({source: offset}, self._group)
        await producer.commit_transaction()

    async def _start(self) -> None:
        self._producer = self._cluster.producer(
            f"etapa-{self._group}",
            transactional_id=self._group,
            transaction_timeout_ms=int(self._seconds * 1000),
            max_batch_size=MAX_BATCH_BYTES,
        )
        # Only the offset says what was published.
        speak_transactions(self._producer, offsets_once=True)
        send_nothing_after_an_error(self._producer)
        try:
            with log_errors(f"starting to publish to {self._topic}"):
                async with asyncio.timeout(self._cluster.session_seconds):
                    async with self._cluster.admin() as admin:
                        self._cluster.limits.tell(await topic_settings(admin, [self._topic]))
                    await self._producer.start()
        except BaseException:
            # `async with` does not exit what it could not enter.
            await self._close()
            raise

    async def _abort(self) -> None:
        """Abort the transaction: otherwise readers are blocked until it times out."""
        with contextlib.suppress(*KAFKA_FAILURES):
            async with asyncio.timeout(_ABORT_SECONDS):
                await self._producer.abort_transaction()

    async def _close(self) -> None:
        await close_producer(self._producer, self._group)


async def notes_of(cluster: Cluster, group: str, topic: str, partitions: Iterable[int]) -> Mapping[int, str]:
    """The current notes for these partitions of a topic. Raises `LogError`."""
    # Each by name: not every broker can list all of them.
    places = [TopicPartition(topic, partition) for partition in partitions]
    with log_errors(f"asking for the offsets of group {group}"):
        async with cluster.admin() as admin:
            found = await _offsets(admin, group, places, time.monotonic() + cluster.session_seconds)
    return {place.partition: stored.metadata or "" for place, stored in found.items()}


async def _offsets(admin: Any, group: str, places: Sequence[TopicPartition], deadline: float) -> Mapping[TopicPartition, OffsetAndMetadata]:
    while places:
        try:
            found: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group, partitions=places)
            return found
        except GroupCoordinatorNotAvailableError:
            # The first group of a new cluster: the brokers are creating the offsets topic.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
    return {}
