"""Progress of delivery, on a real Kafka: it does not expire, and differs from never having delivered."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from etapa.contracts.outgoing.campaign_trigger import trigger_id
from etapa.contracts.stored.delivery_progress import DeliveryProgress, encode_delivery_progress, progress_key
from etapa.deliver.offsets.progress import Kept, Through, furthest, memo_of
from etapa.deliver.offsets.progress_log import ProgressLog
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from tests.integration.delivery_scene import (
    a_place,
    committed,
    delivery_file,
    forget_group,
    plan_in,
    publish,
    seen,
    started_delivery,
    stopped,
    trigger,
    until_kept,
)
from tests.integration.outcome import until
from tests.integration.places import started_producer
from tests.integration.receiver import Behaviour, ReceivedRequest, Receiver
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def test_what_is_through_does_not_come_again_when_the_offsets_of_the_group_have_expired(kafka_server: KafkaServer, tmp_path: Path) -> None:
    released = asyncio.Event()

    async def behave(request: ReceivedRequest) -> Behaviour:
        if request.key == "c-6/1/a":
            await released.wait()
        return "good"

    async def scenario() -> None:
        settings = await a_place(kafka_server, partitions=2, session_timeout=6_000_000)
        async with Receiver(behave) as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}", timeout: 5m}}]\ndefault: t\n')
            triggers = [trigger(number, "a") for number in range(60)]
            worker = started_delivery(settings, tmp_path, file)
            await publish(settings, triggers)
            await seen(lambda: len(receiver.answered) == 59, "all but one")
            await until_kept(settings, file, lambda kept: kept.through is not None and kept.through.upto >= 30)
            for _ in range(2):
                worker.kill()
                await forget_group(settings)
                asked = len(receiver.requests)
                worker = started_delivery(settings, tmp_path, file)
                await seen(lambda asked=asked: len(receiver.requests) > asked, "the one that is not through")
                assert {request.key for request in receiver.requests[asked:]} == {"c-6/1/a"}, "delivered again although it was kept"
            released.set()
            await seen(lambda: receiver.answered.keys() == {trigger_id(one) for one in triggers}, "every trigger")
            await stopped(worker)
            assert set(receiver.answered.values()) == {1}
            points = await committed(settings, file)
            assert len(points) == 2, "the group's offsets, which tools show the lag by, are there again"
            await forget_group(settings)
            later = [trigger(number, "a") for number in range(60, 70)]
            await publish(settings, later, tag="-later")
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: len(receiver.answered) == 70, "what came meanwhile")
            await stopped(worker)
            assert set(receiver.answered.values()) == {1}

    asyncio.run(scenario())


def test_offsets_of_a_group_that_kept_no_progress_in_the_topic_are_taken_over(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """As when the topic of progress was lost."""

    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(number, "a") for number in range(20)])
            cluster = Cluster(settings)
            before = cluster.group_consumer(settings.delivery_group)
            before.subscribe([settings.topic_campaign_triggers])
            await before.start()
            try:

                async def assigned() -> bool:
                    return bool(before.assignment())

                await until(assigned, "its partition")
                # Done are those before 5, and before 15 all but 7.
                memo = memo_of(Kept(5, Through(15, frozenset({7}), {})), plan_in(file).routing)
                await before.commit({TopicPartition(settings.topic_campaign_triggers, 0): OffsetAndMetadata(5, memo)})
            finally:
                await stop_consumer(before)
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: len(receiver.answered) == 6, "what was not through")
            await until_kept(settings, file, lambda kept: kept.offset >= 20)
            await stopped(worker)
            assert receiver.answered.keys() == {f"c-{number}/1/a" for number in (7, 15, 16, 17, 18, 19)}

    asyncio.run(scenario())


def test_a_late_record_of_a_process_that_was_the_owner_takes_nothing_back(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        topic, group = settings.topic_delivery_progress, settings.delivery_group
        before, owner = (ProgressLog(Cluster(settings), "routing") for _ in range(2))
        try:
            await before.keep({0: Kept(5, Through(9, frozenset({5})))})
            assert await owner.read([0]) == {0: [Kept(5, Through(9, frozenset({5})))]}
            await owner.keep({0: Kept(9, Through(9))})
            assert await owner.read([0]) == {0: [Kept(9, Through(9))]}, "the record of the one before was not removed"
            await before.keep({0: Kept(5, Through(9, frozenset({5})))})
            async with started_producer(settings) as producer:
                said = DeliveryProgress(partition=0, offset=40, routing="routing", upto=40)
                await producer.send_and_wait(topic, encode_delivery_progress(said), progress_key(group + "x", "p"), partition=0)
                await producer.send_and_wait(topic, b"whatever", b"a stranger's", partition=0)
            assert furthest((await owner.read([0]))[0]) == Kept(9, Through(9))
            other_routes = ProgressLog(Cluster(settings), "other routes")
            assert furthest((await other_routes.read([0]))[0]) == Kept(9), "what lanes did with other routes"
        finally:
            await before.stop()
            await owner.stop()

    asyncio.run(scenario())


def test_where_delivery_is_to_begin_at_the_end_nothing_is_lost_that_comes_while_it_is_away(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server, start="latest")
        async with Receiver() as receiver:
            file = delivery_file(tmp_path, f'targets: [{{id: t, url: "{receiver.url("x")}"}}]\ndefault: t\n')
            await publish(settings, [trigger(1, "a")])
            worker = started_delivery(settings, tmp_path, file)
            await until_kept(settings, file, lambda kept: kept.offset >= 1)
            await stopped(worker)
            await publish(settings, [trigger(2, "a")], tag="-while-away")
            worker = started_delivery(settings, tmp_path, file)
            await seen(lambda: receiver.answered.keys() == {"c-2/1/a"}, "what came while nobody was there")
            await stopped(worker)

    asyncio.run(scenario())
