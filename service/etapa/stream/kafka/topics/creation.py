"""The topics: made with equal partitions and fitting settings, and compared with what is needed when they are there already."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from etapa.errors import EtapaError
from etapa.journey.units import DAY, HOUR, SECOND
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.topic_settings import LARGEST, LETTER_OVERHEAD, POLICY, judged, topic_settings
from etapa.stream.kafka.topics.topic_ids import find_topics

_ANSWER_SECONDS = 60.0
_POLL_SECONDS = 0.05
_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE
_BROKER_DEFAULT_BYTES = 1_048_588


class TopicsError(EtapaError):
    """The topics could not be made or are not as they must be; the message says what was found and what is right."""


class TopicReport(msgspec.Struct, frozen=True):
    """What became of one topic."""

    name: str
    partitions: int
    created: bool
    """False when it was there already."""
    warning: str | None = None


class WantedTopic(msgspec.Struct, frozen=True):
    """A topic as it is to be: so many partitions, so many copies of each, and the topic's own settings."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


def wanted_topics(settings: Settings, without: Collection[str] = ()) -> list[WantedTopic]:
    """All topics, as `etapa topics create` makes them; settings named in `without` are left to the brokers."""
    # Touchpoints may be as large as the limit says, even larger ones must reach us to become dead letters.
    touchpoint_bytes = max(_BROKER_DEFAULT_BYTES, settings.max_touchpoint_bytes + LETTER_OVERHEAD)
    configs: dict[str, dict[str, str]] = {
        settings.topic_touchpoints: {POLICY: "delete", LARGEST: str(touchpoint_bytes)},
        settings.topic_stage_changes: {POLICY: "delete"},
        settings.topic_campaign_triggers: {POLICY: "delete"},
        settings.topic_campaign_outcomes: {POLICY: "delete"},
        # Whatever fits into touchpoints fits in here, with its headers.
        settings.topic_dead_letters: {POLICY: "delete", LARGEST: str(touchpoint_bytes + LETTER_OVERHEAD)},
        settings.topic_customer_state: {
            POLICY: "compact",
            # A takeover without a view reads the whole partition: small segments and an early cleaner keep it near the
            # size of the states. The newest segment is never cleaned, so none may stay the newest for long.
            "segment.bytes": str(64 * _MEBIBYTE),
            "segment.ms": _milliseconds(6 * HOUR),
            "min.cleanable.dirty.ratio": "0.2",
            # How long a tombstone stays for a view that is being rebuilt meanwhile.
            "delete.retention.ms": _milliseconds(DAY),
        },
        settings.topic_campaign_trigger_dead_letters: {
            POLICY: "delete",
            LARGEST: str(_BROKER_DEFAULT_BYTES + LETTER_OVERHEAD),
        },
        settings.topic_delivery_progress: {
            POLICY: "compact",
            # It is read whole when partitions change hands, and all but its last record for each key is of no use any more.
            "segment.bytes": str(4 * _MEBIBYTE),
            "segment.ms": _milliseconds(6 * HOUR),
            "min.cleanable.dirty.ratio": "0.2",
        },
    }
    return [
        WantedTopic(name, settings.partitions, settings.replication, {key: value for key, value in own.items() if key not in without})
        for name, own in configs.items()
    ]


def _milliseconds(length: int) -> str:
    return str(length * 1000 // SECOND)


def settable(settings: Settings) -> list[str]:
    """The settings of topics that `etapa topics create` would give."""
    return sorted({name for topic in wanted_topics(settings) for name in topic.settings})


def worker_topics(settings: Settings) -> list[str]:
    """The topics that a worker and whoever looks after it need; the others it can run without."""
    others = (settings.topic_campaign_trigger_dead_letters, settings.topic_delivery_progress)
    return [topic.name for topic in wanted_topics(settings) if topic.name not in others]


def delivery_topics(settings: Settings) -> list[str]:
    """The topics that delivery needs."""
    return [settings.topic_campaign_triggers, settings.topic_campaign_trigger_dead_letters, settings.topic_delivery_progress]


async def create_topics(cluster: Cluster, without: Collection[str] = ()) -> list[TopicReport]:
    """Create what is missing. Raises `TopicsError`, before anything is made, when what is there does not fit or the brokers refuse some of it.

    What was made all the same, when something fails after that, the message names; a second run goes on from there.
    """
    settings = cluster.settings
    wanted = wanted_topics(settings, without)
    names = [topic.name for topic in wanted]
    made: list[str] = []
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            existing = await _partition_counts(admin, names)
            _refuse_other_counts(existing, settings.partitions)
            _refuse_unfit(judged(settings, await topic_settings(admin, list(existing))).refusals)
            missing = [topic for topic in wanted if topic.name not in existing]
            if missing:
                new = [NewTopic(one.name, one.partitions, one.replication, topic_configs=one.settings) for one in missing]
                _refuse_refused(await admin.create_topics(new, validate_only=True), made)
                answer = await admin.create_topics(new)
                made += [topic for topic, code, *_ in answer.topic_errors if not code]
                _refuse_refused(answer, made)
                # Every broker has to know the new topics, because any process started next must find them.
                while len(await _partition_counts(admin, [topic.name for topic in missing])) < len(missing):  # noqa: ASYNC110 - brokers tell nobody
                    await asyncio.sleep(_POLL_SECONDS)
            findings = judged(settings, await topic_settings(admin, names))
            _refuse_unfit(findings.refusals, made)
    except KAFKA_FAILURES as error:
        message = f"the topics could not be made at {settings.kafka_bootstrap_servers}: {describe(error)}{_made_so_far(made)}"
        # Without a cause: it would be told in words that leave out what was made.
        raise TopicsError(message) from (None if made else error)
    return [TopicReport(name, settings.partitions, name not in existing, findings.warnings.get(name)) for name in names]


async def check_topics(cluster: Cluster) -> list[str]:
    """Before a worker starts: all topics that it needs are there with equal partitions, or `TopicsError`. Gives warnings about their settings.

    Raises what aiokafka raises when the brokers do not answer, because that heals by waiting.
    """
    return await _check(cluster, worker_topics(cluster.settings))


async def check_delivery_topics(cluster: Cluster) -> list[str]:
    """As `check_topics`, before delivery starts."""
    return await _check(cluster, delivery_topics(cluster.settings), cluster.settings.delivery_group)


async def partition_count(cluster: Cluster, topic: str | None = None) -> int:
    """How many partitions this topic has, or all that a worker needs. Raises `TopicsError` when one is missing or has another number, else what aiokafka raises."""
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
        return await _equal_count(admin, worker_topics(cluster.settings) if topic is None else [topic])


async def _check(cluster: Cluster, names: list[str], group: str | None = None) -> list[str]:
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin(group) as admin:
        await _equal_count(admin, names)
        findings = judged(cluster.settings, await topic_settings(admin, names))
    _refuse_unfit(findings.refusals)
    return list(findings.warnings.values())


async def _equal_count(admin: AIOKafkaAdminClient, names: list[str]) -> int:
    """How many partitions all these topics have."""
    existing = await _partition_counts(admin, names)
    missing = [name for name in names if name not in existing]
    if missing:
        # A topic that we may not see is not among all topics; asked for by its name, brokers say so. Creates none.
        await find_topics(admin._client, missing)
    _refuse_missing(existing, names)
    _refuse_other_counts(existing, existing[names[0]])
    return existing[names[0]]


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
        message = (
            f"Kafka has no topic {', '.join(missing)}, or access control hides it from Etapa. `etapa topics create` makes them; which rights are"
            " needed is under 'Access control' in docs/operations.md"
        )
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


def _refuse_unfit(refusals: Sequence[str], made: Sequence[str] = ()) -> None:
    if refusals:
        message = f"{'; '.join(refusals)}{_made_so_far(made)}"
        raise TopicsError(message)


def _refuse_refused(answer: Any, made: Sequence[str]) -> None:
    refusals = []
    for topic, code, *told in answer.topic_errors:
        # Somebody else made it between our look and our request; a second run compares it.
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = next((text for text in told if text), None) or for_code(code).__name__
            refusals.append(f"{topic}: {reason}")
    if refusals:
        message = (
            f"Kafka refused to make topics. {'; '.join(refusals)}{_made_so_far(made)}. `--without SETTING` leaves out a setting that is not"
            " allowed here; `--print` writes out what is needed, for whoever may make topics"
        )
        raise TopicsError(message)


def _made_so_far(made: Sequence[str]) -> str:
    return f". Created so far: {', '.join(made)}; a second run goes on from there" if made else ""
