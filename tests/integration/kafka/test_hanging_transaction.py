import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.mark import MARK_KEY
from etapa.journey.units import DAY
from etapa.stream.kafka.writing.producer import transactional_id
from tests.integration.hanging import abort_hanging, leave_hanging
from tests.integration.outcome import check, end_of, followed, put_touchpoints, records_of
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_a_partition_is_refused_while_a_transaction_hangs_in_it_and_everything_is_published_once_after_it_was_aborted(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers, redis_server.url, partitions=2, session_timeout=3_000_000, quiet_after=DAY
        )
        stream = clickstream()[:1000]
        until_time, last = end_of(settings, stream)
        records = [*records_of(stream), *last]
        await put_touchpoints(settings, records[:400])
        first = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await progress.wait_through()
            first.ask_to_stop()
            assert first.exit_code() == 0
        published = await read_all(settings, settings.topic_stage_changes)
        places = [TopicPartition(topic, 1) for topic in (settings.topic_customer_state, settings.topic_stage_changes)]
        ours = transactional_id(settings, 1)
        await leave_hanging(settings, ours, [(places[0], MARK_KEY, b"{}"), (places[1], b"c", b"would come twice")])
        await put_touchpoints(settings, records[400:])

        worker = StartedWorker(settings, tmp_path)
        worker.wait_for_words("refusing to process")
        [unready] = worker.ask("readyz")["not_ready"]
        assert unready["name"] == "partition 1"
        for place in places:
            assert f"abort --topic {place.topic} --partition 1 --start-offset" in unready["detail"]
        # The other partition goes on.
        zeroth = sum(partition_of(key.decode(), 2) == 0 for key, _ in records)
        async with followed(settings) as progress:
            await progress.wait_processed(zeroth)

            await abort_hanging(settings, ours, places)
            seen = [one.value for one in published if one.partition == 1]
            assert [one.value for one in await read_all(settings, settings.topic_stage_changes, 1)][: len(seen)] == seen
            await progress.wait_through()
        with redis_server.client() as client:
            await check(settings, client, [value for _, value in records], until_time)
        worker.ask_to_stop()
        assert worker.exit_code() == 0

    asyncio.run(scenario())
