"""What a transactional producer makes of our batches, and what it does once its transaction has failed."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.producer.sender import SendProduceReqHandler
from aiokafka.record.memory_records import MemoryRecords

from etapa.stream.kafka.batches.plain_batch import PlainBatch
from etapa.stream.kafka.writing.producer import send_nothing_after_an_error
from etapa.stream.protocol.records import Outgoing

STATES, CHANGES = TopicPartition("customer-state", 0), TopicPartition("stage-changes", 0)


async def in_transaction() -> tuple[AIOKafkaProducer, list[asyncio.Future[Any]]]:
    """A producer whose batches wait until their partitions are part of the transaction."""
    producer = AIOKafkaProducer(transactional_id="t")
    send_nothing_after_an_error(producer)
    producer._txn_manager.set_pid_and_epoch(1, 0)
    producer._txn_manager.begin_transaction()
    answers = []
    for place in (STATES, CHANGES):
        batch = producer._message_accumulator.create_builder()
        batch.append(timestamp=None, key=b"k", value=b"v")
        answers.append(await producer._message_accumulator.add_batch(batch, place, 1))
    assert producer._txn_manager.partitions_to_add() == {STATES, CHANGES}
    return producer, answers


@pytest.mark.parametrize("failing", ["error_transaction", "fatal_error"])
def test_what_never_became_part_of_a_transaction_that_failed_is_not_sent(failing: str) -> None:
    async def scenario() -> None:
        producer, answers = await in_transaction()
        getattr(producer._txn_manager, failing)(TopicAuthorizationFailedError({"stage-changes"}))
        # Nothing is held back any more, so nothing may be left.
        assert not producer._txn_manager.partitions_to_add()
        assert not any(producer._message_accumulator._batches.values())
        for answer in answers:
            with pytest.raises(TopicAuthorizationFailedError):
                await answer
        with pytest.raises(KafkaError):
            await producer._message_accumulator.add_batch(producer._message_accumulator.create_builder(), STATES, 1)
        producer._txn_manager.wait_for_transaction_end().exception()
        producer._closed = True

    asyncio.run(scenario())


def test_our_batches_are_sent_in_the_name_of_the_producer_with_numbers_that_go_on() -> None:
    async def scenario() -> None:
        producer = AIOKafkaProducer(transactional_id="t")
        manager, accumulator = producer._txn_manager, producer._message_accumulator
        manager.set_pid_and_epoch(77, 3)
        manager.begin_transaction()
        for number in range(3):
            batch = PlainBatch(1_000, is_transactional=True)
            batch.fill([Outgoing(b"k", b"%d" % number), Outgoing(b"k", None, [("h", b"v")])], 0)
            await accumulator.add_batch(batch, STATES, 1)
            drained = accumulator._pop_batch(STATES)
            request = SendProduceReqHandler(producer._sender, {STATES: drained}).create_request()
            [(topic, [(partition, written)])] = request._topics
            assert (topic, partition) == STATES
            assert request.prepare({0: (0, 9)}).encode().count(written) == 1
            read = MemoryRecords(bytes(written)).next_batch()
            assert read is not None
            assert read.validate_crc()
            assert read.is_transactional
            assert (read.producer_id, read.producer_epoch, read.base_sequence) == (77, 3, 2 * number)
            assert [(one.key, one.value, one.headers) for one in read] == [(b"k", b"%d" % number, []), (b"k", None, [("h", b"v")])]
            assert drained.get_data_buffer() is written
            drained.done_noack()
        producer._closed = True

    asyncio.run(scenario())
