"""Which transactions are open in partitions, asked of their leaders: the request `DescribeProducers` (KIP-664), which aiokafka 0.14 lacks.

Format: Kafka's message definition of that name, version 0, which is flexible (KIP-482). It needs the right `Read` on the topics.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


_LEADERLESS_SECONDS = 5.0
"""How long a partition may go without a leader that answers for it."""
_PAUSE_SECONDS = 0.1


class OpenTransaction(NamedTuple):
    """A transaction that has records in a partition, and has not ended there."""

    place: TopicPartition
    producer_id: int
    start: int
    """The offset of its first record."""
    last_ms: int
    """When its producer last wrote there: milliseconds since 1970, as its records say."""


async def open_transactions(client: AIOKafkaClient, places: Sequence[TopicPartition]) -> list[OpenTransaction]:
    """The transactions that are open in `places`; none where brokers do not understand the question (before Kafka 2.8).

    A partition is asked for again while it changes its leader, or its leader does not know yet that it is. Raises what aiokafka
    raises, also when a partition has no leader for longer than that, or may not be read.
    """
    for topic in {place.topic for place in places}:
        await client.add_topic(topic)
    deadline = time.monotonic() + _LEADERLESS_SECONDS
    found: list[OpenTransaction] = []
    missing = list(places)
    while True:
        errors: dict[TopicPartition, KafkaError] = {}
        for leader, asked in _by_leader(client, missing, errors).items():
            found += await _ask(client, leader, asked, errors)
        if not errors:
            return found
        missing = list(errors)
        lasting = next((error for error in errors.values() if not error.retriable), None)
        if lasting is not None or time.monotonic() > deadline:
            raise lasting or errors[missing[0]]
        await asyncio.sleep(_PAUSE_SECONDS)
        await client.force_metadata_update()


def _by_leader(
    client: AIOKafkaClient, places: Sequence[TopicPartition], errors: dict[TopicPartition, KafkaError]
) -> dict[int, list[TopicPartition]]:
    by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
    for place in places:
        leader = client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            errors[place] = LeaderNotAvailableError(f"{place.topic} {place.partition} has no leader now")
        else:
            by_leader[leader].append(place)
    return by_leader


async def _ask(
    client: AIOKafkaClient, leader: int, places: Sequence[TopicPartition], errors: dict[TopicPartition, KafkaError]
) -> list[OpenTransaction]:
    topics: dict[str, list[int]] = defaultdict(list)
    for place in places:
        topics[place.topic].append(place.partition)
    try:
        answer = await client.send(leader, _DescribeProducers(topics))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return []
    except KafkaError as error:
        errors.update(dict.fromkeys(places, error))
        return []
    found = []
    for topic, partitions, _ in answer.topics:
        for partition, code, _, producers, _ in partitions:
            place = TopicPartition(topic, partition)
            if code:
                errors[place] = for_code(code)(f"{topic} {partition}")
            found += [
                OpenTransaction(place, producer_id, start, last_ms)
                for producer_id, _, _, last_ms, _, start, _ in producers
                if not code and start >= 0
            ]
    return found


class _DescribeProducersResponseV0(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", _TEXT),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_transaction_start_offset", Int64),
                                _TAGS,
                            ),
                        ),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _DescribeProducersRequestV0(RequestStruct):  # type: ignore[misc]
    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _DescribeProducersResponseV0
    SCHEMA = Schema(("topics", CompactArray(("name", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)), _TAGS)


class _DescribeProducers(Request[_DescribeProducersRequestV0]):  # type: ignore[misc]
    API_KEY = 61

    def __init__(self, topics: Mapping[str, Sequence[int]]) -> None:
        self._topics = topics

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([(topic, list(partitions), {}) for topic, partitions in self._topics.items()], {})
