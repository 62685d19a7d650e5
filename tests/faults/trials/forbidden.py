"""A trial in which the worker loses its rights to write, and gets them back."""

import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.faults.loads.load import Load
from tests.faults.trials.scene import Figures, Scene, Tell, Wrong
from tests.servers.processes import wait_until

_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # So that only what we forbid is forbidden.
    "allow.everyone.if.no.acl.found": "true",
}
_RATE = 400.0
_SECONDS = 30.0
_POLL = 0.1


def forbidden(folder: Path, times: int, seconds: float, tell: Tell) -> Figures:
    """Forbid writing to `customer-state` and to `stage-changes` in turn, so many times, for so many seconds each."""
    with Scene(folder, kafka=_AUTHORIZER) as scene:
        settings = scene.settings
        worker = scene.worker()
        scene.follow()
        load = Load(scene.kafka.bootstrap_servers, settings.topic_touchpoints, settings.partitions, _RATE, 1, 1500)
        recoveries = []
        try:
            load.start()
            wait_until(lambda: load.sent > 2 * _RATE and _behind(scene, load) < _RATE, 60, "the first touchpoints' being processed", _POLL)
            for topic in islice(cycle((settings.topic_customer_state, settings.topic_stage_changes)), times):
                _forbid(scene, topic)
                began = time.monotonic()
                wait_until(
                    lambda: _says(worker.ask("readyz").get("not_ready", ()), "TopicAuthorizationFailed"),
                    _SECONDS,
                    "/readyz's telling of it",
                    _POLL,
                )
                told = time.monotonic() - began
                time.sleep(seconds)
                if not worker.is_running or worker.partitions() != set(range(settings.partitions)):
                    raise Wrong(f"the worker did not keep its partitions:\n{worker.said()[-3000:]}")
                _allow_everything(scene)
                began = time.monotonic()
                ends = load.ends
                wait_until(lambda ends=ends: not any(scene.lag(ends).values()), 120, "going on", _POLL)  # type: ignore[misc]
                recoveries.append(time.monotonic() - began)
                tell(f"{topic} forbidden: told after {told:.1f} s; {recoveries[-1]:.1f} s after it was allowed again nothing waited")
            load.pause()
            totals = scene.close_books(load.ends, load.latest, 120)
        finally:
            load.stop()
        return {"times": times, "longest_recovery_seconds": max(recoveries), "lines_logged": worker.said().count("\n"), **totals}


def _behind(scene: Scene, load: Load) -> int:
    return sum(scene.lag(load.ends).values())


def _says(checks: Sequence[dict[str, str]], words: str) -> bool:
    return any(words in check["detail"] for check in checks)


def _forbid(scene: Scene, topic: str) -> None:
    rules = [(AclOperation.ALL, AclPermissionType.ALLOW), (AclOperation.WRITE, AclPermissionType.DENY)]
    admin = AdminClient({"bootstrap.servers": scene.kafka.bootstrap_servers, "log_level": 2})
    acls = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:*", "*", *rule) for rule in rules]
    for answer in admin.create_acls(acls).values():
        answer.result(_SECONDS)


def _allow_everything(scene: Scene) -> None:
    admin = AdminClient({"bootstrap.servers": scene.kafka.bootstrap_servers, "log_level": 2})
    # The types say that names, principals and hosts are text, but None means any.
    anybody: Any = None
    every = AclBindingFilter(ResourceType.ANY, anybody, ResourcePatternType.ANY, anybody, anybody, AclOperation.ANY, AclPermissionType.ANY)
    for answer in admin.delete_acls([every]).values():
        answer.result(_SECONDS)
