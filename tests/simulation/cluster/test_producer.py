"""The transactional producer of a partition, one behaviour at a time, through aiokafka to brokers in memory."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from etapa.stream.protocol.ports import Fenced, LogError, OutcomeUnknown
from tests.simulation.cluster.brokers import TOPIC_DENIED, Moods
from tests.simulation.cluster.fair import SETTINGS, Fair, transaction

WHOLE = {
    SETTINGS.topic_customer_state: [b"state-1", b"mark-1"],
    SETTINGS.topic_stage_changes: [b"change-1"],
    SETTINGS.topic_campaign_triggers: [b"trigger-1"],
    SETTINGS.topic_dead_letters: [b"letter-1"],
}
"""What readers see of `transaction(1)`."""


def test_everything_of_a_batch_its_dead_letters_too_is_in_one_transaction() -> None:
    fair = Fair()

    async def steps() -> None:
        producer = await fair.producer()
        assert await producer.commit(transaction(1)) == 1
        assert fair.requests["EndTxn"] == 1
        await asyncio.sleep(1)

    fair.run(steps())
    assert fair.committed() == WHOLE
    assert fair.group_offset == 1


def test_nothing_of_a_batch_is_seen_before_all_of_it_is_written() -> None:
    fair = Fair()
    fair.answer = lambda kind, answer: None if kind == "EndTxn" else answer()

    async def steps() -> None:
        producer = await fair.producer()
        with pytest.raises(OutcomeUnknown):
            await producer.commit(transaction(1))
        assert fair.committed() == {}

    fair.run(steps())


def test_an_owner_in_another_process_shuts_its_predecessor_out() -> None:
    fair = Fair()

    async def steps() -> None:
        before = await fair.producer()
        await fair.producer()
        with pytest.raises(Fenced):
            await before.commit(transaction(1))

    fair.run(steps())
    assert fair.committed() == {}


def test_a_mark_whose_offset_the_broker_does_not_tell_is_not_committed() -> None:
    # The answer to a batch is lost, and the one to its repetition says that it is there, and no more.
    fair = Fair(moods=Moods(forgets=1.0))

    def twice(kind: str, answer: Callable[[], Any]) -> Any:
        if kind == "Produce":
            answer()
        return answer()

    fair.answer = twice

    async def steps() -> None:
        producer = await fair.producer()
        with pytest.raises(LogError, match="the offset of the mark was not told"):
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
