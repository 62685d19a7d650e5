"""Scenes of delivery on a real Kafka: triggers, a delivery file, the process, and its recorded progress."""

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.delivery_file.plan_file import load_plan
from etapa.deliver.offsets.progress import Kept, Through, furthest, kept_of
from etapa.deliver.offsets.progress_log import ProgressLog
from etapa.journey.engine.facts.changes import Trigger
from etapa.settings import Settings
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.kafka.cluster import Cluster
from tests.integration.outcome import until
from tests.integration.places import new_place, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer

NOW = time.time_ns() // 1000
"""Triggers are fresh, as old ones are not delivered."""
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
TOKEN = "Bearer a-token-that-nobody-else-may-see"


def trigger(number: int, campaign: str, *, holdout: bool = False) -> Trigger:
    return Trigger(
        campaign=campaign,
        customer_id=f"c-{number}",
        sequence=1,
        at=NOW + number,
        source="purchase",
        to="loyalty",
        holdout=holdout,
        payload={"template": "welcome"},
    )


async def a_place(kafka: KafkaServer | str, **others: Any) -> Settings:
    """On this Kafka, or the one at these addresses."""
    addresses = kafka if isinstance(kafka, str) else kafka.bootstrap_servers
    return await new_place(addresses, **{"partitions": 1, "session_timeout": 10_000_000, **others})


async def publish(settings: Settings, triggers: Sequence[Trigger], *, abort: bool = False, tag: str = "") -> None:
    """Publish in one transaction, spread over the partitions in turn."""
    async with started_producer(settings, transactional_id=f"{settings.group}-upstream{tag}", linger_ms=2) as producer:
        await producer.begin_transaction()
        for number, one in enumerate(triggers):
            key, value, headers = encode_campaign_trigger(one, "retail", 1)
            partition = number % settings.partitions
            await producer.send(settings.topic_campaign_triggers, value, key, partition=partition, headers=list(headers))
        await (producer.abort_transaction() if abort else producer.commit_transaction())


def delivery_file(folder: Path, text: str) -> Path:
    path = folder / "delivery.yaml"
    path.write_text(f"allow_http: 127.0.0.1\nallow_internal: 127.0.0.1\n{text}")
    return path


def plan_in(file: Path) -> Plan:
    plan = load_plan(file.read_text(), file.name).plan
    assert plan is not None
    return plan


def started_delivery(settings: Settings, folder: Path, file: Path, **others: str) -> StartedWorker:
    return StartedWorker(settings, folder, "deliver", {"ETAPA_DELIVERY": str(file), "HOOK_SECRET": SECRET, "HOOK_TOKEN": TOKEN, **others})


async def committed(settings: Settings, file: Path) -> dict[int, tuple[int, Through]]:
    """By partition, the committed offset, and what its metadata says is done beyond it."""
    plan = plan_in(file)
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(settings.delivery_group)
    finally:
        await admin.close()
    return {
        place.partition: (point.offset, kept_of(point.metadata, point.offset, plan.routing).through or Through(point.offset))
        for place, point in found.items()
        if point.offset >= 0
    }


async def join_and_leave(settings: Settings) -> None:
    """A member joins the group, gets partitions, does nothing, and leaves."""
    member = Cluster(settings).group_consumer(settings.delivery_group)
    member.subscribe([settings.topic_campaign_triggers])
    await member.start()
    try:

        async def has_some() -> bool:
            return bool(member.assignment())

        await until(has_some, "partitions for somebody else")
    finally:
        await stop_consumer(member)


async def stopped(worker: StartedWorker) -> None:
    """Ask it to end and wait; the receiver goes on answering meanwhile."""
    worker.ask_to_stop()
    assert await asyncio.to_thread(worker.exit_code) == 0


async def seen(condition: Any, what: str) -> None:
    async def asked() -> bool:
        return bool(condition())

    await until(asked, what, 40)


async def until_kept(settings: Settings, file: Path, done: Callable[[Kept], bool]) -> None:
    """Wait until the topic of progress has the expected entry for every partition."""

    async def said() -> bool:
        partitions = range(settings.partitions)
        kept = await ProgressLog(Cluster(settings), plan_in(file).routing).read(partitions)
        return all((found := furthest(kept[number])) is not None and done(found) for number in partitions)

    await until(said, "progress in its topic")


async def forget_group(settings: Settings) -> None:
    """Remove the group's offsets, as when they expire: delete the group once it has no members."""
    async with Cluster(settings).admin() as admin:
        coordinator = await admin.find_coordinator(settings.delivery_group)

        async def gone() -> bool:
            answer = await admin._send_request(DeleteGroupsRequest([settings.delivery_group]), coordinator)
            return [code for _, code in answer.results] == [0]

        await until(gone, "the group's deletion, once its last member is gone")
        assert await admin.list_consumer_group_offsets(settings.delivery_group) == {}


async def delete_before(settings: Settings, offset: int) -> None:
    """Delete the triggers before an offset from every partition, as retention does."""
    async with Cluster(settings).admin() as admin:
        places = {
            TopicPartition(settings.topic_campaign_triggers, number): RecordsToDelete(offset) for number in range(settings.partitions)
        }
        await admin.delete_records(places, timeout_ms=30_000)
