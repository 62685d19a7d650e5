import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from etapa.embedded.broker import CHECK_CRCS, PARTITIONS, BrokerError, PrivateBroker
from etapa.stream.kafka.transactions.sender import speak_transactions
from tests.servers.processes import accepts_connections


def test_topics_have_four_partitions_and_are_made_once() -> None:
    with PrivateBroker() as broker:
        broker.create_topics(["touchpoints", "stage-changes"])
        broker.create_topics(["touchpoints"])
        assert asyncio.run(_partitions(broker.address, "touchpoints")) == set(range(PARTITIONS))


def test_what_a_transaction_wrote_is_read_with_offsets_that_agree() -> None:
    with PrivateBroker() as broker:
        broker.create_topics(["touchpoints", "customer-state"])
        written, read = asyncio.run(_write_and_read(broker.address))
    assert read == written


def test_it_frees_its_port() -> None:
    with PrivateBroker() as broker:
        port = int(broker.address.rpartition(":")[2])
        assert accepts_connections(port)
    assert not accepts_connections(port)


def test_it_makes_no_topics_once_it_has_stopped() -> None:
    broker = PrivateBroker()
    with broker:
        pass
    with pytest.raises(BrokerError, match="not running"):
        broker.create_topics(["touchpoints"])


async def _partitions(address: str, topic: str) -> set[int] | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=address) as consumer:
        found: set[int] | None = consumer.partitions_for_topic(topic)
        return found


async def _write_and_read(address: str) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Two transactions of two records each, written as by the worker; (offset, value) as written and as read."""
    touchpoints, states = TopicPartition("touchpoints", 0), TopicPartition("customer-state", 0)
    written = []
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id="etapa.touchpoints.0")
    speak_transactions(producer)
    async with producer:
        for number in range(2):
            values = [b"%d-state" % number, b"%d-mark" % number]
            async with producer.transaction():
                batch = producer.create_batch()
                for value in values:
                    batch.append(key=b"c-1", value=value, timestamp=None)
                sent = await producer.send_batch(batch, states.topic, partition=states.partition)
                await producer.send_offsets_to_transaction({touchpoints: OffsetAndMetadata(number + 1, "")}, "etapa")
                first = (await sent).offset
            written += [(first + place, value) for place, value in enumerate(values)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, isolation_level="read_committed", check_crcs=CHECK_CRCS, enable_auto_commit=False
    )
    async with consumer:
        consumer.assign([states])
        consumer.seek(states, 0)
        read: list[tuple[int, bytes]] = []
        async with asyncio.timeout(20):
            while len(read) < len(written):
                fetched = await consumer.getmany(timeout_ms=1000)
                read += [(record.offset, record.value) for record in fetched.get(states, [])]
    return written, read
