"""The load generator of the compose file, on a real Kafka: it sends as many touchpoints as it says, and a worker accepts nearly all."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.places import new_place
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

ROOT = Path(__file__).parents[3]
MOST = 400


def test_it_sends_what_a_worker_takes(kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2))
    told = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")} | dict(environment_of(settings))
    command = [sys.executable, str(ROOT / "deploy" / "compose" / "load.py"), "--rate", "2000", "--touchpoints", str(MOST)]
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{MOST} touchpoints sent" in done.stderr
    worker = StartedWorker(settings, tmp_path)
    try:
        worker.wait_ready(2)
        wait_until(lambda: worker.total("etapa_touchpoints_total") == MOST, 60, "all touchpoints")
        assert worker.metric('etapa_touchpoints_total{outcome="applied"}') > 0.9 * MOST
    finally:
        worker.kill()
