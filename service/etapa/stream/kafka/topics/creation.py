"""Creates the topics with equal partitions and suitable settings, and checks those that exist already."""

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
    """The topics could not be created or are not as required; the message says what was found and what would be right."""


class TopicReport(msgspec.Struct, frozen=True):
    """The result for one topic."""

    name: str
    partitions: int
    created: bool
    """False when it existed already."""
    warning: str | None = None


class WantedTopic(msgspec.Struct, frozen=True):
    """A topic as it should be: its number of partitions, the copies of each, and its own settings."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


def wanted_topics(settings: Settings, without: Collection[str] = ()) -> list[WantedTopic]:
    """All topics, as `etapa topics create` creates them; settings named in `without` are left to the brokers."""
    # Touchpoints up to the limit must fit, and somewhat larger ones must reach us to become dead letters.
    touchpoint_bytes = max(_BROKER_DEFAULT_BYTES, settings.max_touchpoint_bytes + LETTER_OVERHEAD)
    configs: dict[str, dict[str, str]] = {
        settings.topic_touchpoints: {POLICY: "delete", LARGEST: str(touchpoint_bytes)},
        settings.topic_stage_changes: {POLICY: "delete"},
        settings.topic_campaign_triggers: {POLICY: "delete"},
        settings.topic_campaign_outcomes: {POLICY: "delete"},
        # Whatever fits into touchpoints must fit in here, with its headers.
        settings.topic_dead_letters: {POLICY: "delete", LARGEST: str(touchpoint_bytes + LETTER_OVERHEAD)},
        settings.topic_customer_state: {
            POLICY: "compact",
            # A takeover without a view reads the whole partition: small segments and early cleaning keep it near the
            # size of the states. The newest segment is never cleaned, so none may stay the newest for long.
            "segment.bytes": str(64 * _MEBIBYTE),
            "segment.ms": _milliseconds(6 * HOUR),
            "min.cleanable.dirty.ratio": "0.2",
            # By when what was replaced is gone, as certificates of `etapa forget` need to know.
            "max.compaction.lag.ms": _milliseconds(DAY),
            # How long a tombstone stays, for a view that is being rebuilt.
            "delete.retention.ms": _milliseconds(DAY),
        },
        settings.topic_campaign_trigger_dead_letters: {
            POLICY: "delete",
            LARGEST: str(_BROKER_DEFAULT_BYTES + LETTER_OVERHEAD),
        },
        settings.topic_delivery_progress: {
            POLICY: "compact",
            # It is read whole when partitions change owners, and only the last record for each key is of use.
            "segment.bytes": str(4 * _MEBIBYTE),
            "segment.ms": _milliseconds(6 * HOUR),
            "min.cleanable.dirty.ratio": "0.2",
        },
    }
    return [
        WantedTopic(name, settings.partitions, settings.replication, {key: value for key, value in own.items() if key not in without})
        for name, own in configs.items()
    ]


def transfers_topic(settings: Settings, partitions: int, replication: int) -> WantedTopic:
    """The topic through which customers move, as `etapa repartition` makes it. Places that read nothing for as long as it keeps records
    lose customers, and refuse to go on.
    """
    largest = max(_BROKER_DEFAULT_BYTES, settings.max_touchpoint_bytes + LETTER_OVERHEAD) + LETTER_OVERHEAD
    own = {POLICY: "delete", LARGEST: str(largest), "retention.ms": _milliseconds(30 * DAY)}
    return WantedTopic(settings.topic_transfers, partitions, replication, own)


def _milliseconds(length: int) -> str:
    return str(length * 1000 // SECOND)


def settable(settings: Settings) -> list[str]:
    """The topic settings that `etapa topics create` would set."""
    return sorted({name for topic in wanted_topics(settings) for name in topic.settings})


def worker_topics(settings: Settings) -> list[str]:
    """The topics that a worker and its operators need; it can run without the others."""
    others = (settings.topic_campaign_trigger_dead_letters, settings.topic_delivery_progress)
    return [topic.name for topic in wanted_topics(settings) if topic.name not in others]


def delivery_topics(settings: Settings) -> list[str]:
    """The topics that delivery needs."""
    return [settings.topic_campaign_triggers, settings.topic_campaign_trigger_dead_letters, settings.topic_delivery_progress]


async def create_topics(cluster: Cluster, without: Collection[str] = ()) -> list[TopicReport]:
    """Create missing topics. Raises `TopicsError`, before creating any, when existing topics do not fit or the brokers refuse one.

    If something fails after that, the message names the topics already created; a second run continues from there.
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
                # Wait until the brokers know the new topics, because any process started next must find them.
                while len(await _partition_counts(admin, [topic.name for topic in missing])) < len(missing):  # noqa: ASYNC110 - brokers send no notice
                    await asyncio.sleep(_POLL_SECONDS)
            findings = judged(settings, await topic_settings(admin, names))
            _refuse_unfit(findings.refusals, made)
    except KAFKA_FAILURES as error:
        message = f"the topics could not be created at {settings.kafka_bootstrap_servers}: {describe(error)}{_made_so_far(made)}"
        # Without a cause: a message made from it would leave out the topics already created.
        raise TopicsError(message) from (None if made else error)
    return [TopicReport(name, settings.partitions, name not in existing, findings.warnings.get(name)) for name in names]


async def check_topics(cluster: Cluster, *, for_links: bool = False) -> list[str]:
    """Check before a worker starts that its topics exist with equal partitions; else raise `TopicsError`. Returns warnings about settings.

    `for_links`: whether its journey joins ids. Raises what aiokafka raises when the brokers do not answer, because waiting may help then.
    """
    warnings = await _check(cluster, worker_topics(cluster.settings))
    if for_links:
        async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
            await _refuse_without_transfers(cluster.settings, admin)
    return warnings


async def check_delivery_topics(cluster: Cluster) -> list[str]:
    """Like `check_topics`, before delivery starts."""
    return await _check(cluster, delivery_topics(cluster.settings), cluster.settings.delivery_group)


async def partition_count(cluster: Cluster, topic: str | None = None) -> int:
    """How many partitions this topic has, or each topic that a worker needs.

    Raises `TopicsError` when one is missing or has a different number, and what aiokafka raises.
    """
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
        return await _equal_count(cluster.settings, admin, worker_topics(cluster.settings) if topic is None else [topic])


async def may_have_grown(cluster: Cluster, partitions: int) -> bool:
    """Whether so many partitions may follow from a new layout: `transfers` gets its partitions before any other topic does.

    Raises what aiokafka raises.
    """
    transfers = cluster.settings.topic_transfers
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin() as admin:
        return (await _partition_counts(admin, [transfers])).get(transfers) == partitions


async def _check(cluster: Cluster, names: list[str], group: str | None = None) -> list[str]:
    async with asyncio.timeout(_ANSWER_SECONDS), cluster.admin(group) as admin:
        await _equal_count(cluster.settings, admin, names)
        findings = judged(cluster.settings, await topic_settings(admin, [*names, cluster.settings.topic_transfers]))
    _refuse_unfit(findings.refusals)
    return list(findings.warnings.values())


async def _equal_count(settings: Settings, admin: AIOKafkaAdminClient, names: list[str]) -> int:
    """The number of partitions that all these topics have. Raises `TopicsError` when it differs.

    While partitions are being added, the first of the topics gets them last, so that the others may have as many as `transfers` has.
    """
    found = await _partition_counts(admin, [*names, settings.topic_transfers])
    grown = found.get(settings.topic_transfers, 0)
    existing = {name: count for name, count in found.items() if name in names}
    missing = [name for name in names if name not in existing]
    if missing:
        # A list of all topics omits those that we may not see; asked for one by name, brokers say so. This creates none.
        await find_topics(admin._client, missing)
    _refuse_missing(existing, names)
    count = existing[names[0]]
    _refuse_other_counts({name: each for name, each in existing.items() if not count < each <= grown}, count)
    return count


async def _refuse_without_transfers(settings: Settings, admin: AIOKafkaAdminClient) -> None:
    touchpoints, transfers = settings.topic_touchpoints, settings.topic_transfers
    found = await _partition_counts(admin, [touchpoints, transfers])
    if found.get(transfers, 0) < found.get(touchpoints, 0):
        message = f"the journey joins ids (`identity`), and people who turn out to be one meet through the topic {transfers}. {lacks_transfers(found.get(transfers, 0), found[touchpoints])}"
        raise TopicsError(message)


def lacks_transfers(found: int, needed: int) -> str:
    """What is wrong with `transfers` for a journey that joins ids, and what to do, in words."""
    if not found:
        return "Kafka has no such topic, or access control hides it from Etapa. `etapa topics create --links` makes it"
    return f"It has {found} partition{'' if found == 1 else 's'}, and needs {needed}. `etapa topics create --links` adds them"


async def _partition_counts(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    # Asking for topics by name could make a broker create them, so list all of them.
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
            f"Kafka has no topic {', '.join(missing)}, or access control hides it from Etapa. `etapa topics create` makes them; 'Access"
            " control' in docs/operations.md lists the rights that Etapa needs"
        )
        raise TopicsError(message)


def _refuse_other_counts(existing: dict[str, int], partitions: int) -> None:
    others = {name: count for name, count in existing.items() if count != partitions}
    if others:
        found = ", ".join(f"{name} has {count}" for name, count in sorted(others.items()))
        message = (
            f"all topics of one Etapa must have the same number of partitions, here {partitions}: {found}. Choose that number with"
            " ETAPA_PARTITIONS, or delete the topics that differ. A customer's partition follows from the number; `etapa repartition` changes it"
        )
        raise TopicsError(message)


def _refuse_unfit(refusals: Sequence[str], made: Sequence[str] = ()) -> None:
    if refusals:
        message = f"{'; '.join(refusals)}{_made_so_far(made)}"
        raise TopicsError(message)


def _refuse_refused(answer: Any, made: Sequence[str]) -> None:
    refusals = []
    for topic, code, *told in answer.topic_errors:
        # Something else created it between our check and our request; a second run checks it.
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = next((text for text in told if text), None) or for_code(code).__name__
            refusals.append(f"{topic}: {reason}")
    if refusals:
        message = (
            f"Kafka refused to create topics. {'; '.join(refusals)}{_made_so_far(made)}. `--without SETTING` leaves out a setting that is not"
            " allowed here; `--print` prints what is needed, for whoever may create them"
        )
        raise TopicsError(message)


def _made_so_far(made: Sequence[str]) -> str:
    return f". Created so far: {', '.join(made)}; a second run continues from there" if made else ""
