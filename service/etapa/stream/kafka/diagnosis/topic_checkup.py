"""What `etapa doctor` checks in the topics: that they exist, match, are safe, and may be used by us."""

from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code

from etapa.hosting.check_result import CheckResult, Level
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topic_settings import judged, topic_settings
from etapa.stream.kafka.topics.creation import delivery_topics, lacks_transfers, wanted_topics, worker_topics
from etapa.stream.kafka.topics.topic_ids import describe_by_name

_READ, _WRITE = 3, 4
"""Values of Kafka's `AclOperation`; an answer holds a bit for each allowed operation. https://kafka.apache.org/protocol.html (KIP-430)"""
_NAMES = {_READ: "Read", _WRITE: "Write"}
_IN_SYNC = "min.insync.replicas"


async def check_topics_and_rights(cluster: Cluster, admin: AIOKafkaAdminClient, *, for_links: bool = False) -> list[CheckResult]:
    """Check every topic by name. `for_links`: whether the journey joins ids. Raises what aiokafka raises."""
    settings = cluster.settings
    names = [topic.name for topic in wanted_topics(settings)]
    told = await describe_by_name(admin._client, [*names, settings.topic_transfers])
    if told[settings.topic_transfers].error:
        # Where customers never moved, there is none.
        del told[settings.topic_transfers]
    found = {name: topic for name, topic in told.items() if not topic.error}
    results = [_missing(settings, name, topic.error) for name, topic in told.items() if topic.error]
    results += _counts({name: topic.partitions for name, topic in found.items()})
    if for_links and settings.topic_transfers not in found:
        what = f"the journey joins ids (`identity`), and there is no topic {settings.topic_transfers}"
        results.append(_line("topics", "bad", what, lacks_transfers(0, 0)))
    configs = await topic_settings(admin, sorted(found))
    findings = judged(settings, configs)
    results += [_line("topics", "bad", refusal) for refusal in findings.refusals]
    results += [_line("topics", "warning", warning) for warning in findings.warnings.values()]
    results += _copies({name: topic.copies for name, topic in found.items()}, configs)
    results += _rights(settings, {name: topic.operations for name, topic in found.items()})
    if not any(one.check == "topics" for one in results):
        results.insert(0, _line("topics", "good", f"{len(found)} topics, each with {next(iter(found.values())).partitions} partitions"))
    return results


def _line(check: str, level: Level, found: str, advice: str = "", **others: Any) -> CheckResult:
    return CheckResult("Kafka", check, level, found, advice, **others)


def _missing(settings: Settings, name: str, code: int) -> CheckResult:
    # If a delivery file is configured, delivery should work.
    needed = settings.delivery is not None and name in delivery_topics(settings)
    level: Level = "bad" if needed or name in worker_topics(settings) else "warning"
    error = for_code(code)
    if error is TopicAuthorizationFailedError:
        return _line("rights", level, f"access control (ACLs) hides the topic {name}", _ACL_ADVICE, cause="rights")
    if error is UnknownTopicOrPartitionError:
        for_what = "" if level == "bad" else ", which only `etapa deliver` needs"
        return _line("topics", level, f"there is no topic {name}{for_what}", "`etapa topics create` makes it")
    return _line("topics", level, f"the topic {name} cannot be described: {error.__name__}")


_ACL_ADVICE = "'Access control' in docs/operations.md lists the rights that Etapa needs"


def _counts(counts: Mapping[str, int]) -> list[CheckResult]:
    if len(set(counts.values())) <= 1:
        return []
    listed = ", ".join(f"{name} has {count}" for name, count in sorted(counts.items()))
    return [
        _line(
            "topics", "bad", f"topics differ in their number of partitions: {listed}", "All topics of one Etapa must have the same number"
        )
    ]


def _copies(copies: Mapping[str, int], configs: Mapping[str, Mapping[str, str]]) -> list[CheckResult]:
    lone = sorted(name for name, count in copies.items() if count < 2)
    results = []
    if lone:
        found = f"when a broker is lost, topics with a single copy are lost with it: {', '.join(lone)}"
        results.append(
            _line(
                "replication", "warning", found, "In production: ETAPA_REPLICATION=3 before the topics are made, and min.insync.replicas=2"
            )
        )
    for name, count in copies.items():
        told = configs.get(name, {}).get(_IN_SYNC, "")
        if not told.isdecimal() or count < 2:
            continue
        if int(told) >= count:
            found = f"{name} has {_IN_SYNC}={told} and {count} copies: when one broker is away, nothing can be written"
            results.append(_line("replication", "warning", found, f"Set {_IN_SYNC} below the number of copies"))
        elif int(told) < 2:
            found = f"{name} has {_IN_SYNC}={told}: what one broker alone has acknowledged can be lost with it"
            results.append(_line("replication", "warning", found, f"Set {_IN_SYNC}=2"))
    return results or [_line("replication", "good", f"{min(copies.values())} copies of each topic, or more")] if copies else results


def _rights(settings: Settings, operations: Mapping[str, int | None]) -> list[CheckResult]:
    needed: list[tuple[str, tuple[int, ...], Level]] = [
        (settings.topic_touchpoints, (_READ,), "bad"),
        (settings.topic_customer_state, (_READ, _WRITE), "bad"),
        (settings.topic_stage_changes, (_WRITE,), "bad"),
        (settings.topic_campaign_triggers, (_WRITE,), "bad"),
        (settings.topic_campaign_outcomes, (_WRITE,), "bad"),
        (settings.topic_dead_letters, (_WRITE,), "bad"),
        (settings.topic_transfers, (_READ, _WRITE), "bad"),
        (settings.topic_stage_changes, (_READ,), "warning"),
    ]
    if settings.delivery is not None:
        needed += [
            (settings.topic_campaign_triggers, (_READ,), "bad"),
            (settings.topic_delivery_progress, (_READ, _WRITE), "bad"),
            (settings.topic_campaign_trigger_dead_letters, (_WRITE,), "bad"),
        ]
    results = []
    for name, wanted, level in needed:
        allowed = operations.get(name)
        lacking = [] if allowed is None else [_NAMES[one] for one in wanted if not allowed >> one & 1]
        if lacking:
            for_what = ": takeovers cannot check for half a transaction" if level == "warning" else ""
            found = f"access control (ACLs) does not let Etapa {' and '.join(lacking)} the topic {name}{for_what}"
            results.append(_line("rights", level, found, _ACL_ADVICE, cause="rights"))
    who = "a worker" if settings.delivery is None else "a worker or delivery"
    if not results and all(one is not None for one in operations.values()) and operations:
        results.append(_line("rights", "good", f"Etapa may use the topics as {who} does"))
    return results
