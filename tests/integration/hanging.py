"""A transaction that hangs on a real Kafka, made as a broker makes it that loses a marker: records that nobody will ever end."""

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


async def leave_hanging(settings: Settings, transactional_id: str, records: Sequence[Placed]) -> None:
    """Write (place, key, value) in a transaction of which the brokers' coordinator never hears."""
    async with _unverified(settings), asyncio.timeout(30):
        # Until the broker has taken notice of the setting.
        while not await _left_hanging(settings, transactional_id, records):
            pass


async def _left_hanging(settings: Settings, transactional_id: str, records: Sequence[Placed]) -> bool:
    async with started_producer(settings, transactional_id=transactional_id) as producer:
        manager = producer._txn_manager
        await producer.begin_transaction()
        # As if they had been made part of the transaction.
        manager._txn_partitions.update(place for place, _, _ in records)
        try:
            for place, key, value in records:
                await producer.send_and_wait(place.topic, value, key, partition=place.partition)
        except InvalidTxnState:
            return False
        # With nothing in it, its end is not sent.
        manager._txn_partitions.clear()
        await producer.abort_transaction()
        return True


async def abort_hanging(settings: Settings, transactional_id: str, places: Sequence[TopicPartition]) -> None:
    """A marker that aborts what that producer left in `places`, as `kafka-transactions.sh abort` writes one into each."""
    async with started_producer(settings, transactional_id=transactional_id) as producer:
        await producer.begin_transaction()
        for place in places:
            await producer.send_and_wait(place.topic, b"never", b"never", partition=place.partition)
        await producer.abort_transaction()


@contextlib.asynccontextmanager
async def _unverified(settings: Settings) -> AsyncIterator[None]:
    """Brokers refuse records of transactions that their coordinator does not know, unless told not to look."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", {_VERIFICATION: "false"})])
        yield
    finally:
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", {})])
        await admin.close()
