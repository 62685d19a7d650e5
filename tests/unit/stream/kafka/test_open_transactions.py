"""Leaders that move while they are asked which transactions are open."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)

from etapa.stream.kafka.transactions import open_transactions as asked_module
from etapa.stream.kafka.transactions.open_transactions import OpenTransaction, open_transactions

MINE, OTHER = TopicPartition("transfers", 0), TopicPartition("transfers", 1)
OPEN: list[Any] = [(70, 0, 5, 1_000, 0, 33, {})]
"""The producer 70 began at offset 33, and wrote last at one second."""
NO_LONGER = 6


class Brokers:
    """Two brokers, as a client sees them: `answers` has for each partition what its leader says, time after time, the last one for ever."""

    def __init__(
        self, leaders: Sequence[Mapping[TopicPartition, int | None]], answers: Mapping[TopicPartition, Sequence[int | KafkaError]]
    ) -> None:
        self._leaders = list(leaders)
        self._answers = {place: list(told) for place, told in answers.items()}
        self.asked: list[tuple[int, list[TopicPartition]]] = []
        self.cluster = SimpleNamespace(leader_for_partition=lambda place: self._leaders[0][place])

    async def add_topic(self, topic: str) -> None:
        assert topic == "transfers"

    async def force_metadata_update(self) -> bool:
        if len(self._leaders) > 1:
            del self._leaders[0]
        return True

    async def send(self, leader: int, request: Any) -> Any:
        places = [TopicPartition(topic, partition) for topic, partitions in request._topics.items() for partition in partitions]
        self.asked.append((leader, places))
        told: list[Any] = []
        for place in places:
            told_here = self._answers[place]
            answer = told_here.pop(0) if len(told_here) > 1 else told_here[0]
            if isinstance(answer, KafkaError):
                raise answer
            told.append((place.partition, answer, None, [] if answer else OPEN, {}))
        return SimpleNamespace(topics=[("transfers", told, {})])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_module, "_PAUSE_SECONDS", 0.0)


def ask(brokers: Brokers) -> list[OpenTransaction]:
    return asyncio.run(open_transactions(cast(AIOKafkaClient, brokers), [MINE, OTHER]))


def found(*places: TopicPartition) -> list[OpenTransaction]:
    return [OpenTransaction(place, 70, 33, 1_000) for place in places]


def test_a_partition_that_has_moved_is_asked_for_again_at_its_new_leader_and_no_other() -> None:
    brokers = Brokers([{MINE: 1, OTHER: 1}, {MINE: 2, OTHER: 1}], {MINE: [NO_LONGER, 0], OTHER: [0]})
    assert ask(brokers) == found(OTHER, MINE)
    assert brokers.asked == [(1, [MINE, OTHER]), (2, [MINE])]


def test_a_leader_that_does_not_know_yet_that_it_is_one_is_asked_until_it_does() -> None:
    brokers = Brokers([{MINE: 1, OTHER: 2}], {MINE: [NO_LONGER] * 20 + [0], OTHER: [0]})
    assert ask(brokers) == found(OTHER, MINE)


def test_a_partition_without_a_leader_is_waited_for() -> None:
    brokers = Brokers([{MINE: None, OTHER: 2}, {MINE: -1, OTHER: 2}, {MINE: 1, OTHER: 2}], {MINE: [0], OTHER: [0]})
    assert ask(brokers) == found(OTHER, MINE)


def test_a_lost_connection_is_made_again() -> None:
    brokers = Brokers([{MINE: 1, OTHER: 2}], {MINE: [KafkaConnectionError("gone"), 0], OTHER: [0]})
    assert ask(brokers) == found(OTHER, MINE)


def test_brokers_that_do_not_understand_the_question_have_none() -> None:
    brokers = Brokers([{MINE: 1, OTHER: 2}], {MINE: [IncompatibleBrokerVersion("too old")], OTHER: [0]})
    assert ask(brokers) == found(OTHER)


def test_what_does_not_pass_is_raised_at_once_with_the_partition() -> None:
    brokers = Brokers([{MINE: 1, OTHER: 2}], {MINE: [NO_LONGER, 0], OTHER: [TopicAuthorizationFailedError.errno]})
    with pytest.raises(TopicAuthorizationFailedError, match="transfers 1"):
        ask(brokers)
    assert len(brokers.asked) == 2


@pytest.mark.parametrize(
    ("leaders", "answers", "error"),
    [
        ({MINE: 1, OTHER: 2}, {MINE: [NO_LONGER], OTHER: [0]}, NotLeaderForPartitionError),
        ({MINE: None, OTHER: 2}, {OTHER: [0]}, LeaderNotAvailableError),
    ],
)
def test_a_partition_that_stays_without_a_leader_is_named(
    leaders: Mapping[TopicPartition, int | None],
    answers: Mapping[TopicPartition, Sequence[int]],
    error: type[KafkaError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked_module, "_LEADERLESS_SECONDS", 0.02)
    with pytest.raises(error, match="transfers 0"):
        ask(Brokers([leaders], answers))
