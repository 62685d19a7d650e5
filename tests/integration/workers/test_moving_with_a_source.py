"""Another number of partitions while a source makes touchpoints of another system's records: they are forwarded as they were made."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.transfer import TouchpointForwarded, decode_transfer
from etapa.journey.units import DAY, SECOND
from etapa.settings import Settings
from etapa.sources.record_outcome import Mapped
from tests.integration.command_line import run_etapa
from tests.integration.outcome import closing, expected_changes, journey_of, published_changes, put_touchpoints, until
from tests.integration.places import new_place, read_all, started_producer
from tests.integration.repartitioning import has_begun, in_order, repartition
from tests.integration.resting import wait_at_rest
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.simulation.worlds.sourced import TEXT, source_decoder

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

CUSTOMERS = 150
LONG_AGO = 1_704_067_200 * SECOND
"""So that the last touchpoints, which have all timers fire, are not in the future."""
TYPES = ("home", "product_view", "search", "add_to_cart", "purchase", "newsletter_signup")
BROKEN = 0.02
"""The part of the records with something in them that is no touchpoint: its good ones count, and it has one dead letter."""


class BatchedRecords:
    """Sends records, each with several touchpoints of one customer and one that the source skips, to the partitions of a layout."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, layout: int) -> None:
        self.layout = layout
        self.values: list[bytes] = []
        self.broken: list[tuple[bytes, bytes]] = []
        self._topic = settings.topic_touchpoints
        self._producer = producer
        self._random = Random(7)
        self._touchpoints = 0

    @property
    def now(self) -> int:
        """The time of the last touchpoint, in microseconds since 1970."""
        return LONG_AGO + self._touchpoints * 1000

    async def send_on(self) -> None:
        """Until cancelled, some hundred touchpoints a second."""
        while True:
            await self.send(8)
            await asyncio.sleep(0.05)

    async def send(self, count: int) -> None:
        answers = []
        for _ in range(count):
            customer = f"shopper-{self._random.randrange(CUSTOMERS)}"
            batch = [{"type": "ping"}, *(self._touchpoint(customer) for _ in range(self._random.randrange(1, 6)))]
            if self._random.random() < BROKEN:
                batch.insert(self._random.randrange(len(batch)), {})
                self.broken.append((customer.encode(), json.dumps({"batch": batch}).encode()))
            key, value = customer.encode(), json.dumps({"batch": batch}).encode()
            self.values.append(value)
            answers.append(await self._producer.send(self._topic, value, key, partition=partition_of(customer, self.layout)))
        for answer in answers:
            await answer

    def _touchpoint(self, customer: str) -> dict[str, str]:
        self._touchpoints += 1
        return {
            "id": f"t{self._touchpoints}",
            "customer_id": customer,
            "type": self._random.choice(TYPES),
            "occurred_at": format_time(self.now),
        }


def touchpoints_in(values: list[bytes]) -> list[bytes]:
    """What the source makes of the records, in order."""
    mapper = source_decoder(TEXT).mapper
    outcomes = [one for value in values for one in mapper.outcomes(json.loads(value), TouchpointLimits())]
    return [one.json for one in outcomes if isinstance(one, Mapped)]


async def forwarded(settings: Settings) -> Counter[int]:
    """How many touchpoints were forwarded to each partition."""
    found: Counter[int] = Counter()
    for partition in range(settings.partitions):
        for record in await read_all(settings, settings.topic_transfers, partition):
            found[partition] += isinstance(decode_transfer(record.value).sent, TouchpointForwarded)
    return found


def test_touchpoints_that_a_source_made_follow_their_customers_to_another_partition_whatever_is_killed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    source = tmp_path / "batches.yaml"
    source.write_text(TEXT)

    async def scenario() -> None:
        # BatchedRecords of seven touchpoints nearly always end in the middle of a record.
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            batch_records=7,
            session_timeout=3_000_000,
            quiet_after=DAY,
            source=(str(source),),
        )
        grown = msgspec.structs.replace(settings, partitions=3)
        workers = [StartedWorker(settings, tmp_path), StartedWorker(settings, tmp_path)]
        async with started_producer(settings, metadata_max_age_ms=500) as producer:
            batches = BatchedRecords(settings, producer, 2)
            sending = asyncio.create_task(batches.send_on())
            try:
                await asyncio.to_thread(workers[0].wait_ready)
                moving = asyncio.create_task(repartition(settings, "--to", "3", "--rate", "30"))
                await until(lambda: has_begun(grown, 3), "customers' moving to 3 partitions")
                workers.pop(0).kill()
                workers.append(StartedWorker(settings, tmp_path))
                told = await moving
                assert (told["partitions"], told["finished"]) == (3, True)
                # The producer has not noticed the new partition until now, so much is forwarded.
                await batches.send(100)
            finally:
                sending.cancel()
                await asyncio.wait({sending})
            await wait_at_rest(grown)
            batches.layout = 3
            await batches.send(100)
        await wait_at_rest(grown)
        until_time = batches.now + 200 * DAY
        last = [
            (key, json.dumps({"batch": [json.loads(value)]}).encode())
            for key, value in closing(grown, until_time + journey_of(settings).grace)
        ]
        await put_touchpoints(grown, last)
        await wait_at_rest(grown)
        made = touchpoints_in([*batches.values, *(value for _, value in last)])
        expected = expected_changes(settings, made, until_time)
        published = {customer: in_order(changes) for customer, changes in (await published_changes(grown)).items()}
        assert published == expected
        assert len(expected) > CUSTOMERS * 0.9
        assert (await forwarded(grown))[2] > 50
        letters = [
            decode_dead_letter(one.key, one.value, one.headers)
            for partition in range(3)
            for one in await read_all(grown, grown.topic_dead_letters, partition)
        ]
        assert sorted((letter.key, letter.value) for letter in letters) == sorted(batches.broken)
        done = await asyncio.to_thread(run_etapa, grown, "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        for worker in workers:
            worker.ask_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]

    asyncio.run(scenario())
