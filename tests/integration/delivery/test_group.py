"""Delivery says what keeps it out of its consumer group, instead of waiting silently."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from tests.integration.delivery_scene import a_place, delivery_file, started_delivery
from tests.integration.places import stranger
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka

FILE = 'targets: [{id: t, url: "http://127.0.0.1:9/x"}]\ndefault: t\n'


def last_words(worker: StartedWorker) -> str:
    assert worker.exit_code() == 1
    return worker.said().strip().splitlines()[-1]


def test_a_session_that_the_brokers_do_not_take_is_refused_in_words_that_name_both_settings(tmp_path: Path) -> None:
    kafka = KafkaServer(tmp_path / "kafka", settings={"group.max.session.timeout.ms": "20000"})
    try:
        kafka.start()
        settings = asyncio.run(a_place(kafka, session_timeout=30_000_000))
        worker = started_delivery(settings, tmp_path, delivery_file(tmp_path, FILE))
        assert last_words(worker) == (
            f"Error: delivery ended: Kafka at {kafka.bootstrap_servers} refuses the group {settings.delivery_group} a session of 30000 ms: brokers take"
            " group.min.session.timeout.ms=1000 to group.max.session.timeout.ms=20000. Set ETAPA_SESSION_TIMEOUT, which is 30s, within that, or change"
            " it there"
        )
        assert "Traceback" not in worker.said()
    finally:
        kafka.stop()


def test_somebody_who_divides_partitions_by_another_rule_is_named(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await a_place(kafka_server)
        async with stranger(settings, RangePartitionAssignor, settings.delivery_group, settings.topic_campaign_triggers) as consumer:
            await consumer.getmany(timeout_ms=100)
            worker = started_delivery(settings, tmp_path, delivery_file(tmp_path, FILE))
            said = await asyncio.to_thread(last_words, worker)
            assert f"the group {settings.delivery_group} divides partitions by range, " in said
            assert "stop reports at /127.0.0.1, or use another group (ETAPA_DELIVERY_GROUP or theirs)" in said

    asyncio.run(scenario())
