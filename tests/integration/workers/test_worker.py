import asyncio
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import client_options
from tests.integration.outcome import check, end_of, followed, put_touchpoints, records_of, until, view_from_the_log, view_in_redis
from tests.integration.places import grow, new_place, new_settings, read_all, started_producer, wait_until_settled
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


async def a_place(kafka: KafkaServer, redis: RedisServer, **others: Any) -> Settings:
    options = {"partitions": 4, "batch_records": 150, "session_timeout": 3_000_000, "quiet_after": DAY, **others}
    return await new_place(kafka.bootstrap_servers, redis.url, **options)


def touchpoint(customer_id: str, number: int, **others: Any) -> bytes:
    fields = {"id": f"t-{number}", "customer_id": customer_id, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z", **others}
    return msgspec.json.encode(fields)


def test_a_worker_that_is_asked_to_stop_finishes_shows_what_it_did_and_leaves_the_group(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server)
        records = records_of(clickstream())
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records)
            await progress.wait_processed(2000)
            worker.ask_to_stop()
            assert worker.exit_code() == 0
            processed = await progress.processed()
            assert processed < len(records), "it was through before it was asked"
        # Without a successor that could finish anything: nothing is left open, and Redis shows everything.
        with redis_server.client() as client:
            assert view_in_redis(settings, client) == await view_from_the_log(settings)
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        [described] = await admin.describe_consumer_groups([settings.group])
        await admin.close()
        assert described.groups[0][2] == "Empty"

    asyncio.run(scenario())


def test_what_cannot_be_used_becomes_a_dead_letter_with_its_original_bytes_and_holds_nobody_up(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server, partitions=2)
        customer = next(f"c-{number}" for number in range(99) if partition_of(f"c-{number}", 2) == 0)
        key = customer.encode()
        bad: list[tuple[str, bytes | None, bytes | None]] = [
            ("not_json", key, b"{"),
            ("not_json", key, b"\xff\xfe"),
            ("invalid", key, b"[]"),
            ("invalid", key, touchpoint(customer, 1, type=5)),
            ("invalid", key, b'{"id": "x"}'),
            ("invalid", key, touchpoint(customer, 2, occurred_at="2025-03-01T10:00:00")),
            ("invalid", key, touchpoint(customer, 3, properties={"amount": 1}).replace(b"1}", b"NaN}")),
            ("key_mismatch", b"somebody-else", touchpoint(customer, 4)),
            ("key_mismatch", None, touchpoint(customer, 5)),
            ("from_the_future", key, touchpoint(customer, 6, occurred_at="2999-01-01T00:00:00Z")),
            ("too_large", key, touchpoint(customer, 7, properties={"text": "x" * 1_048_576})),
            ("invalid", key, None),
        ]
        good = [(key, touchpoint(customer, 100 + number)) for number in range(3)]
        records = [good[0], *((bad_key, value) for _, bad_key, value in bad[:6]), good[1], *((k, v) for _, k, v in bad[6:]), good[2]]
        headers = [("trace", b"\x00\xff"), ("trace", b"2")]
        async with started_producer(settings, max_request_size=4_000_000, max_batch_size=2_000_000) as producer:
            for record_key, value in records:
                await producer.send_and_wait(settings.topic_touchpoints, value, record_key, partition=0, headers=headers)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
        letters = [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters, 0)]
        assert [letter.reason for letter in letters] == [reason for reason, _, _ in bad]
        assert [(letter.key, letter.value) for letter in letters] == [(bad_key, value) for _, bad_key, value in bad]
        assert [list(letter.headers) for letter in letters] == [headers] * len(bad)
        assert [letter.offset for letter in letters] == [*range(1, 7), *range(8, 14)]
        with redis_server.client() as client:
            await check(settings, client, [value for _, value in good], None)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_touchpoints_from_transactions_count_when_they_are_committed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server, partitions=2)
        stream = clickstream()[:2000]
        worker = StartedWorker(settings, tmp_path)
        kept: list[bytes] = []
        async with started_producer(settings, transactional_id=f"{settings.group}-upstream", linger_ms=2) as upstream:
            for start in range(0, len(stream), 100):
                await upstream.begin_transaction()
                for one in stream[start : start + 100]:
                    partition = partition_of(one.customer_id, 2)
                    await upstream.send(settings.topic_touchpoints, one.value, one.key, partition=partition)
                if start % 300 == 200:
                    await upstream.abort_transaction()
                else:
                    await upstream.commit_transaction()
                    kept += [one.value for one in stream[start : start + 100]]
        # The last ones come without a transaction, so that each partition ends with a record whose processing is visible.
        until_time, last = end_of(settings, stream)
        await put_touchpoints(settings, last)
        async with followed(settings) as progress:
            await progress.wait_through()
        with redis_server.client() as client:
            await check(settings, client, [*kept, *(value for _, value in last)], until_time)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_a_worker_lives_through_kafka_and_redis_being_away(tmp_path: Path) -> None:
    async def scenario(kafka: KafkaServer, redis: RedisServer) -> None:
        settings = await a_place(kafka, redis, redis_timeout=1_000_000)
        stream = clickstream()[:4000]
        until_time, last = end_of(settings, stream)
        records = [*records_of(stream), *last]
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[:1000])
            await progress.wait_processed(300)
            redis.freeze()
            await until(is_not_ready(worker), "the worker's saying that Redis does not answer")
            redis.thaw()
            await put_touchpoints(settings, records[1000:2000])
            await progress.wait_processed(1300)
            redis.kill()
            redis.start()
            await put_touchpoints(settings, records[2000:3000])
            await progress.wait_through()
        # A single broker that dies while it ends a transaction can lose the end; another test covers that.
        for topic in (settings.topic_customer_state, settings.topic_stage_changes):
            await wait_until_settled(settings, topic)
        kafka.kill_node(1)
        await until(is_not_ready(worker), "the worker's saying that Kafka does not answer")
        kafka.start()
        async with followed(settings) as progress:
            await put_touchpoints(settings, records[3000:])
            await progress.wait_through()
            worker.wait_ready(4)
            with redis.client() as client:
                await check(settings, client, [value for _, value in records], until_time)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    def is_not_ready(worker: StartedWorker) -> Any:
        async def asked() -> bool:
            return not (await asyncio.to_thread(worker.ask, "readyz"))["ready"]

        return asked

    kafka, redis = KafkaServer(tmp_path / "kafka"), RedisServer(tmp_path / "redis")
    try:
        kafka.start()
        redis.start()
        asyncio.run(scenario(kafka, redis))
    finally:
        redis.stop()
        kafka.stop()


def test_a_worker_without_topics_ends_and_says_what_makes_them(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    worker = StartedWorker(new_settings(kafka_server.bootstrap_servers, redis_server.url), tmp_path)
    assert worker.exit_code() == 1
    assert "etapa topics create" in worker.said().splitlines()[-1]


def test_a_worker_processes_nothing_and_says_why_when_the_number_of_partitions_has_changed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, redis_server, partitions=2)
        worker = StartedWorker(settings, tmp_path)
        await put_touchpoints(settings, [(b"c-1", touchpoint("c-1", 1)), (b"c-2", touchpoint("c-2", 2))])
        async with followed(settings) as progress:
            await progress.wait_through()
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        topics = (
            settings.topic_touchpoints,
            settings.topic_stage_changes,
            settings.topic_campaign_triggers,
            settings.topic_campaign_outcomes,
        )
        for topic in (*topics, settings.topic_dead_letters, settings.topic_customer_state):
            await grow(settings, topic, 3)
        refuses(settings)
        # Without Redis each partition has to find out by itself, and a new one cannot.
        with redis_server.client() as client:
            client.flushall()
        refuses(settings)

    def refuses(settings: Settings) -> None:
        again = StartedWorker(settings, tmp_path)
        again.wait_for_words("refusing to process any partition")
        [told] = again.ask("readyz")["not_ready"]
        assert "when there were 2 partitions, now" in told["detail"]
        assert again.total("etapa_partitions_refused") >= 1
        assert "Traceback" not in again.said()
        again.ask_to_stop()
        assert again.exit_code() == 0

    asyncio.run(scenario())


def test_ctrl_c_ends_a_worker_that_still_waits_for_its_servers(tmp_path: Path) -> None:
    worker = StartedWorker(new_settings("127.0.0.1:1"), tmp_path)
    worker.wait_for_words("no work without Kafka")
    worker.signal(signal.SIGINT)
    assert worker.exit_code() == 0
