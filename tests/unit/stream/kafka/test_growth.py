"""Waiting for topics that were made a moment ago: a broker may not know them yet."""

import asyncio
from collections.abc import Sequence
from unittest.mock import Mock

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from etapa.stream.kafka.topics import growth
from etapa.stream.kafka.topics.topic_ids import TopicLook

UNKNOWN = TopicLook(UnknownTopicOrPartitionError.errno, 0, 0, None)


def test_a_topic_that_a_broker_does_not_know_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [UNKNOWN, TopicLook(0, 1, 1, None), TopicLook(0, 2, 1, None)]

    async def described(_: object, names: Sequence[str]) -> dict[str, TopicLook]:
        return dict.fromkeys(names, answers.pop(0))

    monkeypatch.setattr(growth, "describe_by_name", described)
    asyncio.run(growth._until_there(Mock(), ["transfers"], 2))
    assert answers == []
