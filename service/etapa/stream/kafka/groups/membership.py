"""The consumer group as the brokers tell it: its members, and what each was given."""

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
    """A group at a moment."""

    state: str
    """As Kafka names it: `Stable` when everybody has what they were given."""
    rule: str
    """By which its members divide partitions, as Kafka names it."""
    members: Sequence[GroupMember]


async def describe_group(admin: AIOKafkaAdminClient, group: str, topic: str) -> DescribedGroup:
    """The group now, with what its members were given of `topic`. Raises what aiokafka raises."""
    [answer] = await admin.describe_consumer_groups([group])
    [(code, _, state, _, rule, members, *_)] = answer.groups
    if code:
        raise for_code(code)(group)
    if state == _DEAD:
        # There is none, or it is of another kind.
        newer = await describe_newer_group(admin, group, topic)
        if newer is not None:
            return DescribedGroup(newer.state, newer.assignor, [GroupMember(*member) for member in newer.members])
    return DescribedGroup(
        state, rule, [GroupMember(client, host, _given(assignment, topic)) for _, client, host, _, assignment, *_ in members]
    )


async def partitions_now(admin: AIOKafkaAdminClient, topic: str) -> int:
    """How many partitions a topic has; none when it is not there, and it is not made by asking. Raises what aiokafka raises."""
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
        # Members may agree on any bytes among themselves; such as these read no touchpoints.
        return []


async def about_another_rule(cluster: Cluster, group: str, topic: str) -> str:
    """Why we cannot join the group, which reads this topic, in words, when brokers say that its members divide partitions by another rule."""
    rule, strangers = "", list[GroupMember]()
    try:
        async with cluster.admin() as admin:
            found = await describe_group(admin, group, topic)
            rule = found.rule
            strangers = [member for member in found.members if member.client != client_id_of(group)]
    except KAFKA_FAILURES:
        # Then it is said without names.
        pass
    setting = variable_of("group" if group == cluster.settings.group else "delivery_group")
    return another_rule_in_words(group, setting, ASSIGNOR.name, rule, strangers)
