"""Brokers that come back at other addresses, while the address in the settings stays the same: everything that runs finds them again."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from etapa.contracts.outgoing.campaign_trigger import trigger_id
from etapa.journey.units import DAY
from tests.faults.installation.network import Network
from tests.integration.delivery_scene import delivery_file, publish, started_delivery, trigger
from tests.integration.outcome import check, end_of, followed, put_touchpoints, records_of, until
from tests.integration.places import new_place, wait_until_settled
from tests.integration.receiver import Receiver
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def asyncly(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return condition()

    return asked


def test_worker_and_delivery_find_brokers_that_moved(redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await new_place(
            f"127.0.0.1:{bootstrap.port}", redis_server.url, partitions=2, session_timeout=4_000_000, quiet_after=DAY, batch_records=150
        )
        stream = clickstream()[:2000]
        until_time, last = end_of(settings, stream)
        records = [*records_of(stream), *last]
        before, after = ([trigger(number, "hello") for number in numbers] for numbers in (range(40), range(40, 80)))
        async with Receiver() as receiver:
            targets = f'targets: [{{id: hook, url: "{receiver.url("hook")}"}}]\ncampaigns: [{{id: hello, target: hook}}]\n'
            worker = StartedWorker(settings, tmp_path)
            delivery = started_delivery(settings, tmp_path, delivery_file(tmp_path, targets))

            def delivered(due: set[str]) -> bool:
                return receiver.answered.keys() >= due

            async with followed(settings) as progress:
                await put_touchpoints(settings, records[:1000])
                await progress.wait_through()
            await publish(settings, before)
            await until(asyncly(lambda: delivered({trigger_id(one) for one in before})), "delivery before the move")
            for topic in (settings.topic_customer_state, settings.topic_stage_changes, settings.topic_campaign_triggers):
                await wait_until_settled(settings, topic)
            kafka.move_node(1)
            bootstrap.lead_to(kafka.ports[0])
            await publish(settings, after, tag="-after")
            async with followed(settings) as progress:
                await put_touchpoints(settings, records[1000:])
                await progress.wait_through()
            await until(asyncly(lambda: delivered({trigger_id(one) for one in after})), "delivery after the move")
            worker.wait_ready(2)
            delivery.wait_ready(2)
            with redis_server.client() as client:
                await check(settings, client, [value for _, value in records], until_time)
            for process in (worker, delivery):
                process.ask_to_stop()
                assert process.exit_code() == 0

    kafka, network = KafkaServer(tmp_path / "kafka"), Network()
    with contextlib.ExitStack() as holding:
        holding.callback(network.close)
        holding.callback(kafka.stop)
        bootstrap = network.link("bootstrap")
        kafka.start()
        bootstrap.lead_to(kafka.ports[0])
        asyncio.run(scenario())
