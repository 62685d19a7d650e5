"""Dead letters for tests: puts them into a topic, and lists and redrives them with the commands."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec

from etapa.contracts.incoming.rejected import Reason, Rejected
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.places import new_place, read_all, started_producer, wait_until_settled
from tests.integration.worker import environment_of
from tests.servers.kafka_server import KafkaServer
from tests.unit.cli.process import etapa

BuriedLetter = tuple[Reason, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""The reason, and the key, value and headers of the record."""


def customer_in(partition: int, number: int = 0) -> str:
    """A customer of this partition, out of two."""
    return [f"c-{count}" for count in range(99) if partition_of(f"c-{count}", 2) == partition][number]


def touchpoint(customer_id: str, number: int, **others: Any) -> bytes:
    fields = {"id": f"t-{number}", "customer_id": customer_id, "type": "purchase", "occurred_at": "2025-03-01T10:00:00Z", **others}
    return msgspec.json.encode(fields)


async def bury(settings: Settings, letters: Sequence[BuriedLetter], partition: int = 0, timestamps: Sequence[int] = ()) -> None:
    """Publish dead letters, as a worker does; timestamps are milliseconds since 1970."""
    async with started_producer(settings, transactional_id=f"{settings.group}-buries") as producer:
        await producer.begin_transaction()
        batch = producer.create_batch()
        for number, (reason, key, value, headers) in enumerate(letters):
            why = Rejected(reason, f"detail {number}")
            record = encode_dead_letter(key, value, headers, why, settings.topic_touchpoints, partition, 100 + number)
            at = timestamps[number] if timestamps else None
            if batch.append(timestamp=at, key=record[0], value=record[1], headers=list(record[2])) is None:
                await producer.send_batch(batch, settings.topic_dead_letters, partition=partition)
                batch = producer.create_batch()
                batch.append(timestamp=at, key=record[0], value=record[1], headers=list(record[2]))
        await producer.send_batch(batch, settings.topic_dead_letters, partition=partition)
        await producer.commit_transaction()
    # A commit is answered before its records can be read.
    await wait_until_settled(settings, settings.topic_dead_letters)


def buried(kafka: KafkaServer, letters: Sequence[BuriedLetter], partition: int = 0, timestamps: Sequence[int] = ()) -> Settings:
    """A new place that contains these dead letters."""

    async def scenario() -> Settings:
        settings = await new_place(kafka.bootstrap_servers)
        await bury(settings, letters, partition, timestamps)
        return settings

    return asyncio.run(scenario())


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return etapa("dead-letters", *arguments, env=environment_of(settings))


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(done: subprocess.CompletedProcess[bytes]) -> list[tuple[str, str]]:
    return [(f"{one['partition']}/{one['offset']}", one["outcome"]) for one in lines(done)]


def arrived(settings: Settings) -> list[Any]:
    """The records in the touchpoints topic."""
    return asyncio.run(read_all(settings, settings.topic_touchpoints))
