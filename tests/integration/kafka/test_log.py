import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from etapa.stream.kafka.clients.consumer import compiled_parser_in_use
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.limits import MAX_BATCH_BYTES
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.topics.creation import create_topics
from etapa.stream.kafka.writing.producer import transactional_id
from etapa.stream.protocol.ports import Fenced, Fetched, LogError, Transaction
from etapa.stream.protocol.records import Outgoing, StateRecord
from tests.integration.places import (
    new_place,
    new_settings,
    opened_log,
    put,
    read_all,
    started_consumer,
    started_producer,
    wait_until_settled,
)
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka

MARK = b"\xffmark"


def transaction(states: Sequence[tuple[bytes, bytes | None]] = (), next_offset: int = 1, **others: Any) -> Transaction:
    lists: dict[str, Any] = {"stage_changes": (), "campaign_triggers": (), "dead_letters": (), **others}
    return Transaction(**lists, states=[Outgoing(*one) for one in states], mark_key=MARK, mark_value=b"{}", next_offset=next_offset)


async def all_states(log: KafkaLog) -> list[StateRecord]:
    # As in a takeover: a commit may be answered before it can be read, a fence may not.
    await log.fence()
    start, end = await log.state_range()
    chunks: AsyncIterator[Sequence[StateRecord]] = log.states(start, end)
    return [record async for chunk in chunks for record in chunk]


async def fetch_until_caught_up(log: KafkaLog) -> list[Fetched]:
    fetches: list[Fetched] = []
    async with asyncio.timeout(20):
        while not fetches or not fetches[-1].caught_up:
            fetches.append(await log.fetch(1000, 1 << 20, 0.5))
    return fetches


def test_records_are_parsed_by_compiled_code() -> None:
    assert compiled_parser_in_use()


def test_a_commit_gives_the_offset_of_its_mark_and_the_mark_is_the_last_record(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with opened_log(settings) as log:
            await log.fence()
            offsets = [await log.commit(transaction([(b"c-%d" % number, b"s")], number + 1)) for number in range(3)]
            states = await all_states(log)
            marks = [record.offset for record in states if record.key == MARK]
            assert offsets == marks
            assert [record.key for record in states] == [b"c-0", MARK, b"c-1", MARK, b"c-2", MARK]
            assert await log.group_offset() == 3

    asyncio.run(scenario())


def test_states_larger_than_one_batch_keep_their_order_with_the_mark_at_the_end(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with opened_log(settings) as log:
            await log.fence()
            wanted = [(b"c-%05d" % number, b"x" * 400) for number in range(10_000)]
            assert sum(len(value) for _, value in wanted) > 3 * MAX_BATCH_BYTES
            offset = await log.commit(transaction(wanted))
            states = await all_states(log)
            assert [(record.key, record.value) for record in states[:-1]] == wanted
            assert (states[-1].key, states[-1].offset) == (MARK, offset)

    asyncio.run(scenario())


def test_a_state_and_a_dead_letter_larger_than_a_batch_go_through(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with opened_log(settings) as log:
            await log.fence()
            value = bytes(range(256)) * 4200
            letter = Outgoing(None, value, (("trace", b"\x00\xff"), ("etapa.reason", b"too_large")))
            await log.commit(transaction([(b"small", b"s"), (b"large", b"y" * 1_000_000), (b"last", b"s")], dead_letters=[letter]))
            assert [len(record.value or b"") for record in await all_states(log)] == [1, 1_000_000, 1, 2]
            [found] = await read_all(settings, settings.topic_dead_letters)
            assert (found.key, found.value, found.headers) == (None, value, (("trace", b"\x00\xff"), ("etapa.reason", b"too_large")))

    asyncio.run(scenario())


def test_a_fetch_keeps_its_limit_on_bytes_however_well_records_were_compressed(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        value, limit = b"x" * 200_000, 1_000_000
        async with started_producer(settings, compression_type="gzip", linger_ms=20) as producer:
            # Small ones among them must not make it expect only small ones.
            values = [b"x" if number % 5 == 4 else value for number in range(100)]
            for answer in [await producer.send(settings.topic_touchpoints, one, b"k", partition=0) for one in values]:
                await answer
        async with opened_log(settings) as log:
            log.seek(0)
            fetches: list[Fetched] = []
            async with asyncio.timeout(20):
                while sum(len(fetched.records) for fetched in fetches) < 100:
                    fetches.append(await log.fetch(1_000, limit, 0.5))
            assert max(sum(len(one.value or b"") for one in fetched.records) for fetched in fetches) <= limit + 2 * len(value)

    asyncio.run(scenario())


def test_a_successor_fences_the_predecessor(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with opened_log(settings) as zombie, opened_log(settings) as successor:
            await zombie.fence()
            await zombie.commit(transaction([(b"a", b"1")]))
            await successor.fence()
            await successor.commit(transaction([(b"a", b"2")], 2))
            with pytest.raises(Fenced):
                await zombie.commit(transaction([(b"a", b"zombie")], 3))
            with pytest.raises(LogError, match="without a fence"):
                await zombie.commit(transaction([(b"a", b"zombie")], 3))
            assert [record.value for record in await all_states(successor) if record.key == b"a"] == [b"1", b"2"]
            assert await successor.group_offset() == 2

    asyncio.run(scenario())


def test_the_fence_settles_a_transaction_that_was_left_open(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with started_producer(settings, transactional_id=transactional_id(settings, 0)) as crashed:
            await crashed.begin_transaction()
            await crashed.send_and_wait(settings.topic_customer_state, b"never", b"a", partition=0)
            async with opened_log(settings) as log:
                assert (await log.state_range()) == (0, 0)
                await log.fence()
                # The record and the marker that aborts it: readable up to the end, with nothing in it.
                assert (await log.state_range()) == (0, 2)
                assert await all_states(log) == []
                await log.commit(transaction([(b"a", b"1")]))
                assert [record.offset for record in await all_states(log)] == [2, 3]

    asyncio.run(scenario())


def test_states_after_a_mark_are_read_from_just_there(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with opened_log(settings) as log:
            await log.fence()
            marks = [await log.commit(transaction([(b"c", b"%d" % number)], number + 1)) for number in range(4)]
            await log.fence()
            _, end = await log.state_range()
            later = [record async for chunk in log.states(marks[1] + 1, end) for record in chunk]
            assert [record.value for record in later] == [b"2", b"{}", b"3", b"{}"]
            up_to = [record async for chunk in log.states(0, marks[1]) for record in chunk]
            assert [record.value for record in up_to] == [b"0", b"{}", b"1"]

    asyncio.run(scenario())


def test_touchpoints_of_a_transactional_upstream_are_read_once_committed_and_its_markers_count_as_read(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        topic = settings.topic_touchpoints
        async with started_producer(settings, transactional_id=f"{settings.group}-upstream") as upstream, opened_log(settings) as log:
            for number in range(3):
                await upstream.begin_transaction()
                await upstream.send_and_wait(topic, b"%d" % number, b"k", partition=0)
                await (upstream.abort_transaction() if number == 1 else upstream.commit_transaction())
            await wait_until_settled(settings, topic)
            log.seek(0)
            fetches = await fetch_until_caught_up(log)
            records = [record for fetched in fetches for record in fetched.records]
            assert [(record.offset, record.value) for record in records] == [(0, b"0"), (4, b"2")]
            assert fetches[-1].end == 6
            assert await log.touchpoint_range() == (0, 6)

            await upstream.begin_transaction()
            await upstream.send_and_wait(topic, b"open", b"k", partition=0)
            assert list((await log.fetch(1000, 1 << 20, 0.3)).records) == []
            await upstream.commit_transaction()
            [record] = [record for fetched in await fetch_until_a_record(log) for record in fetched.records]
            assert (record.offset, record.value) == (6, b"open")

    asyncio.run(scenario())


async def fetch_until_a_record(log: KafkaLog) -> list[Fetched]:
    fetches: list[Fetched] = []
    async with asyncio.timeout(20):
        while not fetches or not fetches[-1].records:
            fetches.append(await log.fetch(1000, 1 << 20, 0.5))
    return fetches


def test_a_fetch_keeps_its_limits_and_the_next_goes_on_where_it_stopped(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await put(settings, settings.topic_touchpoints, [(b"k", b"%d" % number) for number in range(2500)])
        async with opened_log(settings) as log:
            log.seek(100)
            first = (await fetch_until_a_record(log))[-1]
            assert [record.offset for record in first.records] == list(range(100, 1100))
            assert not first.caught_up
            assert first.end == 2500
            few_bytes = await log.fetch(1000, 100, 0.5)
            assert few_bytes.records[0].offset == 1100
            assert len(few_bytes.records) < 1000
            rest = await fetch_until_caught_up(log)
            assert rest[-1].records[-1].offset == 2499
            log.seek(3)
            assert (await fetch_until_a_record(log))[-1].records[0].offset == 3

    asyncio.run(scenario())


def test_reading_what_retention_has_removed_is_an_error_and_not_a_jump(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        await put(settings, settings.topic_touchpoints, [(b"k", b"%d" % number) for number in range(20)])
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        await admin.delete_records({TopicPartition(settings.topic_touchpoints, 0): RecordsToDelete(before_offset=8)})
        await admin.close()
        async with opened_log(settings) as log:
            log.seek(5)
            with pytest.raises(LogError, match="OffsetOutOfRange"):
                await fetch_until_a_record(log)
            assert await log.touchpoint_range() == (8, 20)
            log.seek(8)
            assert (await fetch_until_a_record(log))[-1].records[0].offset == 8

    asyncio.run(scenario())


def test_a_log_whose_partition_was_revoked_or_moved_by_others_reads_nothing(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        place = TopicPartition(settings.topic_touchpoints, 0)
        await put(settings, settings.topic_touchpoints, [(b"k", b"%d" % number) for number in range(20)])
        async with started_consumer(settings) as consumer:
            log = KafkaLog(Cluster(settings), 0, consumer)
            log.seek(2)
            await fetch_until_a_record(log)
            consumer.seek(place, 5)
            with pytest.raises(LogError, match="at offset 5, not at 20"):
                await log.fetch(10, 1000, 0.1)
            log.seek(2)
            log.revoke()
            with pytest.raises(LogError, match="revoked"):
                await log.fetch(10, 1000, 0.1)

    asyncio.run(scenario())


def test_what_compaction_left_of_the_states_is_read_to_the_end(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = new_settings(kafka_server.bootstrap_servers, partitions=1)
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        # A new segment with nearly every commit; old records go as soon as the cleaner runs.
        eager = {"cleanup.policy": "compact", "segment.ms": "1", "min.cleanable.dirty.ratio": "0.0", "delete.retention.ms": "0"}
        await admin.create_topics([NewTopic(settings.topic_customer_state, 1, 1, topic_configs=eager)])
        await create_topics(Cluster(settings))
        async with opened_log(settings) as log:
            await log.fence()
            number = 0
            left: list[StateRecord] = []
            async with asyncio.timeout(60):
                while True:
                    states = [(b"c-%d" % (number % 7), b"%d" % number), (b"gone", None if number % 2 else b"here")]
                    await log.commit(transaction(states, number + 1))
                    number += 1
                    if number % 20 == 0:
                        left = await all_states(log)
                        if number > 60 and left[0].offset > 0 and len(left) < number:
                            break
            latest = {record.key: record.value for record in left}
            assert {key: value for key, value in latest.items() if key.startswith(b"c-")} == {
                b"c-%d" % (last % 7): b"%d" % last for last in range(number - 7, number)
            }
            assert latest[b"gone"] is None
            start, end = await log.state_range()
            # From every offset, even from those that no longer hold a record, reading ends at the end.
            for offset in range(start, end, max(1, (end - start) // 20)):
                tail = [record async for chunk in log.states(offset, end) for record in chunk]
                assert tail[-1].key == MARK
        await admin.close()

    asyncio.run(scenario())


def test_the_partition_count_is_as_of_now(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=3)
        async with opened_log(settings) as log:
            assert (await log.topics()).partitions == 3

    asyncio.run(scenario())
