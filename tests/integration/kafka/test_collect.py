"""The collector of `deploy/collect/` on real brokers: what it answered with 200 is in the topic, whatever is killed meanwhile.

It takes minutes to build, so `make test-collect` builds it and sets `COLLECTOR_PROGRAM`. Otherwise these tests are skipped; CI says so.
"""

import asyncio
import base64
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.settings import Settings
from tests.integration.outcome import until
from tests.integration.places import new_place, read_all
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import ServerProcess, accepts_connections, free_ports

COLLECTOR = os.environ.get("COLLECTOR_PROGRAM", "")
CONFIGURATION = Path(__file__).parents[3] / "deploy" / "collect" / "collect.yaml"
WRITE_KEY = "k3y"

pytestmark = [pytest.mark.kafka, pytest.mark.skipif(not COLLECTOR, reason="the collector takes minutes to build: make test-collect")]


class Collector:
    """The collector, writing to the topic of a place."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.port, admin = free_ports(2)
        self._environment = {
            **os.environ,
            "COLLECT_WRITE_KEY": WRITE_KEY,
            "COLLECT_KAFKA": settings.kafka_bootstrap_servers,
            "COLLECT_ADDRESS": f"127.0.0.1:{self.port}",
            "COLLECT_ADMIN_ADDRESS": f"127.0.0.1:{admin}",
            **{f"COLLECT_TOPIC_{kind}": settings.topic_touchpoints for kind in ("SEGMENT", "SHOPIFY", "TOUCHPOINTS")},
        }
        self._output = folder / "collector.log"
        self._process = self._started()

    def _started(self) -> ServerProcess:
        process = ServerProcess([COLLECTOR, "run", str(CONFIGURATION)], self._output, self._environment)
        process.wait_ready(lambda: accepts_connections(self.port), 60, "the collector's listening")
        return process

    def kill_and_start_again(self) -> None:
        self._process.kill()
        self._process = self._started()

    def stop(self) -> None:
        self._process.kill()

    def post(self, path: str, body: Any, key: str = WRITE_KEY) -> int:
        """The status of the response to a request; 0 if there was none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"})
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{key}:".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


def call(number: int) -> dict[str, Any]:
    """A call as Segment's libraries send it; every third is anonymous."""
    who = {"anonymousId": f"anon-{number % 40}"} if number % 3 == 0 else {"anonymousId": "a", "userId": f"user-{number % 40}"}
    return {"type": "track", "event": "Order Completed", "messageId": f"m-{number}", "timestamp": "2026-02-23T22:28:55.111Z", **who}


def order(number: int) -> dict[str, Any]:
    return {"id": number, "created_at": "2026-01-05T10:30:00-05:00", "total_price": "59.99", "customer": {"id": 1000 + number % 30}}


async def send_until(stop: asyncio.Event, collector: Collector, first: int, answered: set[str]) -> None:
    """Send batches and orders one after the other, and add the ids of those answered with 200."""
    number = first
    while not stop.is_set():
        if number % 2:
            calls = [call(each) for each in range(number, number + 5)]
            if await asyncio.to_thread(collector.post, "/v1/batch", {"batch": calls, "sentAt": "2026-02-23T22:29:00Z"}) == 200:
                answered |= {each["messageId"] for each in calls}
        elif await asyncio.to_thread(collector.post, f"/shopify?key={WRITE_KEY}", order(number), "") == 200:
            answered.add(str(number))
        number += 5


async def more_than(answered: set[str], more: int) -> None:
    """Wait until so many more were answered with 200."""
    wanted = len(answered) + more

    async def enough() -> bool:
        return len(answered) >= wanted

    await until(enough, f"{more} more events that are answered with 200")


def test_what_was_answered_with_200_is_in_the_topic_under_its_customer_whatever_is_killed(tmp_path: Path) -> None:
    async def scenario(kafka: KafkaServer) -> None:
        settings = await new_place(kafka.bootstrap_servers, partitions=4, replication=3)
        collector = Collector(settings, tmp_path)
        try:
            stop, answered = asyncio.Event(), set[str]()
            senders = [asyncio.create_task(send_until(stop, collector, first * 1_000_000 + 1, answered)) for first in range(4)]
            for node in (2, 3, 2):
                await more_than(answered, 60)
                kafka.kill_node(node)
                await more_than(answered, 30)
                await asyncio.to_thread(kafka.start_node, node)
                await asyncio.to_thread(kafka.wait_node, node)
                await more_than(answered, 60)
                await asyncio.to_thread(collector.kill_and_start_again)
            await more_than(answered, 60)
            stop.set()
            await asyncio.gather(*senders)
        finally:
            collector.stop()
        found: set[str] = set()
        for partition in range(4):
            for record in await read_all(settings, settings.topic_touchpoints, partition):
                value = json.loads(record.value)
                found.add(value.get("messageId") or str(value["id"]))
                customer = value.get("userId") or value.get("anonymousId") or str(value["customer"]["id"])
                assert record.key == customer.encode()
                assert partition_of(customer, 4) == partition
                assert dict(record.headers)["etapa.source"] == (b"segment" if "messageId" in value else b"shopify")
        assert answered - found == set()
        (tmp_path / "counts").write_text(f"{len(answered)} answered with 200, {len(found)} in the topic, {len(answered - found)} missing\n")

    kafka = KafkaServer(tmp_path / "kafka", brokers=3)
    try:
        kafka.start()
        asyncio.run(scenario(kafka))
    finally:
        kafka.stop()


def test_what_is_not_allowed_or_no_event_is_told_by_its_status(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = await new_place(kafka_server.bootstrap_servers, partitions=1)
        collector = Collector(settings, tmp_path)
        try:
            assert await asyncio.to_thread(collector.post, "/v1/track", call(1)) == 200
            assert await asyncio.to_thread(collector.post, "/v1/track", call(2), "wrong") == 401
            assert await asyncio.to_thread(collector.post, "/v1/track", call(3), "") == 401
            assert await asyncio.to_thread(collector.post, "/v1/track", b"{nonsense") == 400
            assert await asyncio.to_thread(collector.post, "/v1/track", [1]) == 400
            assert await asyncio.to_thread(collector.post, "/nowhere", {}) == 404
            touchpoint = {"id": "t", "customer_id": "ada", "type": "view", "occurred_at": "2026-01-01T00:00:00Z"}
            assert await asyncio.to_thread(collector.post, "/touchpoints", touchpoint) == 200
            assert await asyncio.to_thread(collector.post, "/v1/page", {"type": "page", "messageId": "m-4"}) == 200
        finally:
            collector.stop()
        records = await read_all(settings, settings.topic_touchpoints, 0)
        assert [(record.key, json.loads(record.value)) for record in records] == [
            (b"user-1", call(1)),
            (b"ada", touchpoint),
            (None, {"type": "page", "messageId": "m-4"}),
        ]

    asyncio.run(scenario())
