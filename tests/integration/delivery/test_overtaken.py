"""The log does not hold what delivery wants to read next, on a real Kafka: retention was faster, or it is a different log."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from etapa.settings import Settings
from tests.integration.delivery_scene import (
    a_place,
    delete_before,
    delivery_file,
    publish,
    seen,
    started_delivery,
    stopped,
    trigger,
    until_kept,
)
from tests.integration.outcome import until_not_ready_for
from tests.integration.places import delete_topic, recreate
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.unit.cli.process import etapa

pytestmark = pytest.mark.kafka


def keys(*numbers: int) -> set[str]:
    return {f"c-{number}/1/a" for number in numbers}


@contextlib.asynccontextmanager
async def ten_delivered(kafka: KafkaServer, folder: Path, **others: Any) -> AsyncIterator[tuple[Settings, Receiver, Path, StartedWorker]]:
    """A place with a receiver, its delivery file, and a running delivery that has recorded ten delivered triggers."""
    settings = await a_place(kafka, **others)
    async with Receiver() as receiver:
        file = delivery_file(folder, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
        await publish(settings, [trigger(number, "a") for number in range(10)])
        worker = started_delivery(settings, folder, file)
        await until_kept(settings, file, lambda kept: kept.offset >= 10)
        yield settings, receiver, file, worker


async def refused(worker: StartedWorker, settings: Settings) -> None:
    assert await asyncio.to_thread(worker.exit_code) == 1
    last = worker.said().strip().splitlines()[-1]
    topic = settings.topic_campaign_triggers
    found = rf"^Error: delivery ended: {topic} 0: the topic was deleted and recreated, or is another one \(its id was \S+ and is \S+\)"
    assert re.search(found, last), last
    assert f"`etapa topics accept {topic}` has it delivered from its beginning" in last


def accept(settings: Settings) -> subprocess.CompletedProcess[bytes]:
    return etapa("topics", "accept", settings.topic_campaign_triggers, "--yes", env=environment_of(settings))


def test_retention_took_triggers_while_delivery_was_away(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ten_delivered(kafka_server, tmp_path) as (settings, receiver, file, first):
            await stopped(first)
            # Offset 10 is the end of the transaction.
            await publish(settings, [trigger(number, "a") for number in range(11, 41)], tag="-later")
            await delete_before(settings, 31)
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: receiver.answered.keys() == keys(*range(10), *range(31, 41)), "what retention left")
            gone = 31 - 10
            assert f"up to {gone} triggers are lost, and delivery goes on with the rest" in worker.said()
            assert worker.metric("etapa_delivery_triggers_gone_total") == gone
            await stopped(worker)
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            assert worker.metric("etapa_delivery_triggers_gone_total") == 0, "counted twice"
            await stopped(worker)

    asyncio.run(scenario())


def test_retention_overtakes_a_delivery_that_runs(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ten_delivered(kafka_server, tmp_path, session_timeout=30_000_000) as (settings, receiver, _file, worker):
            worker.freeze()
            await publish(settings, [trigger(number, "a") for number in range(11, 41)], tag="-later")
            await delete_before(settings, 31)
            worker.thaw()
            await publish(settings, [trigger(number, "a") for number in range(42, 52)], tag="-last")
            await seen(lambda: receiver.answered.keys() >= keys(*range(10), *range(42, 52)), "what came after, by the same process")
            # A fetch in flight may have brought some before they were removed.
            if len(receiver.answered) < 50:
                assert "triggers are lost, and delivery goes on with the rest" in worker.said()
                assert worker.metric("etapa_delivery_triggers_gone_total") > 0
            assert set(receiver.answered.values()) == {1}
            await stopped(worker)

    asyncio.run(scenario())


def test_retention_overtakes_a_target_that_lags(kafka_server: KafkaServer, tmp_path: Path) -> None:
    released = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.path == "slow":
            await released.wait()
        return "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server, delivery_window=10)
        async with Receiver(behave) as receiver:
            file = delivery_file(
                tmp_path,
                f'targets: [{{id: slow, url: "{receiver.url("slow")}", timeout: 5m}}, {{id: well, url: "{receiver.url("well")}"}}]\n'
                "campaigns: [{id: a, target: slow}, {id: b, target: well}]\n",
            )
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, [trigger(number, "b" if number % 2 else "a") for number in range(200)])
            await seen(lambda: len(receiver.answered) == 100, "everything for the target that is well")
            await delete_before(settings, 150)
            released.set()
            left = keys(*range(150, 200, 2))
            await seen(lambda: receiver.keys("slow") >= left, "what retention left of the other's")
            assert "before it was delivered to slow: up to" in worker.said()
            assert worker.metric("etapa_delivery_triggers_gone_total") > 0
            # In memory were ten, the first even numbers.
            await seen(lambda: receiver.keys("slow") == left | keys(*range(0, 20, 2)), "what was in memory")
            await stopped(worker)

    asyncio.run(scenario())


@pytest.mark.parametrize("count", [3, 30])
def test_a_topic_that_was_recreated_while_nobody_delivered_is_refused_until_it_is_accepted(
    kafka_server: KafkaServer, tmp_path: Path, count: int
) -> None:
    """Also if it is filled past the place where delivery was, where offsets alone show nothing."""

    async def scenario() -> None:
        async with ten_delivered(kafka_server, tmp_path) as (settings, receiver, file, first):
            await stopped(first)
            await recreate(settings, settings.topic_campaign_triggers)
            await publish(settings, [trigger(number, "a") for number in range(50, 50 + count)], tag="-new")
            worker = started_delivery(settings, tmp_path, file)
            await refused(worker, settings)
            assert len(receiver.answered) == 10
            worker = started_delivery(settings, tmp_path, file, ETAPA_DELIVERY_GROUP=f"{settings.group}-other")
            await seen(lambda: receiver.answered.keys() == keys(*range(10), *range(50, 50 + count)), "the triggers of the new topic")
            await stopped(worker)
            done = await asyncio.to_thread(accept, settings)
            assert (done.returncode, done.stdout) == (0, b""), done.stderr
            assert done.stderr.decode() == f"partition 0: delivery as {settings.delivery_group} begins at offset 0\n"
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: all(receiver.answered[key] == 2 for key in keys(*range(50, 50 + count))), "the same, by the first group")
            await until_kept(settings, file, lambda kept: kept.offset >= count)
            await stopped(worker)
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            await stopped(worker)
            assert sum(receiver.answered.values()) == 10 + 2 * count, "delivered again after a restart"
            done = await asyncio.to_thread(accept, settings)
            assert b"is known already; nothing was changed" in done.stderr

    asyncio.run(scenario())


@pytest.mark.parametrize("count", [0, 30])
def test_a_topic_that_is_recreated_under_a_delivery_that_runs_is_refused(kafka_server: KafkaServer, tmp_path: Path, count: int) -> None:
    async def scenario() -> None:
        async with ten_delivered(kafka_server, tmp_path) as (settings, _receiver, file, first):
            await recreate(settings, settings.topic_campaign_triggers)
            if count:
                await publish(settings, [trigger(number, "a") for number in range(50, 50 + count)], tag="-new")
            assert await asyncio.to_thread(first.exit_code) == 1
            # Whichever was noticed first. The next look finds the id.
            last = first.said().strip().splitlines()[-1]
            assert "the topic was deleted and recreated" in last or "So the topic was recreated" in last
            worker = started_delivery(settings, tmp_path, file)
            await refused(worker, settings)

    asyncio.run(scenario())


@pytest.mark.parametrize("role", ["campaign_triggers", "delivery_progress"])
def test_a_topic_that_is_deleted_under_a_delivery_is_named_and_it_is_not_ready(
    kafka_server: KafkaServer, tmp_path: Path, role: str
) -> None:
    async def scenario() -> None:
        async with ten_delivered(kafka_server, tmp_path) as (settings, _receiver, _file, worker):
            topic = getattr(settings, f"topic_{role}")
            await delete_topic(settings, topic)
            words = f"Kafka has no topic {topic} any more, or access control hides it from Etapa"
            await asyncio.to_thread(worker.wait_for_words, words)
            await until_not_ready_for(worker, words)
            worker.ask_to_stop()
            await asyncio.to_thread(worker.exit_code)
            assert "Traceback" not in worker.said()

    asyncio.run(scenario())
