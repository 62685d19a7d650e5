"""The consumer group as the brokers report it: its members and their partitions."""

import struct
from collections.abc import Sequence

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import for_code
from aiokafka.protocol.metadata import MetadataRequest

from etapa.settings import variable_of
from etapa.stream.kafka.clients.consumer import ASSIGNOR, client_id_of
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES
from etapa.stream.kafka.groups.newer_groups import describe_newer_group
from etapa.stream.protocol.ownership import GroupMember, another_rule_in_words

_DEAD = "Dead"


class DescribedGroup(msgspec.Struct, frozen=True):
    """A group at one moment."""

    state: str
    """Kafka's name for its state: `Stable` when every member has its partitions."""
    rule: str
    """Kafka's name for the rule by which its members divide partitions."""
    members: Sequence[GroupMember]


async def describe_group(admin: AIOKafkaAdminClient, group: str, topic: str) -> DescribedGroup:
    """The group now, with its members' partitions of `topic`. Raises what aiokafka raises."""
    [answer] = await admin.describe_consumer_groups([group])
    [(code, _, state, _, rule, members, *_)] = answer.groups
    if code:
        raise for_code(code)(group)
    if state == _DEAD:
        # There is no such group, or it is of the newer kind.
        newer = await describe_newer_group(admin, group, topic)
        if newer is not None:
            return DescribedGroup(newer.state, newer.assignor, [GroupMember(*member) for member in newer.members])
    return DescribedGroup(
        state, rule, [GroupMember(client, host, _given(assignment, topic)) for _, client, host, _, assignment, *_ in members]
    )


async def partitions_now(admin: AIOKafkaAdminClient, topic: str) -> int:
    """How many partitions a topic has; 0 when it does not exist. Asking does not create it. Raises what aiokafka raises."""
    answer = await admin._send_request(MetadataRequest([topic], allow_auto_topic_creation=False))
    [described] = answer.to_object()["topics"]
    return len(described["partitions"])


def _given(assignment: bytes, topic: str) -> list[int]:
    if not assignment:
        return []
    try:
        given = ConsumerProtocol.ASSIGNMENT.decode(assignment)
        return [partition for name, partitions in given.assignment for partition in partitions if name == topic]
    except (ValueError, struct.error, TypeError):
        # Members may agree on any bytes among themselves; members like these read no touchpoints.
        return []


async def about_another_rule(cluster: Cluster, group: str, topic: str) -> str:
    """Why we cannot join the group that reads `topic`, in words: its members divide partitions by another rule."""
    rule, strangers = "", list[GroupMember]()
    try:
        async with cluster.admin() as admin:
            found = await describe_group(admin, group, topic)
            rule = found.rule
            strangers = [member for member in found.members if member.client != client_id_of(group)]
    except KAFKA_FAILURES:
        # The message then names no members.
        pass
    setting = variable_of("group" if group == cluster.settings.group else "delivery_group")
    return another_rule_in_words(group, setting, ASSIGNOR.name, rule, strangers)
