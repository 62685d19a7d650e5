"""The topic `delivery-progress`: how far delivery has got, stored where it never expires, unlike the offsets of a group without members.

The owner of a partition commits to its group first, which Kafka allows only the owner to do, and writes here afterwards. So only
owners have written what is here, and of two such records one always includes the other: the one that says more counts, however
late the other arrived. Compaction must not remove it in favour of the other, so every process has its own key, and a process that
takes over a partition removes the keys of others once its own is written.
"""

import asyncio
import logging
import secrets
from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from etapa.contracts.stored.delivery_progress import (
    DeliveryProgress,
    DeliveryProgressError,
    decode_delivery_progress,
    encode_delivery_progress,
    is_progress_of,
    progress_key,
)
from etapa.deliver.offsets.progress import Kept, Through
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.stretch import range_of, records_between
from etapa.stream.kafka.writing.producer import close_producer

LONGEST = 512 * 1024
"""The most bytes of a record. If it would be longer, only its offset is stored; the only cost is that a restart repeats some deliveries."""

logger = logging.getLogger(__name__)


class ProgressLog:
    """There is one for each process. It connects when first needed; methods raise `LogError` or aiokafka's errors."""

    def __init__(self, cluster: Cluster, routing: str) -> None:
        """`routing` identifies which campaign goes where: what is through beyond an offset holds only for that routing."""
        settings = cluster.settings
        self._cluster = cluster
        self._topic = settings.topic_delivery_progress
        self._group = settings.delivery_group
        self._routing = routing
        self._key = progress_key(self._group, secrets.token_hex(8))
        self._producer: AIOKafkaProducer = None
        self._of_others: dict[int, set[bytes]] = {}

    async def read(self, partitions: Collection[int]) -> dict[int, list[Kept]]:
        """Everything stored for each of these partitions of `campaign-triggers`, in no particular order."""
        if not partitions:
            return {}
        consumer = self._cluster.reading_consumer()
        try:
            with log_errors(f"reading {self._topic}"):
                async with asyncio.timeout(self._cluster.session_seconds):
                    await consumer.start()
            return {partition: await self._read(consumer, partition) for partition in sorted(partitions)}
        finally:
            await stop_consumer(consumer)

    async def _read(self, consumer: AIOKafkaConsumer, partition: int) -> list[Kept]:
        place = TopicPartition(self._topic, partition)
        doing = f"reading {self._topic} {partition}"
        consumer.assign([place])
        with log_errors(doing):
            async with asyncio.timeout(self._cluster.session_seconds):
                first, end = await range_of(consumer, place)
        values: dict[bytes, list[tuple[int, bytes]]] = {}
        async for records in records_between(consumer, place, first, end, self._cluster.session_seconds, doing):
            for record in records:
                if not is_progress_of(self._group, record.key):
                    continue
                if record.value is None:
                    values.pop(record.key, None)
                else:
                    values.setdefault(record.key, []).append((record.offset, record.value))
        self._of_others[partition] = values.keys() - {self._key}
        # The last record of each key would be enough, since a process writes in order.
        return [self._kept(partition, *found[-1]) for found in values.values()]

    def _kept(self, partition: int, offset: int, value: bytes) -> Kept:
        try:
            said = decode_delivery_progress(value)
        except DeliveryProgressError as error:
            raise DeliveryProgressError(f"{self._topic} {partition}, offset {offset}: {error}") from None
        if said.routing != self._routing:
            return Kept(said.offset, topic_id=said.topic_id)
        return Kept(said.offset, Through(said.upto, frozenset(said.open), said.behind), said.topic_id)

    async def keep(self, points: Mapping[int, Kept]) -> None:
        """Store the progress of these partitions. Returns when Kafka has it."""
        try:
            await self._write(points)
        except BaseException:
            # A producer whose batch was refused has used up its sequence number, and an abandoned one may still write after its
            # successor. So the successor has its own key too, and the old key is removed once the new one is written.
            for partition in points:
                self._of_others.setdefault(partition, set()).add(self._key)
            self._key = progress_key(self._group, secrets.token_hex(8))
            await self.stop()
            raise

    async def _write(self, points: Mapping[int, Kept]) -> None:
        if self._producer is None:
            self._producer = self._cluster.producer(
                f"{self._group}-progress",
                enable_idempotence=True,
                max_request_size=2 * LONGEST,
                request_timeout_ms=max(1_000, self._cluster.settings.session_timeout // 2_000),
            )
            await self._producer.start()
        written = [
            await self._producer.send(self._topic, self._value(partition, kept), self._key, partition=partition)
            for partition, kept in points.items()
        ]
        await asyncio.gather(*written)
        removed = [
            await self._producer.send(self._topic, None, key, partition=partition)
            for partition in points
            for key in self._of_others.get(partition, ())
        ]
        await asyncio.gather(*removed)
        for partition in points:
            self._of_others.pop(partition, None)

    def _value(self, partition: int, kept: Kept) -> bytes:
        through = kept.through or Through(kept.offset)
        said = DeliveryProgress(
            partition=partition,
            offset=kept.offset,
            routing=self._routing,
            upto=through.upto,
            open=tuple(sorted(through.open)),
            behind=dict(through.behind),
            topic_id=kept.topic_id,
        )
        value = encode_delivery_progress(said)
        if len(value) <= LONGEST:
            return value
        return encode_delivery_progress(
            DeliveryProgress(partition=partition, offset=kept.offset, routing=self._routing, upto=kept.offset, topic_id=kept.topic_id)
        )

    async def stop(self) -> None:
        """Close the connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, "delivery progress")
