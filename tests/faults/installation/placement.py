"""Where Kafka keeps its partitions: moves replicas between brokers, and leadership between replicas."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

Place = tuple[str, int]
"""Topic and partition."""

_ANSWER_MS = 30_000
_PREFERRED = 0
_NOT_NEEDED = 84
"""Kafka's error ELECTION_NOT_NEEDED: the preferred replica leads already."""


class _ElectLeadersResponseV1(Response):  # type: ignore[misc]
    API_KEY = 43
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "results",
            Array(
                ("topic", String("utf-8")),
                ("partitions", Array(("partition_id", Int32), ("error_code", Int16), ("error_message", String("utf-8")))),
            ),
        ),
    )


class _ElectLeadersRequestV1(RequestStruct):  # type: ignore[misc]
    API_KEY = 43
    API_VERSION = 1
    RESPONSE_TYPE = _ElectLeadersResponseV1
    SCHEMA = Schema(
        ("election_type", Int8),
        ("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))),
        ("timeout_ms", Int32),
    )


class _ElectLeaders(Request[_ElectLeadersRequestV1]):  # type: ignore[misc]
    """As in Kafka's protocol guide, https://kafka.apache.org/protocol; aiokafka does not have it."""

    API_KEY = 43

    def __init__(self, places: Sequence[Place]) -> None:
        self._topics = _by_topic({place: place[1] for place in places})

    def build(self, request_struct_class: type[_ElectLeadersRequestV1]) -> _ElectLeadersRequestV1:
        return request_struct_class(_PREFERRED, self._topics, _ANSWER_MS)


def reassign(servers: str, copies: Mapping[Place, Sequence[int]]) -> None:
    """Make these brokers keep the partitions, the first of each as preferred leader. Copying continues after this returns."""
    topics = _by_topic({place: (place[1], list(brokers), {}) for place, brokers in copies.items()})
    request = AlterPartitionReassignmentsRequest(_ANSWER_MS, [(topic, partitions, {}) for topic, partitions in topics], {})
    answer = asyncio.run(_ask_controller(servers, request))
    _check("copies", answer.error_code, [one for _, partitions, _ in answer.responses for one in partitions if one[1]])


def elect_preferred(servers: str, places: Sequence[Place]) -> None:
    """Make the preferred replica of each partition its leader."""
    answer = asyncio.run(_ask_controller(servers, _ElectLeaders(places)))
    _check("leaders", answer.error_code, [one for _, partitions in answer.results for one in partitions if one[1] not in (0, _NOT_NEEDED)])


def _by_topic(items: Mapping[Place, Any]) -> list[tuple[str, list[Any]]]:
    topics: dict[str, list[Any]] = {}
    for (topic, _), item in items.items():
        topics.setdefault(topic, []).append(item)
    return list(topics.items())


def _check(what: str, error_code: int, refused: Sequence[Any]) -> None:
    if error_code or refused:
        message = f"the {what} did not move: error {error_code}, {list(refused[:3])}"
        raise RuntimeError(message)


async def _ask_controller(servers: str, request: Any) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        return await admin._send_to_controller(request)
    finally:
        await admin.close()
