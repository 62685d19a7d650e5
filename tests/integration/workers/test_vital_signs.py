"""What a worker reports about its servers, its partitions and its lag while real servers come and go."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from etapa.settings import Settings
from tests.integration.places import new_place, put
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

_SECONDS = 60.0
_TOUCHPOINT = b'{"id":"%d","customer_id":"c","type":"home","occurred_at":"2026-01-01T00:00:00Z"}'


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[KafkaServer, RedisServer]]:
    kafka, redis = KafkaServer(tmp_path / "kafka"), RedisServer(tmp_path / "redis")
    try:
        kafka.start()
        redis.start()
        yield kafka, redis
    finally:
        redis.stop()
        kafka.stop()


def until(worker: StartedWorker, **expected: float) -> None:
    """Wait until these metrics (with the first label's value after two underscores) have these values."""

    def values() -> dict[str, float]:
        return {name: worker.metric(metric_of(name)) for name in expected}

    def metric_of(name: str) -> str:
        metric, _, label = name.partition("__")
        return f'etapa_{metric}{{dependency="{label}"}}' if label else f"etapa_{metric}"

    wait_until(lambda: values() == expected, _SECONDS, f"{expected}")


def test_lag_is_told_while_redis_is_away_and_each_server_is_told_of_by_itself(
    servers: tuple[KafkaServer, RedisServer], tmp_path: Path
) -> None:
    kafka, redis = servers
    settings: Settings = asyncio.run(new_place(kafka.bootstrap_servers, redis.url, partitions=2, session_timeout=6_000_000))
    worker = StartedWorker(settings, tmp_path)
    try:
        worker.wait_ready(2)
        until(worker, dependency_up__kafka=1, dependency_up__redis=1, topic_partitions=2, partitions_owned=2, partitions_refused=0)

        redis.kill()
        asyncio.run(put(settings, settings.topic_touchpoints, [(b"c", _TOUCHPOINT % number) for number in range(50)]))
        until(worker, dependency_up__redis=0, dependency_up__kafka=1, lag_touchpoints=50)
        redis.start()
        until(worker, dependency_up__redis=1, lag_touchpoints=0)

        kafka.stop()
        until(worker, dependency_up__kafka=0, dependency_up__redis=1)
    finally:
        worker.kill()


def test_a_redis_that_answers_and_takes_no_writes_is_told_with_its_cause(servers: tuple[KafkaServer, RedisServer], tmp_path: Path) -> None:
    kafka, redis = servers
    settings: Settings = asyncio.run(new_place(kafka.bootstrap_servers, redis.url, partitions=1, session_timeout=6_000_000))
    worker = StartedWorker(settings, tmp_path)
    try:
        worker.wait_ready(1)
        with redis.client() as client:
            # A replica of nothing, so that it serves what it has and refuses writes.
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            client.config_set("replica-serve-stale-data", "yes")
            until(worker, dependency_up__redis=0, dependency_up__kafka=1)
            assert worker.metric('etapa_dependency_trouble{cause="not_primary",dependency="redis"}') == 1
            assert "it does not act as a primary" in worker.said()
            client.execute_command("REPLICAOF", "NO", "ONE")
        until(worker, dependency_up__redis=1)
        assert worker.metric("etapa_dependency_trouble") == 0
    finally:
        worker.kill()
