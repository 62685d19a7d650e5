"""One trace from a touchpoint to the webhook, with the spans of a real worker and of delivery in a collector."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from tests.integration.delivery_scene import delivery_file, started_delivery
from tests.integration.places import new_place, read_all, started_producer
from tests.integration.receiver import Receiver
from tests.integration.worker import StartedWorker
from tests.servers.collector_server import TOKEN, CollectorServer
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

JOURNEY = Path("docs/examples/bookshop-campaigns.yaml")
NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


async def _until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, 60.0, what)


def test_a_touchpoint_can_be_followed_to_the_webhook(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    place = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=1, session_timeout=10_000_000))
    settings = replace(place, journey=str(JOURNEY), traces="otlp")

    async def scenario(collector: CollectorServer) -> None:
        async with Receiver() as receiver:
            file = delivery_file(
                tmp_path, f"targets:\n  - {{id: crm, url: '{receiver.url('crm')}'}}\ncampaigns:\n  - {{id: thanks, target: crm}}\n"
            )
            others = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={quote(TOKEN)}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                "OTEL_BSP_SCHEDULE_DELAY": "100",
            }
            worker = StartedWorker(settings, tmp_path, others=others)
            delivery = started_delivery(settings, tmp_path, file, **others)
            try:
                await asyncio.to_thread(worker.wait_ready, 1)
                async with started_producer(settings) as producer:
                    for number, kind in enumerate(("visit", "purchase")):
                        touchpoint = {
                            "id": f"t-{number}",
                            "customer_id": "ada",
                            "type": kind,
                            "occurred_at": NOW,
                            "traits": {"newsletter": True},
                        }
                        headers = [("traceparent", f"00-{TRACE}-{PARENT}-01".encode())]
                        await producer.send_and_wait(settings.topic_touchpoints, json.dumps(touchpoint).encode(), b"ada", headers=headers)
                await _until(lambda: bool(receiver.requests), "the delivery")
                await _until(lambda: bool(collector.spans("etapa-delivery", "POST")), "the span of the request")
                batch = f"process {settings.topic_touchpoints}"
                await _until(lambda: bool(collector.spans("etapa-worker", "apply")), "the spans of a batch")
                await _until(lambda: bool(collector.spans("etapa-worker", batch)), "the span of a batch")
                for process in (worker, delivery):
                    process.ask_to_stop()
                    assert await asyncio.to_thread(process.exit_code) == 0
                    assert TOKEN not in process.said()
            finally:
                worker.kill()
                delivery.kill()
            [request] = collector.spans("etapa-delivery", "POST")
            assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
            assert receiver.requests[0].headers["traceparent"] == f"00-{TRACE}-{request.span_id.hex()}-01"
            batches = collector.spans("etapa-worker", batch)
            assert {link.trace_id.hex() for one in batches for link in one.links} == {TRACE}
            of_batches = {one.span_id for one in batches}
            for step in ("fetch", "decode", "load", "classify", "encode", "wait", "commit", "apply"):
                parts = collector.spans("etapa-worker", step)
                assert parts, step
                assert {one.parent_span_id for one in parts} <= of_batches
            assert all(one.start_time_unix_nano <= one.end_time_unix_nano for one in batches)
            assert collector.refused == 0

    with CollectorServer() as collector:
        asyncio.run(scenario(collector))
    [change, *_] = asyncio.run(read_all(settings, settings.topic_stage_changes))
    assert dict(change.headers)["traceparent"].decode() == f"00-{TRACE}-{PARENT}-01"
