"""What a transactional producer does once its transaction has failed."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from etapa.stream.kafka.writing.producer import send_nothing_after_an_error

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
