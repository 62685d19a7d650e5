"""When a worker is ready, and what it says while it is not."""

import asyncio
from collections.abc import Mapping

import pytest

from etapa.serve import readiness
from etapa.serve.readiness import WorkerReadiness
from etapa.stream.ports import ViewError


class Server:
    """Stands for Kafka and Redis: answers, fails or hangs as told."""

    def __init__(self, failure: Exception | None = None, policy: str | None = None, *, hangs: bool = False) -> None:
        self._failure = failure
        self._policy = policy
        self._hangs = hangs

    async def ping(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self._failure is not None:
            raise self._failure

    async def eviction_policy_problem(self) -> str | None:
        await self.ping()
        return self._policy


def not_ready(
    partitions: Mapping[int, bool] | None = None, kafka: Server | None = None, redis: Server | None = None, *, joined: bool = True
) -> dict[str, str]:
    """What is not ready, by name."""
    found = (partitions or {}) if joined else None
    checks = asyncio.run(WorkerReadiness(lambda: found, (kafka or Server()).ping, redis or Server()).checks())
    return {check.name: check.detail for check in checks if not check.ready}


def test_a_worker_is_ready_when_its_partitions_kafka_and_redis_are() -> None:
    assert not_ready({0: True, 7: True}) == {}


def test_a_worker_in_reserve_without_partitions_is_ready() -> None:
    assert not_ready({}) == {}


def test_every_partition_that_is_not_ready_is_named() -> None:
    assert list(not_ready({0: True, 2: False, 1: False})) == ["partition 1", "partition 2"]


def test_before_it_has_joined_its_group_a_worker_is_not_ready() -> None:
    assert not_ready(joined=False) == {"group": "the worker has not joined its consumer group yet"}


def test_a_server_that_fails_is_named_with_what_it_said() -> None:
    found = not_ready(kafka=Server(OSError("no broker\nanswers")), redis=Server(ViewError("connection refused")))
    assert found == {"kafka": "no broker answers", "redis": "connection refused"}


def test_a_server_that_hangs_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CHECK_SECONDS", 0.01)
    found = not_ready({0: False}, kafka=Server(hangs=True), redis=Server(ViewError("connection refused")))
    assert list(found) == ["kafka", "redis", "partition 0"]
    assert "did not answer within" in found["kafka"]


def test_a_redis_that_may_throw_states_away_is_not_ready() -> None:
    found = not_ready(redis=Server(policy="maxmemory-policy is allkeys-lru"))
    assert found == {"redis maxmemory-policy": "maxmemory-policy is allkeys-lru"}
