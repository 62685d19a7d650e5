"""`etapa run --workers 2`: two workers on one port, also after the death of one, and of the supervisor."""

import asyncio
import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from etapa.contracts.partitioner import partition_of
from etapa.settings.values import Secret
from tests.integration.outcome import followed, until
from tests.integration.places import new_place, put
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
TOKEN = "a-token-for-everybody-in-here"
PARTITIONS = 4


def touchpoints(first: int) -> dict[int, list[tuple[bytes, bytes]]]:
    """Touchpoints of two hundred customers, by partition."""
    found: dict[int, list[tuple[bytes, bytes]]] = {partition: [] for partition in range(PARTITIONS)}
    for number in range(first, first + 200):
        one = {"id": f"t-{number}", "customer_id": f"c-{number}", "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}
        found[partition_of(one["customer_id"], PARTITIONS)].append((one["customer_id"].encode(), json.dumps(one).encode()))
    return found


def processes_of(supervisor: StartedWorker) -> list[psutil.Process]:
    return psutil.Process(supervisor.pid).children()


def test_two_workers_are_as_one_through_the_death_of_one_and_end_with_their_supervisor(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=PARTITIONS, session_timeout=6_000_000)
        worker = StartedWorker(replace(settings, workers=2, api_token=Secret(TOKEN)), tmp_path)

        async def everything_is_owned() -> bool:
            told = await asyncio.to_thread(worker.ask, "readyz")
            owned = [name for name in told["checked"] if re.fullmatch(r"worker [12]: partition \d", name)]
            return bool(told["ready"]) and len(owned) == PARTITIONS and len({name[:8] for name in owned}) == 2

        async def all_are_told_as_owned() -> bool:
            return await asyncio.to_thread(worker.metric, "etapa_partitions_owned") == PARTITIONS

        async def counted(number: int) -> bool:
            return await asyncio.to_thread(worker.total, "etapa_touchpoints_total") == number

        async def put_everywhere(first: int) -> None:
            for partition, records in touchpoints(first).items():
                await put(settings, settings.topic_touchpoints, records, partition)

        try:
            await until(everything_is_owned, "two workers that own all partitions between them")
            async with followed(settings) as progress:
                await put_everywhere(0)
                await progress.wait_through()
                await until(lambda: counted(200), "200 touchpoints in the metrics")
                assert worker.metric("etapa_customers") == 200
                # Updated every few seconds.
                await until(all_are_told_as_owned, "a metric that adds up")
                assert worker.metric("etapa_supervised_workers_up") == 2
                assert (await asyncio.to_thread(worker.ask, "v1/stages"))["customers"] == 200
                why = urllib.request.Request(
                    f"http://127.0.0.1:{worker.port}/v1/customers/c-7/why", headers={"Authorization": f"Bearer {TOKEN}"}
                )
                with await asyncio.to_thread(urllib.request.urlopen, why) as answer:
                    assert json.load(answer)["stage"] == "purchase"

                before = worker.supervised()
                os.kill(before[1], signal.SIGKILL)
                await until(everything_is_owned, "another process in place of the one that was killed")
                assert {number for number, pid in worker.supervised().items() if pid != before[number]} == {1}
                await put_everywhere(200)
                await progress.wait_through()
            # The killed worker's counts are not lost, and nothing counts twice. A worker counts a moment after the commit.
            await until(lambda: counted(400), "400 touchpoints in the metrics")
            assert worker.metric("etapa_customers") == 400
            assert worker.total("etapa_supervised_restarts_total") == 1

            alone = processes_of(worker)
            worker.kill()
            psutil.wait_procs(alone, timeout=30)
            assert [process for process in alone if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
        finally:
            worker.kill()

    asyncio.run(scenario())


def test_they_stop_together_when_told(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2)
        worker = StartedWorker(replace(settings, workers=2), tmp_path)
        await asyncio.to_thread(worker.wait_for_words, "worker 2, ")
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
