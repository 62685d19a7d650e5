"""The topic `transfers`, and more partitions for all topics while everything runs.

`transfers` comes first: places must hear of a layout before its partitions exist. `touchpoints` comes last: nothing may be sent to a partition
that could not be processed. Partitions are never removed, since Kafka cannot do that.
"""

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.topics.creation import TopicsError, transfers_topic
from etapa.stream.kafka.topics.topic_ids import describe_by_name

_ANSWER_SECONDS = 60.0
_POLL_SECONDS = 0.05


async def partitions_by_topic(cluster: Cluster) -> Mapping[str, int]:
    """How many partitions each of our topics has; those that do not exist are left out. Raises `LogError`."""
    settings = cluster.settings
    with log_errors("asking for the topics"):
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            return await _partitions(admin, [settings.topic_transfers, *_in_order(settings)])


async def provide_transfers(cluster: Cluster, partitions: int) -> int:
    """See that `transfers` exists and has at least so many partitions. Returns how many. Raises `TopicsError` and `LogError`."""
    settings = cluster.settings
    with log_errors(f"making {settings.topic_transfers}"):
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            found = await describe_by_name(admin._client, [settings.topic_transfers, settings.topic_customer_state])
            there = found[settings.topic_transfers]
            if there.error and for_code(there.error) is not UnknownTopicOrPartitionError:
                raise for_code(there.error)(settings.topic_transfers)
            if there.error:
                await _create(admin, settings, partitions, found[settings.topic_customer_state].copies)
            elif there.partitions < partitions:
                await admin.create_partitions({settings.topic_transfers: NewPartitions(partitions)})
            await _until_there(admin, [settings.topic_transfers], partitions)
            return max(partitions, 0 if there.error else there.partitions)


async def add_partitions(cluster: Cluster, partitions: int) -> None:
    """Give every other topic that exists so many partitions; those that have more keep them. Raises `LogError`.

    If it fails halfway, a second call goes on from there.
    """
    settings = cluster.settings
    with log_errors("adding partitions"):
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            found = await _partitions(admin, _in_order(settings))
            for topic in _in_order(settings):
                if 0 < found.get(topic, 0) < partitions:
                    if topic == settings.topic_touchpoints:
                        await _until_there(admin, [name for name in found if name != topic], partitions)
                    await admin.create_partitions({topic: NewPartitions(partitions)})
            await _until_there(admin, list(found), partitions)


def _in_order(settings: Settings) -> list[str]:
    return [
        settings.topic_delivery_progress,
        settings.topic_campaign_trigger_dead_letters,
        settings.topic_dead_letters,
        settings.topic_campaign_outcomes,
        settings.topic_campaign_triggers,
        settings.topic_stage_changes,
        settings.topic_customer_state,
        settings.topic_touchpoints,
    ]


async def _create(admin: AIOKafkaAdminClient, settings: Settings, partitions: int, copies: int) -> None:
    wanted = transfers_topic(settings, partitions, max(1, copies))
    answer = await admin.create_topics([NewTopic(wanted.name, wanted.partitions, wanted.replication, topic_configs=wanted.settings)])
    for topic, code, *told in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = next((text for text in told if text), None) or for_code(code).__name__
            own = " ".join(f"--config {name}={value}" for name, value in wanted.settings.items())
            message = (
                f"Kafka refused to create the topic {topic}: {reason}. Somebody who may can make it: kafka-topics.sh --create --topic {topic}"
                f" --partitions {wanted.partitions} --replication-factor {wanted.replication} {own}"
            )
            raise TopicsError(message)


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    looks = await describe_by_name(admin._client, names)
    for name, look in looks.items():
        if look.error and for_code(look.error) is not UnknownTopicOrPartitionError:
            raise for_code(look.error)(name)
    return {name: look.partitions for name, look in looks.items() if not look.error}


async def _until_there(admin: AIOKafkaAdminClient, topics: list[str], partitions: int) -> None:
    while True:
        # A broker may not know yet what another one has just made, and then leaves it out.
        found = await _partitions(admin, topics)
        if all(found.get(topic, 0) >= partitions for topic in topics):
            return
        await asyncio.sleep(_POLL_SECONDS)
