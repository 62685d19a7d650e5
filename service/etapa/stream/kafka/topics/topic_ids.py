"""What the brokers report about topics: their partitions and their ids. A topic that is deleted and created again gets a new id.

aiokafka 0.14 does not ask for ids, so the request is defined here: version 10 of Metadata, the first with ids
(https://kafka.apache.org/protocol.html#The_Messages_Metadata, KIP-516). Older brokers are asked as aiokafka does.
"""

import asyncio
import logging
import time
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from io import BytesIO
from typing import Any, NamedTuple, NoReturn

from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NodeNotReadyError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataRequest_v4, MetadataRequest_v5
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from etapa.contracts.stored.mark import TOPIC_ROLES, TopicRole
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe, log_errors
from etapa.stream.protocol.ports import LogError, Topics, TopicsMissing

LOOK_SECONDS = 2.0
"""Seconds between checks of the topics."""
_NO_ID = bytes(16)

logger = logging.getLogger(__name__)


class FoundTopic(NamedTuple):
    """What a broker reports about a topic."""

    partitions: int
    id: str | None
    """As Kafka's tools write it; none when the broker does not tell it."""


async def find_topics(client: AIOKafkaClient, names: Sequence[str], optional: Collection[str] = ()) -> dict[str, FoundTopic]:
    """Ask any broker. Topics that it does not know are left out, and not created. So are those of `optional` that we may not see.

    Raises what aiokafka raises.
    """
    node = client.get_random_node()
    if node is None:
        raise NodeNotReadyError
    answer = await client.send(node, _Metadata(names))
    found = {}
    for topic in answer.topics:
        error = for_code(topic[0])
        is_hidden = error is TopicAuthorizationFailedError and topic[1] in optional
        if topic[0] and error is not UnknownTopicOrPartitionError and not is_hidden:
            raise error(topic[1])
        if not topic[0]:
            name, partitions = topic[1], topic[_PARTITIONS_AT[answer.API_VERSION]]
            told = topic[2] if answer.API_VERSION >= _IDS_SINCE else _NO_ID
            found[name] = FoundTopic(len(partitions), None if told == _NO_ID else urlsafe_b64encode(told).decode().rstrip("="))
    return found


class TopicLook(NamedTuple):
    """A broker's answer about a topic requested by name."""

    error: int
    """Kafka's error code; 0 for none. With an error the other fields mean nothing."""
    partitions: int
    copies: int
    """Copies of the partition that has the fewest."""
    operations: int | None
    """What we may do, one bit for each of Kafka's operations; none when the broker does not tell."""


async def describe_by_name(client: AIOKafkaClient, names: Sequence[str]) -> dict[str, TopicLook]:
    """Ask any broker, also for what we may do. Creates no topics. Raises what aiokafka raises."""
    node = client.get_random_node()
    if node is None:
        raise NodeNotReadyError
    answer = await client.send(node, _Metadata(names, asks_for_rights=True))
    looks = {}
    for topic in answer.topics:
        partitions = topic[_PARTITIONS_AT[answer.API_VERSION]] or []
        copies = min((len(one[_REPLICAS_AT[answer.API_VERSION]]) for one in partitions), default=0)
        told = topic[5] if answer.API_VERSION >= _IDS_SINCE else _NOT_TOLD
        looks[topic[1]] = TopicLook(topic[0], len(partitions), copies, None if told == _NOT_TOLD else told)
    return looks


def role_names(settings: Settings) -> dict[TopicRole, str]:
    """The names of a worker's topics in the settings, by role."""
    names = (
        settings.topic_touchpoints,
        settings.topic_customer_state,
        settings.topic_stage_changes,
        settings.topic_campaign_triggers,
        settings.topic_campaign_outcomes,
        settings.topic_dead_letters,
        settings.topic_transfers,
    )
    return dict(zip(TOPIC_ROLES, names, strict=True))


async def worker_topics_now(client: AIOKafkaClient, settings: Settings) -> Topics:
    """What the brokers now report about a worker's topics. Raises what aiokafka raises, also when a topic is missing."""
    names = role_names(settings)
    needed = [name for role, name in names.items() if role != "transfers"]
    found = await find_topics(client, list(names.values()), {settings.topic_transfers})
    missing = [name for name in needed if name not in found or not found[name].partitions]
    if missing:
        raise UnknownTopicOrPartitionError(", ".join(missing))
    touchpoints = found[settings.topic_touchpoints]
    ids = {role: topic.id for role, name in names.items() if (topic := found.get(name)) is not None and topic.id is not None}
    transfers = found.get(settings.topic_transfers)
    return Topics(touchpoints.partitions, ids, names, 0 if transfers is None else transfers.partitions)


async def topics_found(cluster: Cluster, names: Sequence[str]) -> dict[str, FoundTopic]:
    """Like `find_topics`, over a new connection. Raises `LogError`."""
    with log_errors("asking for the topics"):
        async with asyncio.timeout(cluster.session_seconds), cluster.admin() as admin:
            return await find_topics(admin._client, names)


async def topics_now(cluster: Cluster) -> Topics:
    """Like `worker_topics_now`, over a new connection. Raises `LogError`."""
    with log_errors("asking for the topics"):
        async with asyncio.timeout(cluster.session_seconds), cluster.admin() as admin:
            return await worker_topics_now(admin._client, cluster.settings)


def about_missing_topics(names: str) -> str:
    """The message when Kafka does not report topics with these names, with what to do."""
    return (
        f"Kafka has no topic {names} any more, or access control hides it from Etapa. Bring it back; one that is recreated is another topic"
        " (see 'A recreated topic' in docs/operations.md)"
    )


async def topics_missing(cluster: Cluster) -> str:
    """The names of the worker's topics that Kafka does not report; empty when it does not answer, either."""
    names = [name for role, name in role_names(cluster.settings).items() if role != "transfers"]
    try:
        found = await topics_found(cluster, names)
    except LogError:
        return ""
    return ", ".join(name for name in names if name not in found)


class TopicWatch:
    """Regularly checks the topics of one worker, through its consumer. `seen` is the last result.

    aiokafka itself asks only every five minutes, so it would find added partitions late; this makes it ask at once.
    """

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, seconds: float = LOOK_SECONDS) -> None:
        self._settings = settings
        self._consumer = consumer
        self._seconds = seconds
        self.seen: Topics | None = None

    async def look(self) -> Topics:
        """Ask the brokers. Raises what aiokafka raises."""
        client = self._consumer._client
        self.seen = topics = await worker_topics_now(client, self._settings)
        # The count is 0 if the topic was gone when aiokafka asked, which aiokafka would otherwise believe for five minutes.
        if len(client.cluster.partitions_for_topic(self._settings.topic_touchpoints) or ()) != topics.partitions:
            client.force_metadata_update()
        return topics

    async def see_that_all_are_there(self, partition: int) -> Topics:
        """What there is. Raises `TopicsMissing` when a topic does not exist. Other requests would only time out, without naming it."""
        try:
            return await self.look()
        except UnknownTopicOrPartitionError as error:
            raise TopicsMissing(f"partition {partition}: {about_missing_topics(str(error.args[0]))}") from error

    async def run(self) -> NoReturn:
        """Check until cancelled. Brokers that do not answer are asked again."""
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except KAFKA_FAILURES as error:
                logger.debug("the topics are not known now: %s", describe(error))
            await asyncio.sleep(max(self._seconds / 2, self._seconds - (time.monotonic() - began)))


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        value = data.read(len(_NO_ID))
        if len(value) != len(_NO_ID):
            message = "an id is cut off"
            raise ValueError(message)
        return value


class _MetadataResponse_v10(Response):  # type: ignore[misc]  # noqa: N801 (as aiokafka names them)
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), ("tags", TaggedFields)),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801 (as aiokafka names them)
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse_v10
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


_IDS_SINCE = 10
_PARTITIONS_AT = {1: 3, 4: 3, 5: 3, 10: 4}
"""The position of a topic's partitions in an answer, by version."""
_REPLICAS_AT = {1: 3, 4: 3, 5: 3, 10: 4}
"""The position of a partition's replicas, by version."""
_NOT_TOLD = -(2**31)
"""Sent by brokers that were not asked what we may do."""


class _Metadata(Request[MetadataRequest_v1 | MetadataRequest_v4 | MetadataRequest_v5 | _MetadataRequest_v10]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, names: Sequence[str], *, asks_for_rights: bool = False) -> None:
        self._names = list(names)
        self._asks_for_rights = asks_for_rights

    def build(self, request_struct_class: Any) -> Any:
        version = request_struct_class.API_VERSION
        if version >= _IDS_SINCE:
            return request_struct_class([(_NO_ID, name, {}) for name in self._names], False, False, self._asks_for_rights, {})
        return request_struct_class(self._names, False) if version >= 4 else request_struct_class(self._names)
