"""The topic `transfers` on a real Kafka: written within a place's transaction, read by the place that it is for."""

import asyncio
import time

import msgspec
import pytest
from aiokafka import TopicPartition

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.stable_end import STANDS_STILL
from etapa.stream.kafka.partition.transfers import KafkaTransfers
from etapa.stream.kafka.topics.growth import add_partitions, partitions_by_topic, provide_transfers
from etapa.stream.kafka.writing.producer import transactional_id
from etapa.stream.protocol.ports import LogError, Transaction, TransactionHangs
from etapa.stream.protocol.records import Outgoing
from tests.conformance.log_contract import transaction
from tests.integration.hanging import abort_hanging, leave_hanging
from tests.integration.places import delete_topic, new_place, opened_log, read_all
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def sending(through: int, *sent: tuple[int, bytes]) -> Transaction:
    return msgspec.structs.replace(transaction(through), transfers=[(place, Outgoing(None, value)) for place, value in sent])


async def read(transfers: KafkaTransfers, start: int, count: int) -> tuple[list[bytes | None], int]:
    """So many values from an offset on, and where to go on."""
    values: list[bytes | None] = []
    async with asyncio.timeout(30):
        while len(values) < count:
            records = await transfers.fetch(start, 2, 1.0)
            values += [record.value for record in records]
            start = records[-1].offset + 1 if records else start
    return values, start


def test_what_was_committed_for_a_place_is_read_there_in_order_and_again_from_the_mark_on(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        cluster = Cluster(settings)
        await provide_transfers(cluster, 3)
        await provide_transfers(cluster, 3)
        async with opened_log(settings) as log, opened_log(settings, 1) as other:
            await log.fence()
            await other.fence()
            assert (await log.topics()).transfers == 3
            assert list(await other.transfers.fetch(0, 10, 0.0)) == []
            await log.commit(sending(0, (1, b"a"), (2, b"for 2"), (1, b"b")))
            await other.commit(sending(0, (1, b"c")))
            values, after = await read(other.transfers, 0, 3)
            assert values == [b"a", b"b", b"c"]
            await log.commit(sending(1, (1, b"d")))
            assert (await read(other.transfers, after, 1))[0] == [b"d"]
            # A successor reads all that was there when it began, without waiting.
            assert [one.value for one in await other.transfers.fetch(0, 10, 0.0)] == [b"a", b"b", b"c", b"d"]
            assert [one.value for one in await other.transfers.fetch(after, 10, 0.0)] == [b"d"]

    asyncio.run(scenario())


def test_a_producer_that_knows_of_fewer_partitions_asks_again_before_it_sends_to_a_new_one(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await provide_transfers(Cluster(settings), 2)
        async with opened_log(settings) as log, opened_log(settings, 1) as other:
            await log.fence()
            await log.commit(sending(0, (1, b"a")))
            await provide_transfers(Cluster(settings), 4)
            await log.commit(sending(1, (1, b"b"), (3, b"c")))
            assert (await read(other.transfers, 0, 2))[0] == [b"a", b"b"]
        assert [one.value for one in await read_all(settings, settings.topic_transfers, 3)] == [b"c"]

    asyncio.run(scenario())


def test_news_from_another_place_end_the_wait_for_touchpoints(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await provide_transfers(Cluster(settings), 2)
        async with opened_log(settings) as log, opened_log(settings, 1) as other:
            await log.fence()
            await other.fence()
            other.seek(0)
            assert list(await other.transfers.fetch(0, 10, 0.0)) == []
            waiting = asyncio.ensure_future(other.fetch(10, 1_000_000, 60.0))
            await log.commit(sending(0, (1, b"a")))
            async with asyncio.timeout(30):
                assert list((await waiting).records) == []
                assert [one.value for one in await other.transfers.fetch(0, 10, 0.0)] == [b"a"]

    asyncio.run(scenario())


def test_a_fence_finds_what_its_predecessors_left_hanging_in_any_partition_of_transfers_and_passes_over_that_of_others(
    kafka_server: KafkaServer,
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await provide_transfers(Cluster(settings), 2)
        ours, place = transactional_id(settings, 0), TopicPartition(settings.topic_transfers, 1)
        await leave_hanging(settings, ours, [(place, b"", b"would be taken for the next")])
        async with opened_log(settings) as log, opened_log(settings, 1) as other:
            await other.fence()
            with pytest.raises(TransactionHangs) as found:
                await log.fence()
            assert f"{place.topic} (partition 1, from offset " in str(found.value)
            assert f"abort --topic {place.topic} --partition 1 --start-offset " in str(found.value)
            await abort_hanging(settings, ours, [place])
            await log.fence()
            await log.commit(sending(0, (1, b"a")))
            assert (await read(other.transfers, 0, 1))[0] == [b"a"]

    asyncio.run(scenario())


def test_an_open_transaction_of_another_worker_is_told_with_its_time_and_its_end_as_well(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await provide_transfers(Cluster(settings), 2)
        place, told = TopicPartition(settings.topic_transfers, 1), list[int | None]()
        transfers = KafkaTransfers(Cluster(settings), 1)
        transfers.on_withheld = told.append
        before = time.time_ns() // 1000
        async with opened_log(settings) as log:
            await log.fence()
            await log.commit(sending(0, (1, b"a")))
            await leave_hanging(settings, "another", [(place, b"", b"of one who was killed")])
            await log.commit(sending(1, (1, b"b")))
            assert (await read(transfers, 0, 1))[0] == [b"a"]
            async with asyncio.timeout(60):
                while not told:
                    assert list(await transfers.fetch(1, 10, 0.2)) == []
            [since] = told
            assert since is not None
            assert before < since <= time.time_ns() // 1000 - STANDS_STILL
            await abort_hanging(settings, "another", [place])
            assert (await read(transfers, 1, 1))[0] == [b"b"]
            async with asyncio.timeout(60):
                while told[-1] is not None:
                    await transfers.fetch(10, 10, 0.2)
        await transfers.close()
        assert told == [since, None]

    asyncio.run(scenario())


def test_partitions_are_added_everywhere_and_none_is_ever_removed(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        cluster = Cluster(settings)
        assert set((await partitions_by_topic(cluster)).values()) == {2}
        await provide_transfers(cluster, 4)
        await add_partitions(cluster, 4)
        await add_partitions(cluster, 3)
        found = await partitions_by_topic(cluster)
        assert set(found.values()) == {4}
        assert len(found) == 9

    asyncio.run(scenario())


def test_a_topic_that_disappears_is_an_error(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, session_timeout=6_000_000)
        await provide_transfers(Cluster(settings), 2)
        async with opened_log(settings) as log:
            await log.fence()
            before = await log.topics()
            log.seek(0)
            await delete_topic(settings, settings.topic_transfers)
            error = ""
            async with asyncio.timeout(30):
                while not error:
                    try:
                        await log.fetch(10, 1_000_000, 0.1)
                    except LogError as found:
                        error = str(found)
            assert "transfers had 2 partitions, and has 0 now" in error
            assert (before.transfers, (await log.topics()).transfers) == (2, 0)

    asyncio.run(scenario())
