"""Schemathesis sends a real worker what its OpenAPI document allows, and much that it does not: every response is as documented."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.places import new_place, put
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream
from tests.support.tools import python_tool

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

TOKEN = "a-token-for-schemathesis"
_SECONDS = 180


@pytest.fixture(scope="module")
def worker(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedWorker]:
    """A worker with customers and without a rate limit."""
    python_tool("schemathesis")
    folder: Path = tmp_path_factory.mktemp("documented")
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2))
    started = StartedWorker(settings, folder, others={"ETAPA_API_TOKEN": TOKEN, "ETAPA_HTTP_CUSTOMER_RATE": "1000000"})
    try:
        started.wait_ready(2)
        asyncio.run(put(settings, settings.topic_touchpoints, [(one.key, one.value) for one in clickstream()[:200]]))
        yield started
    finally:
        started.kill()


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", "Bearer of-another-token"])
def test_whatever_is_asked_the_answer_is_as_documented(worker: StartedWorker, authorization: str, tmp_path: Path) -> None:
    command = [
        *(python_tool("schemathesis"), "--no-color", "run"),
        f"http://127.0.0.1:{worker.port}/v1/openapi.json",
        *("--header", f"Authorization: {authorization}"),
        # A time may have the right form and still not exist, such as 31 February: no schema can say that.
        # Without the right token some requests are only told to wait, where schemathesis takes nothing but 401.
        *("--exclude-checks", "positive_data_acceptance" if TOKEN in authorization else "positive_data_acceptance,missing_required_header"),
        *("--max-examples", "20", "--seed", "1", "--suppress-health-check", "all", "--request-timeout", "20"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "15 selected / 15 total" in done.stdout
