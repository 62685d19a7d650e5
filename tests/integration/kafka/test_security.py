"""A worker with a Kafka that enforces access rights."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.outcome import followed, put_touchpoints
from tests.integration.places import new_place
from tests.integration.worker import StartedWorker
from tests.servers.guarded_kafka import PASSWORD, USER, GuardedKafka
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def guarded_place(kafka: GuardedKafka, redis: RedisServer, door: str, mechanism: str) -> Settings:
    """Topics made by the super user, and the settings of a user who may use them."""
    settings = await new_place(kafka.address(), redis.url, session_timeout=3_000_000)
    for resource in ("TOPIC", "GROUP", "TRANSACTIONAL_ID"):
        await asyncio.to_thread(kafka.allow, USER, resource, settings.group, prefixed=True)
    login: dict[str, Any] = kafka.login(door, mechanism)
    return replace(settings, **login)


def test_a_worker_logs_in_over_tls_and_never_says_its_password(
    guarded_kafka: GuardedKafka, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = replace(await guarded_place(guarded_kafka, redis_server, "PLAINLOGIN", "PLAIN"), log_level="debug")
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [(one.key, one.value) for one in clickstream()[:200]])
            await progress.wait_through()
        worker.wait_ready(2)
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert PASSWORD not in worker.said()

    asyncio.run(scenario())


def test_a_worker_with_a_wrong_password_is_not_ready_and_says_why(
    guarded_kafka: GuardedKafka, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = asyncio.run(guarded_place(guarded_kafka, redis_server, "SCRAM", "SCRAM-SHA-512"))
    worker = StartedWorker(replace(settings, kafka_sasl_password=Secret("a guess")), tmp_path)
    cause = f"Kafka at {guarded_kafka.address('SCRAM')}: it refuses the login with SCRAM-SHA-512 of 'etapa' ("
    worker.wait_for_words(f"no work without {cause}")
    told = worker.ask("readyz")
    assert not told["ready"]
    assert any(one["name"] == "kafka" and cause in one["detail"] for one in told["not_ready"])
    assert worker.metric('etapa_dependency_trouble{cause="login",dependency="kafka"}') == 1
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    assert "a guess" not in worker.said()


def test_a_worker_with_a_redis_that_refuses_it_says_why(guarded_kafka: GuardedKafka, redis_server: RedisServer, tmp_path: Path) -> None:
    settings = asyncio.run(new_place(guarded_kafka.address(), f"redis://127.0.0.1:{redis_server.port}/99"))
    worker = StartedWorker(settings, tmp_path)
    cause = f"Redis at 127.0.0.1:{redis_server.port}: it has no database 99. ETAPA_REDIS_URL ends with the number of a database"
    worker.wait_for_words(cause)
    wait_until(
        lambda: any(one["name"] == "redis" and cause in one["detail"] for one in worker.ask("readyz").get("not_ready", ())),
        30,
        "the cause in /readyz",
    )
    worker.ask_to_stop()
    assert worker.exit_code() == 0
