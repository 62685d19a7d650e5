"""Servers that are up but accept no writes: disks that are full, and a Kafka that can only be read.

Workers must keep saying what is wrong in few log lines, keep their partitions, and resume by themselves. Each fault returns
when it is over, and says what was done.
"""

import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from tests.faults.breaking.kafka_faults import wait_until_in_sync
from tests.faults.installation.installation import BROKERS, Installation
from tests.servers.processes import wait_until

_SECONDS = 60.0
_MOST_LINES = 10.0
"""The most lines that a worker may log per second on average, whatever fails."""
_REDIS_REFUSES = "MISCONF"
"""The beginning of Redis' error when it accepts no writes because of its disk."""


def fill_redis_disk(installation: Installation, random: Random) -> str:
    """Fill Redis' disk: its append-only file cannot grow, so reads work and writes fail. Then there is room again."""
    primary = installation.redis.primary
    primary.fill_disk()
    told = _endure(installation, random, _REDIS_REFUSES)
    primary.clear_disk()
    wait_until(
        lambda: _persistence(installation)["aof_last_write_status"] == "ok", _SECONDS, "a successful write to Redis' append-only file"
    )
    return told


def fail_redis_saves(installation: Installation, random: Random) -> str:
    """Redis cannot save its snapshot, and refuses writes because of that, as it does by default. Then it can again."""
    blocked = installation.redis.primary.folder / "dump.rdb"
    # A file that a replica once received may be in its place.
    blocked.unlink(missing_ok=True)
    blocked.mkdir()
    installation.redis.tell("CONFIG", "SET", "save", "1 1")
    told = _endure(installation, random, _REDIS_REFUSES)
    blocked.rmdir()
    installation.redis.tell("BGSAVE")
    wait_until(lambda: _persistence(installation)["rdb_last_bgsave_status"] == "ok", _SECONDS, "Redis' saving again")
    installation.redis.tell("CONFIG", "SET", "save", "")
    return told


def fill_broker_disk(installation: Installation, random: Random) -> str:
    """Fill a broker's disk, so that the broker ends itself. Then start it with room on the disk."""
    broker = random.choice(BROKERS)
    installation.kafka.fill_disk(broker)
    wait_until(lambda: installation.kafka.has_ended(broker), _SECONDS, f"the end of broker {broker}, whose disk is full")
    seconds = random.uniform(0, 6)
    time.sleep(seconds)
    installation.kafka.start_node(broker)
    installation.kafka.wait_node(broker)
    return f"broker {broker}, started after {seconds:.1f} s"


def lack_replicas(installation: Installation, random: Random) -> str:
    """Stop a broker while what workers write must be on all three, so that nothing can be written. Then it comes back."""
    broker = random.choice(BROKERS)
    topics = _some_outputs(installation, random)
    _demand_replicas(installation, topics, str(len(BROKERS)))
    installation.kafka.stop_node(broker)
    told = _endure(installation, random, "the brokers did not confirm")
    installation.kafka.start_node(broker)
    installation.kafka.wait_node(broker)
    wait_until_in_sync(installation)
    _demand_replicas(installation, topics, None)
    return f"{', '.join(topics)}; {told}"


def _endure(installation: Installation, random: Random, words: str) -> str:
    """Keep the fault for up to twice the session after a worker has reported it. Every worker must survive and keep its partitions."""
    began = time.monotonic()
    before = _lines(installation)
    owned = [slot.running().partitions() for slot in installation.slots]
    installation.wait_until_told(words)
    told_after = time.monotonic() - began
    time.sleep(random.uniform(1, 2 * installation.settings.session_timeout / 1_000_000))
    seconds = time.monotonic() - began
    assert all(slot.running().is_running for slot in installation.slots), "a worker ended because of a shortage"
    assert [slot.running().partitions() for slot in installation.slots] == owned, "partitions moved because of a shortage"
    rate = (_lines(installation) - before) / len(installation.slots) / seconds
    assert rate <= _MOST_LINES, f"workers logged {rate:.0f} lines a second each"
    return f"{seconds:.1f} s, told after {told_after:.1f} s, {rate:.1f} lines a second"


def _lines(installation: Installation) -> int:
    return sum(slot.running().said().count("\n") for slot in installation.slots)


def _persistence(installation: Installation) -> Mapping[str, Any]:
    with installation.redis.primary.client() as client:
        told: Any = client.info("persistence")
    return dict(told)


def _some_outputs(installation: Installation, random: Random) -> Sequence[str]:
    """The topic of states, of stage changes, or both: every batch writes to the former, and almost every one to the latter."""
    settings = installation.settings
    return random.choice(
        [[settings.topic_customer_state], [settings.topic_stage_changes], [settings.topic_customer_state, settings.topic_stage_changes]]
    )


def _demand_replicas(installation: Installation, topics: Sequence[str], count: str | None) -> None:
    operation = AlterConfigOpType.DELETE if count is None else AlterConfigOpType.SET
    entry = ConfigEntry("min.insync.replicas", count, incremental_operation=operation)
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    admin = AdminClient({"bootstrap.servers": installation.kafka.bootstrap_servers, "log_level": 2})
    for answer in admin.incremental_alter_configs(resources).values():
        answer.result(_SECONDS)
