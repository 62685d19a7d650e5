import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etapa.journey.units import DAY
from etapa.settings import SHIPPED_JOURNEY, Settings
from tests.integration.campaigns_told import check_campaigns
from tests.integration.outcome import check, end_of, followed, put_touchpoints, records_of
from tests.integration.places import new_place, read_all
from tests.integration.reported import check_report
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def a_place(kafka: KafkaServer, redis: RedisServer, **others: Any) -> Settings:
    """Small batches, so that there are many moments to die in; a short session, so that a dead worker is soon replaced.

    Nothing follows the wall clock: only touchpoints advance time.
    """
    return await new_place(
        kafka.bootstrap_servers, redis.url, partitions=4, batch_records=150, session_timeout=3_000_000, quiet_after=DAY, **others
    )


def with_campaigns(path: Path) -> Path:
    """The shipped journey, of whose campaigns the shoppers of the clickstream get something, half of them as holdout group."""
    text = SHIPPED_JOURNEY.read_text("utf-8")
    text, found = re.subn(r"(?m)^consent: .*$", "consent: {trait: lifecycle, in: [new, returning, loyal]}", text)
    assert found == 1
    text, found = re.subn(r"holdout: [12]0%", "holdout: 50%", text)
    assert found == 3
    path.write_text(text, "utf-8")
    return path


def test_a_clickstream_is_classified_exactly_once_though_workers_are_killed_and_redis_is_flushed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server, journey=str(with_campaigns(tmp_path / "journey.yaml")))
        stream = clickstream()
        until, last = end_of(settings, stream)
        fifth = len(stream) // 5
        parts = [records_of(stream[start : start + fifth]) for start in range(0, len(stream), fifth)]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            fed = 0
            for number, part in enumerate(parts):
                await put_touchpoints(settings, part)
                await progress.wait_processed(fed + len(part) // 3)
                if number == 2:
                    redis_server.flush()
                    await progress.wait_processed(fed + len(part) // 2)
                if number < 4:
                    worker.kill()
                    assert not await progress.is_through(), "it died too late to leave anything undone"
                    worker = StartedWorker(settings, tmp_path)
                if number == 3:
                    # In the middle of a takeover, or just before or after it.
                    worker.wait_ready()
                    redis_server.flush()
                    worker.kill()
                    worker = StartedWorker(settings, tmp_path)
                fed += len(part)
            # Repeats of what was processed long ago change nothing: at least the last ones are remembered.
            await put_touchpoints(settings, parts[-1][-3:])
            await put_touchpoints(settings, last)
            await progress.wait_through()
            values = [value for part in parts for _, value in part] + [value for _, value in parts[-1][-3:]] + [value for _, value in last]
            worker.wait_ready(settings.partitions)
            with redis_server.client() as client:
                changes = await check(settings, client, values, until)
                report = await check_report(settings, client, worker, values, until, changes)
            goals = await check_campaigns(settings, values, until, tmp_path)
            assert min(goals[held_out, met] for held_out in (False, True) for met in (False, True)) > 3, goals
            assert len(changes) > 600
            assert sum(row["count"] for row in report["touchpoints"]) == len(stream) + len(last)
            causes = Counter(msgspec.json.decode(value)["cause"] for messages in changes.values() for _, value, _ in messages if value)
            assert causes["touchpoint"] > 1000
            assert causes["timer"] > 100
            assert await read_all(settings, settings.topic_dead_letters) == []
            worker.ask_to_stop()
            assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_partitions_move_between_workers_that_come_and_go_and_nothing_is_lost_or_repeated(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        stream = clickstream()[:9000]
        until, last = end_of(settings, stream)
        parts = [records_of(stream[start : start + 3000]) for start in range(0, 9000, 3000)]
        first = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, parts[0])
            await progress.wait_processed(1000)
            second = StartedWorker(settings, tmp_path)
            second.wait_ready(2)
            first.wait_ready(2)
            assert first.partitions() | second.partitions() == {0, 1, 2, 3}
            await put_touchpoints(settings, parts[1])
            await progress.wait_processed(4000)
            first.ask_to_stop()
            assert first.exit_code() == 0
            second.wait_ready(4)
            await put_touchpoints(settings, parts[2])
            await put_touchpoints(settings, last)
            await progress.wait_through()
            with redis_server.client() as client:
                await check(settings, client, [value for part in (*parts, last) for _, value in part], until)
        second.ask_to_stop()
        assert second.exit_code() == 0

    asyncio.run(scenario())


def test_a_worker_that_froze_and_wakes_up_after_it_was_replaced_does_no_harm(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        stream = clickstream()[:6000]
        until, last = end_of(settings, stream)
        records = records_of(stream)
        zombie = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[:3000])
            await progress.wait_processed(700)
            zombie.freeze()
            successor = StartedWorker(settings, tmp_path)
            successor.wait_ready(4)
            await progress.wait_processed(2000)
            zombie.thaw()
            await put_touchpoints(settings, records[3000:])
            await put_touchpoints(settings, last)
            await progress.wait_through()
            with redis_server.client() as client:
                await check(settings, client, [value for _, value in (*records, *last)], until)
            # It is back in the group as an ordinary member.
            zombie.wait_ready(2)
        for worker in (zombie, successor):
            worker.ask_to_stop()
        assert [zombie.exit_code(), successor.exit_code()] == [0, 0]

    asyncio.run(scenario())
