"""Requests that a transactional producer sends only once, observed where it hands them to a node."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    CorrelationIdError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
)

from etapa.stream.kafka.errors import is_fenced
from etapa.stream.kafka.transactions.handlers import TransactionAbortable
from etapa.stream.kafka.transactions.sender import speak_transactions

COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS, PRODUCER_FENCED, TRANSACTION_ABORTABLE = 47, 48, 51, 90, 120
PLACE = TopicPartition("customer-state", 0)

Answer = int | Exception
Deed = Callable[[AIOKafkaProducer], Any]


async def answered(answers: list[Answer], kind: str, deed: Deed, *, new: bool = False, offsets_too: bool = False) -> int:
    """Run a transaction of the old or new protocol; requests of a kind get these responses in turn. Returns how many were sent."""
    producer = AIOKafkaProducer(transactional_id="t", retry_backoff_ms=1)
    speak_transactions(producer, offsets_once=offsets_too)
    sent = 0

    async def send(node: int, request: Any, **_: Any) -> Any:
        nonlocal sent
        name = type(request).__name__
        answer = answers[sent] if name.startswith(kind) else 0
        sent += name.startswith(kind)
        if isinstance(answer, Exception):
            raise answer
        errors = [(PLACE.topic, [(PLACE.partition, answer)])]
        topics: list[Any] = [(PLACE.topic, [(PLACE.partition, answer, {})], {})]
        return SimpleNamespace(error_code=answer, errors=errors, topics=topics, producer_id=1, producer_epoch=1)

    async def coordinator(*_: Any) -> int:
        return 1

    async def ready(*_: Any, **__: Any) -> bool:
        return True

    producer.client.send, producer.client.coordinator_lookup, producer.client.ready = send, coordinator, ready
    manager = producer._txn_manager
    manager.set_pid_and_epoch(1, 0)
    manager.adds_by_sending = new
    await producer._sender.start()
    try:
        async with asyncio.timeout(10):
            manager.begin_transaction()
            # As our producers do: nothing waits for the end of a transaction that failed before.
            manager.wait_for_transaction_end().add_done_callback(asyncio.Future.exception)
            manager.maybe_add_partition_to_txn(PLACE)
            if not new:
                manager.partition_added(PLACE)
            await deed(producer)
    finally:
        await producer._sender.close()
        producer._closed = True
    return sent


def commit(producer: AIOKafkaProducer) -> Any:
    return producer.commit_transaction()


def abort(producer: AIOKafkaProducer) -> Any:
    return producer.abort_transaction()


async def commit_offset(producer: AIOKafkaProducer) -> None:
    await producer.send_offsets_to_transaction({PLACE: 7}, "g")
    await producer.commit_transaction()


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
@pytest.mark.parametrize("deed", [commit, abort])
@pytest.mark.parametrize(
    "lost", [RequestTimedOutError(), KafkaConnectionError(), CorrelationIdError()], ids=lambda error: type(error).__name__
)
def test_an_end_that_got_no_answer_is_not_sent_again(deed: Deed, lost: KafkaError, new: bool) -> None:
    # A second one would succeed, and the next transaction would begin while the first one may still arrive.
    with pytest.raises(type(lost)):
        asyncio.run(answered([lost, 0], "EndTxn", deed, new=new))


def test_a_producer_whose_end_got_no_answer_begins_nothing_more() -> None:
    async def lost_then_next(producer: AIOKafkaProducer) -> None:
        with pytest.raises(RequestTimedOutError):
            await producer.commit_transaction()
        with pytest.raises(AssertionError):
            await producer.begin_transaction()
        with pytest.raises(AssertionError):
            await producer.abort_transaction()

    assert asyncio.run(answered([RequestTimedOutError(), 0], "EndTxn", lost_then_next)) == 1


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
@pytest.mark.parametrize("deed", [commit, abort])
@pytest.mark.parametrize(
    "answer",
    [NodeNotReadyError(), COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS],
    ids=["NodeNotReady", "LoadInProgress", "NotAvailable", "NotCoordinator", "Concurrent"],
)
def test_an_end_that_was_answered_or_never_left_is_sent_again(deed: Deed, answer: Answer, new: bool) -> None:
    assert asyncio.run(answered([answer, answer, 0], "EndTxn", deed, new=new)) == 3


@pytest.mark.parametrize(
    ("answer", "new", "fenced"),
    [
        (INVALID_PRODUCER_EPOCH, False, True),
        (INVALID_TXN_STATE, False, False),
        (INVALID_PRODUCER_EPOCH, True, True),
        (PRODUCER_FENCED, True, True),
        (INVALID_TXN_STATE, True, False),
        (TRANSACTION_ABORTABLE, True, False),
    ],
)
def test_an_end_that_was_refused_is_not_sent_again(answer: int, new: bool, fenced: bool) -> None:
    with pytest.raises(KafkaError) as refused:
        asyncio.run(answered([answer, 0], "EndTxn", commit, new=new))
    assert is_fenced(refused.value) is fenced


def test_offsets_are_committed_again_where_they_are_for_comparison_only() -> None:
    assert asyncio.run(answered([RequestTimedOutError(), 0], "TxnOffsetCommit", commit_offset)) == 2


def test_offsets_are_committed_again_where_a_late_one_is_known_by_its_epoch() -> None:
    answers: list[Answer] = [RequestTimedOutError(), CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, 0]
    assert asyncio.run(answered(answers, "TxnOffsetCommit", commit_offset, new=True, offsets_too=True)) == 4


@pytest.mark.parametrize(("answer", "fenced"), [(INVALID_PRODUCER_EPOCH, True), (PRODUCER_FENCED, True), (TRANSACTION_ABORTABLE, False)])
def test_offsets_that_were_refused_are_not_committed_again(answer: int, fenced: bool) -> None:
    with pytest.raises(KafkaError) as refused:
        asyncio.run(answered([answer, 0], "TxnOffsetCommit", commit_offset, new=True))
    assert is_fenced(refused.value) is fenced


def test_what_a_failed_transaction_has_sent_is_aborted_at_the_brokers() -> None:
    # They would take what the next transaction sends for part of this one.
    async def fail_then_abort(producer: AIOKafkaProducer) -> None:
        producer._txn_manager.error_transaction(TransactionAbortable())
        await producer.abort_transaction()

    assert asyncio.run(answered([0], "EndTxn", fail_then_abort, new=True)) == 1


def test_offsets_that_matter_are_not_committed_again() -> None:
    with pytest.raises(RequestTimedOutError):
        asyncio.run(answered([RequestTimedOutError(), 0], "TxnOffsetCommit", commit_offset, offsets_too=True))
