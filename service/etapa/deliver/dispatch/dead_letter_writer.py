"""Writing dead letters. A trigger is finished only when its dead letter is in Kafka, so writing waits for Kafka however long that takes.

What is too large for the topic is compressed or cut, like the worker's dead letters. After an error a new producer is made: one
whose batch was refused has used up its sequence number, and the brokers accept nothing more from it.
"""

import asyncio
import logging
from collections import defaultdict

import msgspec
from aiokafka import AIOKafkaProducer

from etapa.contracts.outgoing.undelivered import Undelivered, encode_undelivered
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.stream.kafka.batches.our_records import append_records
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.limits import MAX_BATCH_BYTES, BatchTooLarge
from etapa.stream.kafka.topic_settings import topic_settings
from etapa.stream.kafka.writing.producer import close_producer
from etapa.stream.kafka.writing.sending import letter_cut_to, send_in_batches
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.records import Outgoing

_PAUSE = 1.0

logger = logging.getLogger(__name__)


class _Waiting(msgspec.Struct, frozen=True, eq=False):
    """A dead letter that is not in Kafka yet."""

    partition: int
    record: Outgoing
    written: "asyncio.Future[None]"


class DeadLetterWriter:
    """Writes what is handed to it, by partition and in batches, while `run` is running."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._topic = cluster.settings.topic_campaign_trigger_dead_letters
        self._waiting: list[_Waiting] = []
        self._news = asyncio.Event()
        self._producer: AIOKafkaProducer = None

    async def write(self, pending: PendingTrigger, why: Undelivered) -> None:
        """Write the dead letter of a trigger. Returns when Kafka has it."""
        record = encode_undelivered(
            pending.key,
            pending.value,
            pending.headers,
            why,
            self._cluster.settings.topic_campaign_triggers,
            pending.partition,
            pending.offset,
        )
        waiting = _Waiting(pending.partition, Outgoing(*record), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._news.set()
        await waiting.written

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            by_partition: dict[int, list[_Waiting]] = defaultdict(list)
            for one in self._waiting:
                by_partition[one.partition].append(one)
            for partition, some in by_partition.items():
                await self._try(partition, [one for one in some if not one.written.done()])
            self._waiting = [one for one in self._waiting if not one.written.done()]
            if self._waiting:
                self._news.set()

    async def _try(self, partition: int, some: list[_Waiting]) -> None:
        """Write them, or leave them for the next try."""
        try:
            async with asyncio.timeout(self._cluster.session_seconds):
                if self._producer is None:
                    self._producer = await self._started()
                records = [one.record for one in some]
                await send_in_batches(self._producer, self._topic, partition, records, append_records, self._cluster.limits, letter_cut_to)
        except (*KAFKA_FAILURES, LogError) as error:
            logger.warning("dead letters could not be written and are tried again: %s", describe(error))
            await self.close()
            if not isinstance(error, BatchTooLarge):
                await asyncio.sleep(_PAUSE)
            return
        for one in some:
            if not one.written.done():
                one.written.set_result(None)

    async def _started(self) -> AIOKafkaProducer:
        async with self._cluster.admin(self._cluster.settings.delivery_group) as admin:
            self._cluster.limits.tell(await topic_settings(admin, [self._topic]))
        producer = self._cluster.producer(
            f"{self._cluster.settings.delivery_group}-dead-letters",
            # It waits for all replicas, and a retry inside aiokafka makes no second dead letter.
            enable_idempotence=True,
            max_batch_size=MAX_BATCH_BYTES,
            request_timeout_ms=max(1_000, self._cluster.settings.session_timeout // 2_000),
        )
        try:
            await producer.start()
        except BaseException:
            await close_producer(producer, "dead letters")
            raise
        return producer

    async def close(self) -> None:
        """Close the connections. What is not written by now is not finished, and its trigger is read again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, "dead letters")
