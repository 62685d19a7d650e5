"""Groups of the protocol that Kafka 4 has for consumers (KIP-848), described; aiokafka 0.14 knows only the one before.

One member that speaks it (`group.protocol=consumer`) makes the whole group one of that kind, with workers in it that speak the old one.
To requests of old such a group does not exist. In the style of `aiokafka.protocol`; the format: Kafka's message definition
`ConsumerGroupDescribe`, version 0.
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
    """Tells of each group its state and its members."""

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
    """Asks a group's coordinator for it."""

    API_KEY = 69

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: Any) -> Any:
        """Make the request of a version."""
        return request_struct_class([self._group], False, {})


class NewerGroup(msgspec.Struct, frozen=True):
    """Such a group at a moment."""

    state: str
    assignor: str
    members: Sequence[tuple[str, str, Sequence[int]]]
    """Each member's client id, where it is, and what it was given of one topic."""


async def describe_newer_group(admin: AIOKafkaAdminClient, group: str, topic: str) -> NewerGroup | None:
    """The group with what its members were given of `topic`; none when there is no group of this kind by that name. Raises what aiokafka raises."""
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
