"""Describes groups of Kafka 4's consumer protocol (KIP-848); aiokafka 0.14 knows only the previous one.

A single member that speaks it (`group.protocol=consumer`) turns the whole group into this kind, even if workers in it speak the old
protocol. For the old requests such a group does not exist. In the style of `aiokafka.protocol`; the format: Kafka's message
definition `ConsumerGroupDescribe`, version 0.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_ASSIGNMENT = Schema(
    (
        "topic_partitions",
        CompactArray(("topic_id_high", Int64), ("topic_id_low", Int64), ("topic_name", _TEXT), ("partitions", CompactArray(Int32)), _TAGS),
    ),
    _TAGS,
)


class ConsumerGroupDescribeResponseV0(Response):  # type: ignore[misc]  # aiokafka has no types
    """The state and the members of each group."""

    API_KEY = 69
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "groups",
            CompactArray(
                ("error_code", Int16),
                ("error_message", _TEXT),
                ("group_id", _TEXT),
                ("state", _TEXT),
                ("group_epoch", Int32),
                ("assignment_epoch", Int32),
                ("assignor", _TEXT),
                (
                    "members",
                    CompactArray(
                        ("member_id", _TEXT),
                        ("instance_id", _TEXT),
                        ("rack_id", _TEXT),
                        ("member_epoch", Int32),
                        ("client_id", _TEXT),
                        ("client_host", _TEXT),
                        ("subscribed_topics", CompactArray(_TEXT)),
                        ("subscribed_regex", _TEXT),
                        ("assignment", _ASSIGNMENT),
                        ("target_assignment", _ASSIGNMENT),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class ConsumerGroupDescribeRequestV0(RequestStruct):  # type: ignore[misc]
    """Names the groups."""

    API_KEY = 69
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = ConsumerGroupDescribeResponseV0
    SCHEMA = Schema(("groups", CompactArray(_TEXT)), ("include_authorized_operations", Boolean), _TAGS)


class ConsumerGroupDescribeRequest(Request[ConsumerGroupDescribeRequestV0]):  # type: ignore[misc]
    """Asks a group's coordinator to describe it."""

    API_KEY = 69

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: Any) -> Any:
        """Build the request in a given version."""
        return request_struct_class([self._group], False, {})


class NewerGroup(msgspec.Struct, frozen=True):
    """Such a group at one moment."""

    state: str
    assignor: str
    members: Sequence[tuple[str, str, Sequence[int]]]
    """Each member's client id, its host, and its partitions of one topic."""


async def describe_newer_group(admin: AIOKafkaAdminClient, group: str, topic: str) -> NewerGroup | None:
    """The group, with its members' partitions of `topic`; none when there is no such group of this kind. Raises what aiokafka raises."""
    coordinator = await admin.find_coordinator(group)
    try:
        answer = await admin._client.send(coordinator, ConsumerGroupDescribeRequest(group))
    except IncompatibleBrokerVersion:
        return None
    [(code, _, _, state, _, _, assignor, members, *_)] = answer.groups
    if code:
        return None
    return NewerGroup(state, assignor, [(one[4], one[5], _given(one[8], topic)) for one in members])


def _given(assignment: Any, topic: str) -> list[int]:
    places, _ = assignment
    return [partition for _, _, name, partitions, _ in places if name == topic for partition in partitions]
