"""Both transaction protocols on real brokers: which one is used, what goes over the wire, and what each end of a transaction does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import is_fenced
from etapa.stream.kafka.transactions.handlers import EndAndGoOn
from etapa.stream.kafka.transactions.sender import speak_transactions
from tests.integration.kafka.test_late_requests import transaction
from tests.integration.places import new_place, opened_log, read_all
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka

GROUP = "group-of-the-protocols"
CONCURRENT_TRANSACTIONS, PRODUCER_FENCED = 51, 90


@pytest.fixture(scope="module", params=[0, 2], ids=["old", "new"])
def brokers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaServer, bool]]:
    """A broker whose cluster has agreed on one of the protocols, and whether it is the new one."""
    server = KafkaServer(tmp_path_factory.mktemp("protocol"), features={"transaction.version": request.param}, heap="384m")
    try:
        server.start()
        yield server, request.param == 2
    finally:
        server.stop()


class Spoken:
    """The requests that a producer sends."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.requests: Counter[str] = Counter()
        self.sent: list[tuple[int, Any]] = []
        send = producer.client.send

        async def watched(node: int, request: Any, **more: Any) -> Any:
            self.requests[type(request).__name__.removesuffix("Request")] += 1
            self.sent.append((node, request))
            return await send(node, request, **more)

        producer.client.send = watched


@asynccontextmanager
async def started(settings: Settings, name: str = "protocols") -> AsyncIterator[tuple[AIOKafkaProducer, Spoken]]:
    producer = Cluster(settings).producer("protocols", transactional_id=f"{settings.group}.{name}", transaction_timeout_ms=10_000)
    speak_transactions(producer)
    spoken = Spoken(producer)
    await producer.start()
    try:
        yield producer, spoken
    finally:
        await producer.stop()


async def write(producer: AIOKafkaProducer, settings: Settings, number: int, offset: int | None = None) -> None:
    """Write something to both partitions of a topic, and an offset of the group."""
    for partition in (0, 1):
        batch = BatchBuilder(1_000, 0, is_transactional=True)
        batch.append(key=b"ada", value=b"%d" % number, timestamp=None)
        await (await producer.send_batch(batch, settings.topic_stage_changes, partition=partition))
    if offset is not None:
        await producer.send_offsets_to_transaction({TopicPartition(settings.topic_touchpoints, 0): offset}, GROUP)


async def values(settings: Settings, partition: int) -> list[bytes | None]:
    return [one.value for one in await read_all(settings, settings.topic_stage_changes, partition)]


async def committed(settings: Settings) -> int:
    async with Cluster(settings).admin() as admin:
        offsets = await admin.list_consumer_group_offsets(GROUP)
    return int(offsets[TopicPartition(settings.topic_touchpoints, 0)].offset)


def test_the_protocol_that_the_cluster_has_agreed_on_is_spoken(brokers: tuple[KafkaServer, bool]) -> None:
    server, new = brokers

    async def scenario() -> None:
        settings = await new_place(server.bootstrap_servers)
        async with started(settings) as (producer, spoken):
            await producer.begin_transaction()
            await write(producer, settings, 1, offset=7)
            await producer.commit_transaction()
        assert {kind: spoken.requests[kind] == 0 for kind in ("AddPartitionsToTxn", "AddOffsetsToTxn")} == {
            "AddPartitionsToTxn": new,
            "AddOffsetsToTxn": new,
        }
        assert spoken.requests["ApiVersions"] >= 1

    asyncio.run(scenario())


def test_what_is_committed_is_read_and_what_is_aborted_is_not(brokers: tuple[KafkaServer, bool]) -> None:
    server, new = brokers

    async def scenario() -> None:
        settings = await new_place(server.bootstrap_servers)
        async with started(settings) as (producer, _):
            epochs = []
            for number in range(1, 7):
                epochs.append(producer._txn_manager.producer_epoch)
                await producer.begin_transaction()
                await write(producer, settings, number, offset=number)
                # More than one batch for a partition, with consecutive numbers within the transaction.
                await write(producer, settings, number * 10)
                await (producer.abort_transaction() if number % 3 == 0 else producer.commit_transaction())
            await producer.begin_transaction()
            await producer.commit_transaction()
        assert epochs == ([0, 1, 2, 3, 4, 5] if new else [0] * 6)
        for partition in (0, 1):
            assert await values(settings, partition) == [b"1", b"10", b"2", b"20", b"4", b"40", b"5", b"50"]
        assert await committed(settings) == 5

    asyncio.run(scenario())


def test_a_successor_shuts_its_predecessor_out(brokers: tuple[KafkaServer, bool]) -> None:
    server, _ = brokers

    async def scenario() -> None:
        settings = await new_place(server.bootstrap_servers)
        async with started(settings) as (before, _):
            await before.begin_transaction()
            await write(before, settings, 1)
            async with started(settings) as (producer, _):
                await producer.begin_transaction()
                await write(producer, settings, 2)
                await producer.commit_transaction()
            with pytest.raises(Exception) as refused:  # noqa: PT011  # which of aiokafka's it is hangs on the protocol
                await before.commit_transaction()
            assert is_fenced(refused.value)
        assert await values(settings, 0) == [b"2"]

    asyncio.run(scenario())


@pytest.mark.parametrize("brokers", [2], ids=["new"], indirect=True)
def test_an_end_of_the_new_protocol_that_comes_again_in_the_next_transaction_is_refused(brokers: tuple[KafkaServer, bool]) -> None:
    server, _ = brokers

    async def scenario() -> None:
        settings = await new_place(server.bootstrap_servers)
        async with started(settings) as (producer, spoken):
            await producer.begin_transaction()
            await write(producer, settings, 1)
            await producer.commit_transaction()
            node, end = spoken.sent[-1]

            async def again() -> Any:
                while True:
                    answer = await producer.client.send(node, end, group=EndAndGoOn.group)
                    # Markers, or the next transaction's added partition, are just being written.
                    if answer.error_code != CONCURRENT_TRANSACTIONS:
                        return answer

            # Nothing has begun yet: it learns what has happened to it.
            told = await again()
            assert (told.error_code, told.producer_epoch) == (0, producer._txn_manager.producer_epoch)
            await producer.begin_transaction()
            await write(producer, settings, 2)
            assert (await again()).error_code == PRODUCER_FENCED
            await write(producer, settings, 3)
            await producer.commit_transaction()
        assert await values(settings, 0) == [b"1", b"2", b"3"]

    asyncio.run(scenario())


def test_a_partition_of_ours_writes_one_transaction_after_the_other(brokers: tuple[KafkaServer, bool]) -> None:
    server, _ = brokers

    async def scenario() -> None:
        settings = await new_place(server.bootstrap_servers)
        async with opened_log(settings, 0) as log:
            await log.fence()
            for number in range(1, 31):
                await log.commit(transaction(number))
        changes = [one.value for one in await read_all(settings, settings.topic_stage_changes, 0)]
        assert changes == [b"change-%d" % number for number in range(1, 31)]

    asyncio.run(scenario())
