"""Workers whose wall clock is wrong, on a real Kafka whose clock is right."""

import asyncio
import itertools
import json
import time
from pathlib import Path

import pytest

from etapa.contracts.rfc3339 import format_time
from tests.integration.outcome import followed, put_touchpoints, until
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker
from tests.integration.workers.test_group import not_ready
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def live_touchpoints(first: int) -> list[tuple[bytes, bytes]]:
    """Touchpoints of forty customers, occurring now."""
    now = format_time(time.time_ns() // 1000)
    touchpoints = [
        {"id": f"t-{number}", "customer_id": f"c-{number}", "type": "purchase", "occurred_at": now} for number in range(first, first + 40)
    ]
    return [(one["customer_id"].encode(), json.dumps(one).encode()) for one in touchpoints]


@pytest.mark.parametrize(("skew", "words"), [(-600, "behind that of broker 1"), (600, "ahead of that of broker 1")])
def test_a_worker_whose_clock_is_wrong_is_not_ready_says_so_and_makes_no_dead_letters(
    skew: int, words: str, kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2, session_timeout=6_000_000)
        worker = StartedWorker(settings, tmp_path, others={"SKEW_SECONDS": str(skew)}, module="tests.integration.skewed_worker")
        said = ""
        numbers = itertools.count(step=40)

        async def says_so() -> bool:
            nonlocal said
            # Sooner or later something has been committed since its last look.
            await put_touchpoints(settings, live_touchpoints(next(numbers)))
            await progress.wait_through()
            said = await asyncio.to_thread(not_ready, worker, "clock")
            return words in said

        async with followed(settings) as progress:
            await until(says_so, f"the worker's saying {words!r} of its clock")
        assert " at 127.0.0.1:" in said
        assert 540 <= abs(worker.metric("etapa_clock_ahead_seconds")) <= 600
        assert said in worker.said()
        assert worker.total("etapa_dead_letters_total") == 0
        assert await read_all(settings, settings.topic_dead_letters) == []
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
