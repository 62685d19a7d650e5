"""The transactional producer of a partition, one behaviour at a time, through aiokafka to brokers in memory."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from etapa.stream.protocol.ports import Fenced, LogError, OutcomeUnknown
from tests.simulation.cluster.brokers import NEW, TOPIC_DENIED, Moods
from tests.simulation.cluster.fair import SETTINGS, Fair, transaction

TRANSACTION_ABORTABLE = 120
WHOLE = {
    SETTINGS.topic_customer_state: [b"state-1", b"mark-1"],
    SETTINGS.topic_stage_changes: [b"change-1"],
    SETTINGS.topic_campaign_triggers: [b"trigger-1"],
    SETTINGS.topic_campaign_outcomes: [b"outcome-1"],
    SETTINGS.topic_dead_letters: [b"letter-1"],
}
"""What readers see of `transaction(1)`."""


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
def test_everything_of_a_batch_its_dead_letters_too_is_in_one_transaction(new: bool) -> None:
    fair = Fair(new=new)

    async def steps() -> None:
        producer = await fair.producer()
        assert await producer.commit(transaction(1)) == 1
        assert fair.requests["EndTxn"] == 1
        await asyncio.sleep(1)

    fair.run(steps())
    assert fair.committed() == WHOLE
    assert fair.group_offset == 1


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
def test_nothing_of_a_batch_is_seen_before_all_of_it_is_written(new: bool) -> None:
    fair = Fair(new=new)
    fair.answer = lambda kind, answer: None if kind == "EndTxn" else answer()

    async def steps() -> None:
        producer = await fair.producer()
        with pytest.raises(OutcomeUnknown):
            await producer.commit(transaction(1))
        assert fair.committed() == {}

    fair.run(steps())


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
def test_an_owner_in_another_process_shuts_its_predecessor_out(new: bool) -> None:
    fair = Fair(new=new)

    async def steps() -> None:
        before = await fair.producer()
        await fair.producer()
        with pytest.raises(Fenced):
            await before.commit(transaction(1))

    fair.run(steps())
    assert fair.committed() == {}


def test_a_mark_whose_offset_the_broker_does_not_tell_is_not_committed() -> None:
    # The response to a batch is lost, and the one to its retry says only that the batch is there.
    fair = Fair(moods=Moods(forgets=1.0))

    def twice(kind: str, answer: Callable[[], Any]) -> Any:
        if kind == "Produce":
            answer()
        return answer()

    fair.answer = twice

    async def steps() -> None:
        producer = await fair.producer()
        with pytest.raises(LogError, match="Kafka did not tell the mark's offset"):
            await producer.commit(transaction(1))
        assert fair.requests["EndTxn"] == 0

    fair.run(steps())


def test_after_an_error_nothing_is_sent_that_is_not_part_of_the_transaction() -> None:
    fair = Fair()

    async def steps() -> None:
        producer = await fair.producer()

        def denied(kind: str, answer: Callable[[], Any]) -> Any:
            if kind != "AddPartitionsToTxn":
                return answer()
            told = answer()
            told.errors = [(topic, [(0, TOPIC_DENIED)]) for topic, _ in told.errors]
            return told

        fair.answer = denied
        with pytest.raises(LogError):
            await producer.commit(transaction(1))
        await asyncio.sleep(1)
        assert fair.requests["Produce"] == 0

    fair.run(steps())


def test_the_new_protocol_adds_nothing_to_a_transaction_before_it_is_sent() -> None:
    fair = Fair(new=True)

    async def steps() -> None:
        producer = await fair.producer()
        for number in (1, 2, 3):
            await producer.commit(transaction(number))
        assert (fair.requests["AddPartitionsToTxn"], fair.requests["AddOffsetsToTxn"], fair.requests["EndTxn"]) == (0, 0, 3)
        await asyncio.sleep(1)

    fair.run(steps())
    assert fair.committed()[SETTINGS.topic_stage_changes] == [b"change-1", b"change-2", b"change-3"]
    assert fair.group_offset == 3


@pytest.mark.parametrize("versions", [{**NEW, 0: (3, 11)}, {**NEW, 28: (0, 4)}, {**NEW, 26: (0, 4)}, {**NEW, 18: (0, 2)}])
def test_brokers_that_do_not_understand_all_of_the_new_protocol_are_spoken_to_in_the_old_one(versions: dict[int, tuple[int, int]]) -> None:
    fair = Fair(new=True)
    fair.brokers.versions = lambda: versions  # type: ignore[method-assign]

    async def steps() -> None:
        producer = await fair.producer()
        await producer.commit(transaction(1))
        assert fair.requests["AddPartitionsToTxn"] > 0
        await asyncio.sleep(1)

    fair.run(steps())
    assert fair.committed() == WHOLE


def test_a_producer_whose_epochs_are_used_up_goes_on_under_another_id() -> None:
    fair = Fair(new=True, last_epoch=3)
    ids = []

    async def steps() -> None:
        producer = await fair.producer()
        for number in range(1, 11):
            await producer.commit(transaction(number))
            manager = producer._producer._txn_manager
            ids.append((manager.producer_id, manager.producer_epoch))
        await asyncio.sleep(1)

    fair.run(steps())
    assert fair.committed()[SETTINGS.topic_stage_changes] == [b"change-%d" % number for number in range(1, 11)]
    assert len({producer_id for producer_id, _ in ids}) > 2
    assert max(epoch for _, epoch in ids) < 3


@pytest.mark.parametrize("kind", ["Produce", "TxnOffsetCommit"])
def test_what_finds_the_transaction_aborted_by_the_brokers_is_not_committed(kind: str) -> None:
    fair = Fair(new=True)

    async def steps() -> None:
        producer = await fair.producer()

        def abortable(asked: str, answer: Callable[[], Any]) -> Any:
            told = answer()
            if asked == kind:
                told.topics = [(topic, [(one[0], TRANSACTION_ABORTABLE, *one[2:]) for one in some], {}) for topic, some, _ in told.topics]
            return told

        fair.answer = abortable
        with pytest.raises(LogError, match="TransactionAbortable"):
            await producer.commit(transaction(1))
        assert fair.requests["EndTxn"] == 0

    fair.run(steps())
    assert fair.committed() == {}


def test_a_broker_is_given_one_thing_at_a_time_to_add_to_a_transaction() -> None:
    # Otherwise it drops the first one, and sends it again after a pause.
    fair = Fair(new=True)
    most = 0

    async def steps() -> None:
        nonlocal most
        fair.brokers.leaders.update(dict.fromkeys(fair.brokers.leaders, 1))
        producer = await fair.producer()
        client, under_way = producer._producer.client, 0
        send = client.send

        async def counted(node: int, request: Any, **more: Any) -> Any:
            nonlocal under_way, most
            adds = type(request).__name__ in ("ProduceRequest", "TxnOffsetCommitRequest")
            under_way += adds
            most = max(most, under_way)
            try:
                return await send(node, request, **more)
            finally:
                under_way -= adds

        client.send = counted
        for number in (1, 2, 3):
            await producer.commit(transaction(number))

    fair.run(steps())
    assert most == 1
