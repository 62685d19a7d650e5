"""`etapa triggers` on a real Kafka."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.journey.engine.facts.changes import Trigger
from etapa.settings import Settings
from tests.integration.places import new_place, started_producer
from tests.integration.worker import environment_of
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def trigger(number: int, campaign: str) -> Trigger:
    at = 1_700_000_000_000_000 + 1_000_000 * number
    return Trigger(campaign, f"c-{number}", 1, at, "purchase" if number else None, "loyalty", holdout=number == 2, payload=None)


async def a_place(kafka: KafkaServer) -> Settings:
    settings = await new_place(kafka.bootstrap_servers, partitions=1)
    for ending in ("commit", "abort"):
        async with started_producer(settings, transactional_id=f"{settings.group}-{ending}") as producer:
            await producer.begin_transaction()
            for number in range(4):
                name = ("welcome", "win-back")[number % 2] if ending == "commit" else "never"
                key, value, headers = encode_campaign_trigger(trigger(number, name), "retail", 1)
                await producer.send(settings.topic_campaign_triggers, value, key, partition=0, headers=list(headers))
            await (producer.commit_transaction() if ending == "commit" else producer.abort_transaction())
    return settings


def triggers(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, **environment_of(settings)}
    command = [sys.executable, "-m", "etapa", "triggers", "--from-beginning", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)


def test_committed_triggers_are_shown_to_people_and_to_machines(kafka_server: KafkaServer) -> None:
    settings = asyncio.run(a_place(kafka_server))
    done = triggers(settings, "--limit", "4")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["AT", "CAMPAIGN", "CUSTOMER", "MOVE", "HOLDOUT", "ID"]
    assert lines[1].split() == ["2023-11-14T22:13:20Z", "welcome", "c-0", "(new)", ">", "loyalty", "no", "c-0/1/welcome"]
    assert lines[3].split() == ["2023-11-14T22:13:22Z", "welcome", "c-2", "purchase", ">", "loyalty", "yes", "c-2/1/welcome"]
    assert len(lines) == 5
    done = triggers(settings, "--json", "--campaign", "win-back", "--limit", "2")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["c-1/1/win-back", "c-3/1/win-back"]
