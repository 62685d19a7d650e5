"""Another number of partitions while touchpoints arrive and workers are killed: every customer's changes are those of `etapa simulate`."""

import asyncio
import json
from pathlib import Path
from random import Random

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.command_line import run_etapa
from tests.integration.outcome import closing, expected_changes, journey_of, published_changes, put_touchpoints, until
from tests.integration.places import new_place, read_all, started_producer
from tests.integration.repartitioning import has_begun, in_order, repartition
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CUSTOMERS = 300
LONG_AGO = 1_704_067_200 * SECOND
"""So that the last touchpoints, which have all timers fire, are not in the future."""
TYPES = ("home", "product_view", "search", "add_to_cart", "purchase", "newsletter_signup")


class Shoppers:
    """A producer that sends to the partitions of a layout, without pause."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, layout: int) -> None:
        self.layout = layout
        self.values: list[bytes] = []
        self._settings = settings
        self._producer = producer
        self._random = Random(19)
        self._at = LONG_AGO

    async def shop(self) -> None:
        """Until cancelled, some hundred touchpoints a second."""
        while True:
            await self.send(20)
            await asyncio.sleep(0.05)

    async def send(self, count: int) -> None:
        answers = []
        for _ in range(count):
            self._at += 1000
            who = f"shopper-{self._random.randrange(CUSTOMERS)}"
            fields = {
                "id": f"t{len(self.values)}",
                "customer_id": who,
                "type": self._random.choice(TYPES),
                "occurred_at": format_time(self._at),
            }
            value = msgspec.json.encode(fields)
            self.values.append(value)
            place = partition_of(who, self.layout)
            answers.append(await self._producer.send(self._settings.topic_touchpoints, value, who.encode(), partition=place))
        for answer in answers:
            await answer

    @property
    def now(self) -> int:
        """The time of the last touchpoint, in microseconds since 1970."""
        return self._at


async def refusal(settings: Settings, to: int) -> str:
    """What the command says when it does nothing."""
    done = await asyncio.to_thread(run_etapa, settings, "repartition", "--to", str(to))
    assert done.returncode == 1
    return done.stderr


def test_partitions_are_added_and_left_again_under_load_and_every_change_is_that_of_simulate(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            session_timeout=3_000_000,
            quiet_after=DAY,
            forget_key=Secret("a long random text"),
        )
        workers = [StartedWorker(settings, tmp_path), StartedWorker(settings, tmp_path)]
        grown = msgspec.structs.replace(settings, partitions=3)
        async with started_producer(settings, metadata_max_age_ms=500) as producer:
            shoppers = Shoppers(settings, producer, 2)
            shopping = asyncio.create_task(shoppers.shop())
            try:
                await asyncio.to_thread(workers[0].wait_ready)
                assert "over 2 partitions already" in await refusal(settings, 2)
                for to, rate in ((3, "100"), (2, "10")):
                    moving = asyncio.create_task(repartition(settings, "--to", str(to), "--rate", rate))
                    await until(lambda to=to: has_begun(grown, to), f"customers' moving to {to} partitions")  # type: ignore[misc]
                    workers.pop(0).kill()
                    workers.append(StartedWorker(settings, tmp_path))
                    if to == 2:
                        assert (await repartition(settings, "--stop"))["stopped"]
                        assert "still moving from 3 to 2 partitions" in await refusal(settings, 5)
                        assert not moving.done()
                        await repartition(settings, "--to", "2", "--rate", "100")
                    told = await moving
                    assert (told["partitions"], told["finished"]) == (to, True)
                    shopping.cancel()
                    await asyncio.wait({shopping})
                    await wait_at_rest(grown)
                    # With two partitions again the producers still use all three that the topic has.
                    shoppers.layout = 3
                    shopping = asyncio.create_task(shoppers.shop())
                await shoppers.send(500)
            finally:
                shopping.cancel()
                await asyncio.wait({shopping})
        await wait_at_rest(grown)
        until_time = shoppers.now + 200 * DAY
        last = closing(settings, until_time + journey_of(settings).grace)
        await put_touchpoints(settings, last)
        await wait_at_rest(grown)
        expected = expected_changes(settings, [*shoppers.values, *(value for _, value in last)], until_time)
        published = {customer: in_order(changes) for customer, changes in (await published_changes(grown)).items()}
        assert published == expected
        assert len(expected) > 200
        assert await read_all(grown, settings.topic_dead_letters) == []
        await asyncio.to_thread(forget_somebody_who_moved, grown, tmp_path)
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]
        assert "no worker is in group" in await refusal(settings, 3)
        assert (await repartition(settings, "--status"))["finished"]

    asyncio.run(scenario())


def forget_somebody_who_moved(settings: Settings, folder: Path) -> None:
    """Who was moved there and back is exported from all partitions, forgotten, and certified, `transfers` included."""
    who = next(name for name in map("shopper-{}".format, range(CUSTOMERS)) if partition_of(name, 3) == 2)
    home = partition_of(who, 2)
    done = run_etapa(settings, "export", who)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["state"]["partition"], document["forwarded_from"]) == (home, [2])
    assert {one["partition"] for one in document["touchpoints"]} == {home, 2}
    moves = [one["partition"] for one in document["transfers"] if one["content"]["sent"]["type"] == "state"]
    assert moves == sorted([home, 2])

    path = folder / "certificate.json"
    done = run_etapa(settings, "forget", who, "--yes", "--certificate", str(path))
    assert done.returncode == 0, done.stderr
    certificate = json.loads(path.read_bytes())
    assert who not in path.read_text("utf-8")
    assert certificate["request"]["partition"] == home
    certified = {(one["topic"], one["partition"]): one for one in certificate["remaining"]}
    for topic in (settings.topic_touchpoints, settings.topic_customer_state, settings.topic_stage_changes, settings.topic_transfers):
        assert (topic, home) in certified
        assert (topic, 2) in certified
    assert certified[settings.topic_transfers, home]["removed_by"] == "retention"
    assert all(one["gone_by"] is not None for one in certificate["remaining"])
    done = run_etapa(settings, "export", who)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["state"], document["forwarded_from"]) == (None, [])
    assert run_etapa(settings, "stage", who).returncode == 1
    done = run_etapa(settings, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
