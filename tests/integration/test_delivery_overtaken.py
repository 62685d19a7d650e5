"""When the log does not hold what delivery wants to read next, on a real Kafka: retention was quicker, or it is another log."""

import asyncio
import re
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
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
from tests.integration.outcome import until
from tests.integration.receiver import Behaviour, Receiver, Request
from tests.integration.worker import Worker
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def keys(*numbers: int) -> set[str]:
    return {f"c-{number}/1/a" for number in numbers}


async def made_anew(settings: Settings) -> None:
    """The topic of triggers is deleted, and there is another one of its name that holds nothing."""
    topic = settings.topic_campaign_triggers
    async with Cluster(settings).admin() as admin:
        await admin.delete_topics([topic])

        async def made() -> bool:
            answer = await admin.create_topics([NewTopic(topic, settings.partitions, 1)])
            return [code for _, code, *_ in answer.topic_errors] == [0]

        await until(made, "another topic of the same name")


async def refused(worker: Worker, end: int) -> None:
    """Of ten triggers and the end of their transaction."""
    assert await asyncio.to_thread(worker.exit_code) == 1
    last = worker.said().strip().splitlines()[-1]
    found = rf"^Error: delivery ended: \S+ 0: it is (delivered|read) up to offset 1[01], but ends at {end}\. So the topic was made anew"
    assert re.search(found, last)
    assert "with another ETAPA_DELIVERY_GROUP" in last


def test_retention_took_triggers_while_delivery_was_away(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(number, "a") for number in range(10)])
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset >= 10)
            await stopped(worker)
            # Offset 10 is the end of the transaction.
            await publish(settings, [trigger(number, "a") for number in range(11, 41)], tag="-later")
            await delete_before(settings, 31)
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: receiver.answered.keys() == keys(*range(10), *range(31, 41)), "what retention left")
            gone = 31 - 10
            assert f"up to {gone} triggers are gone, and delivery goes on with the rest" in worker.said()
            assert worker.metric("etapa_delivery_triggers_gone_total") == gone
            await stopped(worker)
            worker = started_delivery(settings, tmp_path, file)
            await asyncio.to_thread(worker.wait_ready)
            assert worker.metric("etapa_delivery_triggers_gone_total") == 0, "counted twice"
            await stopped(worker)

    asyncio.run(scenario())


def test_retention_overtakes_a_delivery_that_runs(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, session_timeout=30_000_000)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(number, "a") for number in range(10)])
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset >= 10)
            worker.freeze()
            await publish(settings, [trigger(number, "a") for number in range(11, 41)], tag="-later")
            await delete_before(settings, 31)
            worker.thaw()
            await publish(settings, [trigger(number, "a") for number in range(42, 52)], tag="-last")
            await seen(lambda: receiver.answered.keys() >= keys(*range(10), *range(42, 52)), "what came after, by the same process")
            # A fetch that was under way may have brought some before they were removed.
            if len(receiver.answered) < 50:
                assert "triggers are gone, and delivery goes on with the rest" in worker.said()
                assert worker.metric("etapa_delivery_triggers_gone_total") > 0
            assert set(receiver.answered.values()) == {1}
            await stopped(worker)

    asyncio.run(scenario())


def test_retention_overtakes_a_target_that_lags(kafka_server: KafkaServer, tmp_path: Path) -> None:
    released = asyncio.Event()

    async def behave(request: Request) -> Behaviour:
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
            assert "was not delivered to slow: up to" in worker.said()
            assert worker.metric("etapa_delivery_triggers_gone_total") > 0
            # In memory were ten, the first even numbers.
            await seen(lambda: receiver.keys("slow") == left | keys(*range(0, 20, 2)), "what was in memory")
            await stopped(worker)

    asyncio.run(scenario())


def test_a_topic_that_was_made_anew_while_nobody_delivered_is_refused_and_another_group_delivers_it(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(number, "a") for number in range(10)])
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset >= 10)
            await stopped(worker)
            await made_anew(settings)
            await publish(settings, [trigger(number, "a") for number in range(50, 53)], tag="-anew")
            worker = started_delivery(settings, tmp_path, file)
            await refused(worker, end=4)
            assert len(receiver.answered) == 10
            worker = started_delivery(settings, tmp_path, file, ETAPA_DELIVERY_GROUP=f"{settings.group}-other")
            await seen(lambda: receiver.answered.keys() == keys(*range(10), 50, 51, 52), "the triggers of the new topic")
            await stopped(worker)

    asyncio.run(scenario())


def test_a_topic_that_is_made_anew_under_a_delivery_that_runs_is_refused(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(number, "a") for number in range(10)])
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset >= 10)
            await made_anew(settings)
            await refused(worker, end=0)

    asyncio.run(scenario())
