"""A transaction that hangs on a real Kafka, as after a broker lost a marker: its records are never committed or aborted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTxnState

from etapa.settings import Settings
from etapa.stream.kafka.clients.security import client_options
from tests.integration.places import started_producer

_VERIFICATION = "transaction.partition.verification.enable"

Placed = tuple[TopicPartition, bytes, bytes]


async def leave_hanging(settings: Settings, transactional_id: str, records: Sequence[Placed], at_ms: int | None = None) -> None:
    """Write (place, key, value) in a transaction that the brokers' coordinator never learns of, as if at this time."""
    async with _unverified(settings), asyncio.timeout(30):
        # Until the broker has applied the setting.
        while not await _left_hanging(settings, transactional_id, records, at_ms):
            pass


async def _left_hanging(settings: Settings, transactional_id: str, records: Sequence[Placed], at_ms: int | None) -> bool:
    async with started_producer(settings, transactional_id=transactional_id) as producer:
        manager = producer._txn_manager
        await producer.begin_transaction()
        # As if they had been added to the transaction.
        manager._txn_partitions.update(place for place, _, _ in records)
        try:
            for place, key, value in records:
                await producer.send_and_wait(place.topic, value, key, partition=place.partition, timestamp_ms=at_ms)
        except InvalidTxnState:
            return False
        # The end of an empty transaction is not sent.
        manager._txn_partitions.clear()
        await producer.abort_transaction()
        return True


async def abort_hanging(settings: Settings, transactional_id: str, places: Sequence[TopicPartition]) -> None:
    """Write a marker that aborts what that producer left in each of `places`, as `kafka-transactions.sh abort` does."""
    async with started_producer(settings, transactional_id=transactional_id) as producer:
        await producer.begin_transaction()
        for place in places:
            await producer.send_and_wait(place.topic, b"never", b"never", partition=place.partition)
        await producer.abort_transaction()


@contextlib.asynccontextmanager
async def _unverified(settings: Settings) -> AsyncIterator[None]:
    """Brokers refuse records of transactions unknown to their coordinator, unless told not to check."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", {_VERIFICATION: "false"})])
        yield
    finally:
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", {})])
        await admin.close()
