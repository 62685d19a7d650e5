"""A transaction that hangs on a real Kafka, made as a broker makes it that loses a marker: records that nobody will ever end."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from etapa.settings import Settings
from etapa.stream.kafka_security import client_options

_VERIFICATION = "transaction.partition.verification.enable"


async def leave_hanging(settings: Settings, producer: AIOKafkaProducer, records: Sequence[tuple[TopicPartition, bytes, bytes]]) -> None:
    """Write (place, key, value) in a transaction of which the brokers' coordinator never hears."""
    manager = producer._txn_manager
    async with _unverified(settings):
        await producer.begin_transaction()
        # As if they had been made part of the transaction.
        manager._txn_partitions.update(place for place, _, _ in records)
        for place, key, value in records:
            await producer.send_and_wait(place.topic, value, key, partition=place.partition)
        # With nothing in it, its end is not sent.
        manager._txn_partitions.clear()
        await producer.abort_transaction()


async def abort_hanging(producer: AIOKafkaProducer, places: Sequence[TopicPartition]) -> None:
    """A marker that aborts what the same producer left in `places`, as `kafka-transactions.sh abort` writes one into each."""
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
