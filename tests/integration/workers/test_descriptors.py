"""Connections that clients open and leave open take no descriptors that Kafka and Redis need."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from etapa.settings import Settings
from tests.integration.delivery_scene import seen
from tests.integration.outcome import followed, put_touchpoints
from tests.integration.places import new_place
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

DESCRIPTORS = 256
CONNECTIONS = 600


@contextlib.contextmanager
def at_most(descriptors: int) -> Iterator[None]:
    """The limit of descriptors for processes started here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def left_open(port: int) -> Iterator[int]:
    """Open connections with half a request each until one is refused; returns how many."""
    with contextlib.ExitStack() as opened:
        count = 0
        for _ in range(CONNECTIONS):
            try:
                connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=2))
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Half: ")
            except OSError:
                break
            count += 1
        yield count


def descriptors_of(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def touchpoints(begin: int, count: int) -> list[tuple[bytes, bytes]]:
    fields = {"type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
    return [
        (b"c-%d" % number, msgspec.json.encode({"id": "t", "customer_id": f"c-{number}", **fields}))
        for number in range(begin, begin + count)
    ]


def test_a_worker_with_few_descriptors_goes_on_beside_hundreds_of_connections_through_a_restart_of_redis(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async def scenario(redis: RedisServer) -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis.url, session_timeout=10_000_000)
        with at_most(DESCRIPTORS):
            worker = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(worker.wait_ready, 2)
        try:
            await beside_them(settings, worker, redis)
        finally:
            worker.kill()
        assert "Too many open files" not in worker.said()

    async def beside_them(settings: Settings, worker: StartedWorker, redis: RedisServer) -> None:
        with left_open(worker.port) as count:
            assert count >= DESCRIPTORS // 8
            await seen(lambda: descriptors_of(worker.pid) < DESCRIPTORS // 2, "the end of those that are too many")
            async with followed(settings) as progress:
                await put_touchpoints(settings, touchpoints(0, 50))
                await progress.wait_through()
                # Its connections must be opened again.
                redis.kill()
                redis.start()
                await put_touchpoints(settings, touchpoints(50, 50))
                await progress.wait_through()
        await asyncio.to_thread(worker.wait_ready, 2)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    redis = RedisServer(tmp_path / "redis")
    try:
        redis.start()
        asyncio.run(scenario(redis))
    finally:
        redis.stop()
