import asyncio
import struct
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.util import calc_crc32c

from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.outcome import check, followed
from tests.integration.places import new_place, opened_log, read_all, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PLAIN = "trace"
ODD = b"tr\xffce"
_CRC_AT, _CRC_FROM = 17, 21

Given = tuple[bytes | None, bytes]


async def put_with_odd_header(producer: AIOKafkaProducer, settings: Settings, records: list[Given]) -> None:
    """Publish records in one batch, with a header whose name is not UTF-8: no Python client writes one, so the bytes are changed."""
    batch = producer.create_batch()
    for key, value in records:
        batch.append(timestamp=None, key=key, value=value, headers=[(PLAIN, b"1"), ("whole", b"2")])
    content = batch._build()
    content[:] = content.replace(PLAIN.encode(), ODD)
    struct.pack_into(">I", content, _CRC_AT, calc_crc32c(content[_CRC_FROM:]))
    await (await producer.send_batch(batch, settings.topic_touchpoints, partition=0))


def touchpoint(customer_id: str, number: int) -> Given:
    value = f'{{"id": "t-{number}", "customer_id": "{customer_id}", "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z"}}'
    return customer_id.encode(), value.encode()


def test_records_with_a_header_that_is_not_text_are_processed_like_all_others(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=3_000_000)
        customer = next(f"c-{number}" for number in range(99) if partition_of(f"c-{number}", 2) == 0)
        touchpoints = [touchpoint(customer, number) for number in range(9)]
        async with started_producer(settings) as producer:
            for key, value in touchpoints[:3]:
                await producer.send_and_wait(settings.topic_touchpoints, value, key, partition=0)
            await put_with_odd_header(producer, settings, [touchpoints[3], (touchpoints[0][0], b"{"), touchpoints[4]])
            await put_with_odd_header(producer, settings, touchpoints[5:6])
            for key, value in touchpoints[6:]:
                await producer.send_and_wait(settings.topic_touchpoints, value, key, partition=0)
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
        with redis_server.client() as client:
            await check(settings, client, [value for _, value in touchpoints], None)
        letters = [decode_dead_letter(one.key, one.value, one.headers) for one in await read_all(settings, settings.topic_dead_letters)]
        assert [(letter.reason, letter.value, letter.offset) for letter in letters] == [("not_json", b"{", 4)]
        # The unreadable part of the name is replaced; everything else is unchanged.
        assert letters[0].headers == (("tr\ufffdce", b"1"), ("whole", b"2"))
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())


def test_aborted_records_stay_unread_beside_a_header_that_is_not_text(kafka_server: KafkaServer) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers)
        async with started_producer(settings, transactional_id=f"{settings.group}-upstream") as upstream:
            await upstream.begin_transaction()
            await upstream.send_and_wait(settings.topic_touchpoints, b"aborted", partition=0)
            await upstream.abort_transaction()
            await upstream.begin_transaction()
            await upstream.send_and_wait(settings.topic_touchpoints, b"committed", partition=0)
            await upstream.commit_transaction()
        async with started_producer(settings) as producer:
            await put_with_odd_header(producer, settings, [(None, b"odd"), (None, b"odd too")])
            await producer.send_and_wait(settings.topic_touchpoints, b"last", partition=0)
        async with opened_log(settings) as log:
            log.seek(0)
            read: list[bytes | None] = []
            async with asyncio.timeout(30):
                while len(read) < 4:
                    read += [record.value for record in (await log.fetch(2, 1_000_000, 0.5)).records]
            assert read == [b"committed", b"odd", b"odd too", b"last"]
            assert await log._consumer.position(TopicPartition(settings.topic_touchpoints, 0)) == 7

    asyncio.run(scenario())
