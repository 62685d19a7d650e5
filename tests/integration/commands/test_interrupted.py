"""Commands that workers carry out, ended by Ctrl-C: they say what goes on without them, and it does. And the first command on new brokers."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.redis.view import PartitionKeys
from tests.integration.command_line import run_etapa
from tests.integration.outcome import followed, put_touchpoints, until
from tests.integration.places import new_place
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream
from tests.unit.cli.process import started

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def a_place(kafka: KafkaServer, redis: RedisServer) -> Settings:
    return await new_place(
        kafka.bootstrap_servers, redis.url, session_timeout=30_000_000, quiet_after=DAY, forget_key=Secret("a long text")
    )


def test_what_was_asked_of_workers_is_done_although_the_command_ends(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        touchpoints = clickstream()[:200]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [(one.key, one.value) for one in touchpoints])
            await progress.wait_through()
        who = touchpoints[0].key.decode()
        assert run_etapa(settings, "stage", who).returncode == 0
        worker.freeze()
        said = [
            await asyncio.to_thread(interrupted, settings, command, 8.0) for command in (("forget", who), ("rebuild", "--partition", "0"))
        ]
        assert "If the request is in the log already, the workers do it; otherwise nobody was forgotten." in said[0]
        assert "A partition whose rebuild has begun is rebuilt all the same." in said[1]
        worker.thaw()

        async def is_done() -> bool:
            with redis_server.client() as client:
                complete = client.hget(PartitionKeys(settings.redis_prefix, 0).mark, "complete")
            gone = await asyncio.to_thread(run_etapa, settings, "stage", who)
            return complete == b"1" and "no customer" in gone.stderr

        await until(is_done, "the customer's being forgotten, and the partition's being rebuilt")
        done = await asyncio.to_thread(run_etapa, settings, "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def interrupted(settings: Settings, command: tuple[str, ...], seconds: float) -> str:
    """What the command says when it is ended after so many seconds of waiting."""
    with started(*command, "--yes", env=environment_of(settings)) as process:
        time.sleep(seconds)
        assert process.poll() is None, command
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    return said.decode()


def test_the_first_command_on_new_brokers_waits_until_they_keep_groups(redis_server: RedisServer, tmp_path: Path) -> None:
    kafka = KafkaServer(tmp_path / "kafka")
    kafka.start()
    try:
        settings = asyncio.run(a_place(kafka, redis_server))
        done = run_etapa(settings, "rebuild", "--yes")
        assert (done.returncode, done.stderr) == (0, "partition 0: nothing was ever processed\npartition 1: nothing was ever processed\n")
    finally:
        kafka.stop()
