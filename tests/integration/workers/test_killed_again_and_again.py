"""`etapa run --workers 2` with sessions of five minutes: what a killed worker had goes on at once, the others never stop, and nothing is left behind."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import msgspec
import pytest

from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.command_line import run_etapa
from tests.integration.outcome import followed, until
from tests.integration.places import new_place, put
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PARTITIONS, MORE = 4, 6
FIVE_MINUTES = 300_000_000
"""Longer than anything here waits: what goes on at all did not wait for the end of a session."""


async def everything_is_owned(supervisor: StartedWorker, partitions: int) -> bool:
    told = await asyncio.to_thread(supervisor.ask, "readyz")
    owned = [name for name in told["checked"] if re.fullmatch(r"worker [12]: partition \d", name)]
    return bool(told["ready"]) and len(owned) == partitions and len({name[:8] for name in owned}) == 2


async def visit(settings: Settings, first: int) -> None:
    """A touchpoint of each of forty customers, in the partitions that there were at the beginning."""
    for number in range(first, first + 40):
        one = {"id": f"t-{number}", "customer_id": f"c-{number}", "type": "home", "occurred_at": "2025-03-01T10:00:00Z"}
        record = (one["customer_id"].encode(), json.dumps(one).encode())
        await put(settings, settings.topic_touchpoints, [record], partition_of(one["customer_id"], PARTITIONS))


def test_a_killed_worker_gets_its_partitions_back_and_the_others_go_on(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, partitions=PARTITIONS, session_timeout=FIVE_MINUTES, workers=2
        )
        supervisor = StartedWorker(settings, tmp_path)
        try:
            await until(lambda: everything_is_owned(supervisor, PARTITIONS), "two workers that own all partitions between them")
            async with followed(settings) as progress:
                await visit(settings, 0)
                await progress.wait_through()
                takeovers = await asyncio.to_thread(supervisor.total, "etapa_takeovers_total")
                # One of them is the group's leader, before and after.
                for number in (1, 2):
                    os.kill(supervisor.supervised()[number], signal.SIGKILL)
                    await visit(settings, 40 * number)
                    await progress.wait_through()
                    await until(lambda: everything_is_owned(supervisor, PARTITIONS), "two workers again")
            # Only what the killed ones had was taken over: there was no rebalance.
            assert await asyncio.to_thread(supervisor.total, "etapa_takeovers_total") == takeovers + PARTITIONS

            done = await asyncio.to_thread(run_etapa, settings, "repartition", "--to", str(MORE), "--json")
            assert done.returncode == 0, done.stderr
            await until(lambda: everything_is_owned(supervisor, MORE), "the owners of the new partitions")

            supervisor.ask_to_stop()
            assert await asyncio.to_thread(supervisor.exit_code) == 0
            # Nobody waits for those who have left.
            another = StartedWorker(msgspec.structs.replace(settings, workers=1), tmp_path)
            await asyncio.to_thread(another.wait_ready, MORE)
            another.ask_to_stop()
            assert await asyncio.to_thread(another.exit_code) == 0
        finally:
            supervisor.kill()

    asyncio.run(scenario())


def test_two_processes_under_one_name_are_told_so(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=6_000_000, group_instance="twin")
        first = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(first.wait_ready, 2)
        second = StartedWorker(settings, tmp_path)
        await asyncio.to_thread(
            first.wait_for_words, "the group does not know this process as twin any more: another one runs under that name"
        )
        for worker in (first, second):
            worker.ask_to_stop()
        assert [await asyncio.to_thread(worker.exit_code) for worker in (first, second)] == [0, 0]

    asyncio.run(scenario())
