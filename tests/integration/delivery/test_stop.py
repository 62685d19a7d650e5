"""Delivery is told to stop while a real Kafka is away: it still ends soon, and says what that means."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.integration.delivery_scene import a_place, delivery_file, publish, seen, started_delivery, trigger, until_kept
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("away", [KafkaServer.kill_node, KafkaServer.freeze_node])
def test_it_ends_without_kafka_and_what_was_not_kept_comes_again(tmp_path: Path, away: Callable[[KafkaServer, int], None]) -> None:
    released = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if int(request.key[2:].partition("/")[0]) >= 10:
            await released.wait()
        return "good"

    async def scenario(kafka: KafkaServer) -> None:
        settings = await a_place(kafka, session_timeout=4_000_000)
        async with Receiver(behave) as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}", timeout: 5m}}]\ndefault: t\n')
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, [trigger(number, "a") for number in range(10)])
            await until_kept(settings, file, lambda kept: kept.offset >= 10)
            await publish(settings, [trigger(number, "a") for number in range(10, 13)], tag="-later")
            await seen(lambda: sum(receiver.under_way.values()) == 3, "three requests under way")
            away(kafka, 1)
            worker.ask_to_stop()
            released.set()
            assert await asyncio.to_thread(worker.exit_code) == 1
            assert len(receiver.answered) == 13, "a request that was under way was cut off"
            assert "Error: delivery ended, but Kafka did not store its progress" in worker.said().splitlines()[-1]
            assert "will be delivered again" in worker.said().splitlines()[-1]
            kafka.kill_node(1)
            kafka.start()
            worker = started_delivery(settings, tmp_path, file)
            again = {f"c-{number}/1/a" for number in range(10, 13)}
            await seen(lambda: {key for key, count in receiver.answered.items() if count > 1} == again, "what was not kept")
            worker.kill()

    with_kafka(tmp_path, scenario)


def test_it_ends_when_kafka_has_been_away_for_a_while_and_nothing_is_left_to_keep(tmp_path: Path) -> None:
    async def scenario(kafka: KafkaServer) -> None:
        settings = await a_place(kafka, session_timeout=2_000_000)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset == 0)
            kafka.kill_node(1)
            await seen(lambda: not worker.ask("readyz")["ready"], "its not being ready")
            worker.ask_to_stop()
            assert await asyncio.to_thread(worker.exit_code) == 0

    with_kafka(tmp_path, scenario)


def with_kafka(tmp_path: Path, scenario: Callable[[KafkaServer], Awaitable[None]]) -> None:
    """A Kafka for this test alone, which may be stopped."""

    async def run() -> None:
        await scenario(kafka)

    kafka = KafkaServer(tmp_path / "kafka")
    with contextlib.ExitStack() as holding:
        holding.callback(kafka.stop)
        kafka.start()
        asyncio.run(run())
