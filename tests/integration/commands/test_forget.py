"""`etapa forget` on real servers: one person followed through topics, segment files and Redis, until nothing is left anywhere."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.outcome import followed, put_touchpoints, until
from tests.integration.places import alter, new_place
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

WHO = "ada-9f27c4"
KEY = {"ETAPA_FORGET_KEY": "the key of this installation"}
SHORT = {"segment.ms": "500", "file.delete.delay.ms": "100"}
KEPT = {**SHORT, "retention.ms": "1500"}
COMPACTED = {
    "cleanup.policy": "compact",
    **SHORT,
    "max.compaction.lag.ms": "500",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "500",
}


def touchpoint(customer_id: str, number: int, **fields: Any) -> tuple[bytes, bytes]:
    told = {
        "id": f"{customer_id}-{number}",
        "customer_id": customer_id,
        "type": "purchase",
        "occurred_at": "2026-01-10T10:00:00Z",
        **fields,
    }
    return customer_id.encode(), msgspec.json.encode(told)


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that cleans up at once."""
    server = KafkaServer(
        tmp_path / "kafka", settings={"log.cleaner.backoff.ms": "200", "log.retention.check.interval.ms": "300", "log.cleaner.threads": "1"}
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis whose memory can be read from a file."""
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis", "--rdbcompression", "no")
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def a_place(kafka: KafkaServer, redis: RedisServer) -> Settings:
    return await new_place(kafka.bootstrap_servers, redis.url, partitions=1, forget_key=Secret(KEY["ETAPA_FORGET_KEY"]))


async def keep_for_moments_only(settings: Settings) -> None:
    """From now on, Kafka removes everything within seconds."""
    await alter(settings, settings.topic_customer_state, COMPACTED)
    for topic in (
        settings.topic_touchpoints,
        settings.topic_stage_changes,
        settings.topic_campaign_triggers,
        settings.topic_campaign_outcomes,
        settings.topic_dead_letters,
    ):
        await alter(settings, topic, {"cleanup.policy": "delete", **KEPT})


def in_segments(folder: Path) -> list[str]:
    """The files of Kafka in which the person is named."""
    found = []
    for path in sorted(folder.rglob("*.log*")):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        if WHO.encode() in data and path.parent != folder:
            found.append(f"{path.parent.name}/{path.name}")
    return found


def forgotten_once(worker: StartedWorker) -> bool:
    return worker.metric('etapa_touchpoints_total{outcome="forgotten"}') == 1


def in_memory(redis: RedisServer) -> bool:
    """Whether Redis names the person anywhere in what it holds."""
    with redis.client() as client:
        client.save()
        told: Any = client.config_get("dir"), client.config_get("dbfilename")
        folder, name = (next(iter(one.values())) for one in told)
        return WHO.encode() in (Path(_text(folder)) / _text(name)).read_bytes()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_a_person_who_is_forgotten_is_found_nowhere_after_the_certificates_time(
    kafka: KafkaServer, redis: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka, redis)
        environment = {**environment_of(settings), **KEY}
        worker = StartedWorker(settings, tmp_path, others=KEY)
        await asyncio.to_thread(worker.wait_ready, 1)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [touchpoint(WHO, 0), touchpoint("bob", 0), (WHO.encode(), b"no touchpoint")])
            await progress.wait_through()
            # The checks below can fail.
            assert in_segments(tmp_path / "kafka")
            await until(lambda: asyncio.to_thread(in_memory, redis), "Redis' showing the person")

            await keep_for_moments_only(settings)
            certificate = tmp_path / "certificate.json"
            done = await asyncio.to_thread(etapa, "forget", WHO, "--yes", "--certificate", str(certificate), env=environment)
            assert done.returncode == 0, done.stderr
            written = json.loads(certificate.read_bytes())
            assert WHO not in certificate.read_text()
            named = {place["topic"] for place in written["remaining"]}
            # The others may have been quicker than the command.
            assert {settings.topic_customer_state, settings.topic_touchpoints} <= named
            assert all(place["gone_by"] is not None for place in written["remaining"])

            await put_touchpoints(settings, [touchpoint(WHO, 1)])
            await progress.wait_through()
            # Counted once the transaction is committed, which is when its offset can be seen.
            await until(lambda: asyncio.to_thread(forgotten_once, worker), "the touchpoint's being counted")

            left = await asyncio.to_thread(etapa, "forget", WHO, "--verify", str(certificate), env=environment)
            assert left.returncode == 1
            assert b"left" in left.stderr

            number = 1

            async def nothing_is_left() -> bool:
                nonlocal number
                number += 1
                # A partition in which nothing happens is not compacted.
                await put_touchpoints(settings, [touchpoint("bob", number)])
                await progress.wait_through()
                checked = await asyncio.to_thread(etapa, "forget", WHO, "--verify", str(certificate), env=environment)
                return checked.returncode == 0 and not in_segments(tmp_path / "kafka")

            await until(nothing_is_left, "Kafka's removing every record", 60)
            await until(lambda: asyncio.to_thread(lambda: not in_memory(redis)), "Redis' forgetting the person")
            verified = await asyncio.to_thread(etapa, "verify", env=environment)
            assert verified.returncode == 0, verified.stdout + verified.stderr
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert WHO not in worker.said()

    asyncio.run(scenario())


def test_a_certificate_that_was_changed_or_is_anothers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text("{}")
    done = etapa("forget", WHO, "--verify", str(path), env=KEY)
    assert done.returncode == 2
    assert b"not a certificate" in done.stderr
    assert etapa("forget", WHO, env={}).returncode == 2
