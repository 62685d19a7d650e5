"""The topics: made with equal partitions and fitting settings, and compared with what is needed when they are there already."""

import asyncio
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from etapa.errors import EtapaError
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe

_ANSWER_SECONDS = 60.0
_POLL_SECONDS = 0.05
_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE
_BROKER_DEFAULT_BYTES = 1_048_588
LETTER_OVERHEAD = 64 * _KIBIBYTE
"""A dead letter is the original record and five headers more."""


class TopicsError(EtapaError):
    """The topics could not be made or are not as they must be; the message says what was found and what is right."""


class TopicReport(msgspec.Struct, frozen=True):
    """What became of one topic."""

    name: str
    partitions: int
    created: bool
    """False when it was there already."""
    warning: str | None = None


def wanted_topics(settings: Settings) -> list[NewTopic]:
    """All topics, as `etapa topics create` makes them."""
    # Touchpoints may be as large as the limit says, even larger ones must reach us to become dead letters.
    touchpoint_bytes = max(_BROKER_DEFAULT_BYTES, settings.max_touchpoint_bytes + LETTER_OVERHEAD)
    configs: dict[str, dict[str, str]] = {
        settings.topic_touchpoints: {"cleanup.policy": "delete", "max.message.bytes": str(touchpoint_bytes)},
        settings.topic_stage_changes: {"cleanup.policy": "delete"},
        settings.topic_campaign_triggers: {"cleanup.policy": "delete"},
        # Whatever fits into touchpoints fits in here, with its headers.
        settings.topic_dead_letters: {"cleanup.policy": "delete", "max.message.bytes": str(touchpoint_bytes + LETTER_OVERHEAD)},
        settings.topic_customer_state: {
            "cleanup.policy": "compact",
            # A takeover without a view reads the whole partition: small segments and an early cleaner keep it near the
            # size of the states. The newest segment is never cleaned, so none may stay the newest for long.
            "segment.bytes": str(64 * _MEBIBYTE),
            "segment.ms": str(6 * 3_600_000),
            "min.cleanable.dirty.ratio": "0.2",
            # How long a tombstone stays for a view that is being rebuilt meanwhile.
            "delete.retention.ms": str(24 * 3_600_000),
        },
        settings.topic_campaign_trigger_dead_letters: {
            "cleanup.policy": "delete",
            "max.message.bytes": str(_BROKER_DEFAULT_BYTES + LETTER_OVERHEAD),
        },
    }
    return [
        NewTopic(name, settings.partitions, settings.replication, topic_configs=topic_configs) for name, topic_configs in configs.items()
    ]


def worker_topics(settings: Settings) -> list[str]:
    """The topics that a worker and whoever looks after it need; the others it can run without."""
    return [topic.name for topic in wanted_topics(settings) if topic.name != settings.topic_campaign_trigger_dead_letters]


def delivery_topics(settings: Settings) -> list[str]:
    """The topics that delivery needs."""
    return [settings.topic_campaign_triggers, settings.topic_campaign_trigger_dead_letters]


async def create_topics(cluster: Cluster) -> list[TopicReport]:
    """Create what is missing. Raises `TopicsError`, before anything is made, when what is there does not fit."""
    settings = cluster.settings
    wanted = wanted_topics(settings)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            existing = await _partition_counts(admin, [topic.name for topic in wanted])
            _refuse_other_counts(existing, settings.partitions)
            missing = [topic for topic in wanted if topic.name not in existing]
            if missing:
                _raise_refusals(await admin.create_topics(missing))
                # Whoever starts next must find them, so every broker has to know them.
                while len(await _partition_counts(admin, [topic.name for topic in missing])) < len(missing):  # noqa: ASYNC110 - brokers tell nobody
                    await asyncio.sleep(_POLL_SECONDS)
            warnings = await _config_warnings(admin, settings, list(existing))
    except KAFKA_FAILURES as error:
        message = f"the topics could not be made at {settings.kafka_bootstrap_servers}: {describe(error)}"
        raise TopicsError(message) from error
    return [TopicReport(topic.name, settings.partitions, topic.name not in existing, warnings.get(topic.name)) for topic in wanted]


async def check_topics(cluster: Cluster) -> list[str]:
    """Before a worker starts: all topics that it needs are there with equal partitions, or `TopicsError`. Gives warnings about their settings.

    Raises what aiokafka raises when the brokers do not answer, because that heals by waiting.
    """
    settings = cluster.settings
    names = worker_topics(settings)
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
        existing = await _partition_counts(admin, names)
        _refuse_missing(existing, names)
        _refuse_other_counts(existing, existing[settings.topic_touchpoints])
        warnings = await _config_warnings(admin, settings, names)
        return list(warnings.values())


async def partition_count(cluster: Cluster) -> int:
    """How many partitions the topics have. Raises `TopicsError` when one is missing or has another number, else what aiokafka raises."""
    settings = cluster.settings
    names = worker_topics(settings)
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
        existing = await _partition_counts(admin, names)
        _refuse_missing(existing, names)
        _refuse_other_counts(existing, existing[settings.topic_touchpoints])
        return existing[settings.topic_touchpoints]


async def check_delivery_topics(cluster: Cluster) -> None:
    """Before delivery starts: its topics are there with equal partitions, or `TopicsError`. Raises else what aiokafka raises."""
    settings = cluster.settings
    names = delivery_topics(settings)
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin(settings.delivery_group) as admin:
        existing = await _partition_counts(admin, names)
        _refuse_missing(existing, names)
        _refuse_other_counts(existing, existing[settings.topic_campaign_triggers])


async def _partition_counts(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    # Asking for topics by name could make a broker create them, so all are listed.
    there = set(await admin.list_topics()) & set(names)
    described = await admin.describe_topics(sorted(there)) if there else []
    counts = {}
    for topic in described:
        error = for_code(topic["error_code"])
        if topic["error_code"] and error is not UnknownTopicOrPartitionError:
            raise error(topic["topic"])
        if topic["partitions"]:
            counts[topic["topic"]] = len(topic["partitions"])
    return counts


def _refuse_missing(existing: dict[str, int], names: list[str]) -> None:
    missing = [name for name in names if name not in existing]
    if missing:
        message = f"Kafka has no topic {', '.join(missing)}. `etapa topics create` makes them"
        raise TopicsError(message)


def _refuse_other_counts(existing: dict[str, int], partitions: int) -> None:
    others = {name: count for name, count in existing.items() if count != partitions}
    if others:
        found = ", ".join(f"{name} has {count}" for name, count in sorted(others.items()))
        message = (
            f"all topics of one Etapa must have the same number of partitions, here {partitions}: {found}. Choose that number with"
            " ETAPA_PARTITIONS, or delete the topics that differ; a customer's partition follows from the number, so it cannot be changed later"
        )
        raise TopicsError(message)


def _raise_refusals(answer: Any) -> None:
    refusals = []
    for topic, code, *told in answer.topic_errors:
        # Somebody else made it between our look and our request; a second run compares it.
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = next((text for text in told if text), None) or for_code(code).__name__
            refusals.append(f"{topic}: {reason}")
    if refusals:
        message = f"Kafka refused to make topics. {'; '.join(refusals)}"
        raise TopicsError(message)


async def _config_warnings(admin: AIOKafkaAdminClient, settings: Settings, names: list[str]) -> dict[str, str]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    try:
        answers = await admin.describe_configs(resources) if resources else []
    except IncompatibleBrokerVersion:
        # A broker that cannot be asked, such as the demo's, tells nothing to warn of.
        return {}
    for answer in answers:
        for code, _, _, name, entries in answer.resources:
            if not code:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return judge_configs(settings, found)


def judge_configs(settings: Settings, found: dict[str, dict[str, str]]) -> dict[str, str]:
    """Warnings by topic, from the topics' settings; topics and settings that the brokers did not tell are left out."""
    warnings = {}
    state = settings.topic_customer_state
    policy = found.get(state, {}).get("cleanup.policy", "compact")
    if "delete" in policy:
        warnings[state] = (
            f"{state} has cleanup.policy={policy}: states of quiet customers will be deleted and their customers forgotten. Set it to compact"
        )
    letters = found.get(settings.topic_dead_letters, {}).get("max.message.bytes")
    touchpoints = found.get(settings.topic_touchpoints, {}).get("max.message.bytes")
    if letters and touchpoints and int(letters) < int(touchpoints) + LETTER_OVERHEAD:
        warnings[settings.topic_dead_letters] = (
            f"{settings.topic_dead_letters} takes records up to max.message.bytes={letters}, but {settings.topic_touchpoints} up to"
            f" {touchpoints}: a large record that cannot be used would not fit and hold up its partition."
            f" Set it to at least {int(touchpoints) + LETTER_OVERHEAD}"
        )
    return warnings
