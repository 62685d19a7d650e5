"""Which transactions are open in partitions, asked of their leaders: the request `DescribeProducers` (KIP-664), which aiokafka 0.14 lacks.

Format: Kafka's message definition of that name, version 0, which is flexible (KIP-482). It needs the right `Read` on the topics.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, NodeNotReadyError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


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

    Raises what aiokafka raises, also when a partition has no leader now or may not be read.
    """
    for topic in {place.topic for place in places}:
        await client.add_topic(topic)
    by_leader: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place in places:
        leader = client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            client.force_metadata_update()
            raise NodeNotReadyError(f"{place.topic} {place.partition} has no leader now")
        by_leader[leader][place.topic].append(place.partition)
    found: list[OpenTransaction] = []
    for leader, topics in by_leader.items():
        try:
            answer = await client.send(leader, _DescribeProducers(topics))
        except (IncompatibleBrokerVersion, NotImplementedError):
            continue
        found += _open_in(answer)
    return found


def _open_in(answer: Any) -> list[OpenTransaction]:
    found = []
    for topic, partitions, _ in answer.topics:
        for partition, code, _, producers, _ in partitions:
            if code:
                raise for_code(code)(topic)
            found += [
                OpenTransaction(TopicPartition(topic, partition), producer_id, start, last_ms)
                for producer_id, _, _, last_ms, _, start, _ in producers
                if start >= 0
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
