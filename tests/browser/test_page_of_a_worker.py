"""The map of a real worker under load, in a real browser: it follows within seconds, and in the end it shows what was published."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from etapa.settings import Settings
from tests.browser.viewer import browser, looking
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

pytestmark = [pytest.mark.browser, pytest.mark.kafka, pytest.mark.redis]

ROOT = Path(__file__).parents[2]
TOUCHPOINTS = 800
RATE = 100
SOON = 15_000
"""Milliseconds. The page is to follow within two seconds; a machine that runs other tests as well may need longer."""


def _load(settings: Settings) -> subprocess.Popen[bytes]:
    told = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")} | dict(environment_of(settings))
    command = [sys.executable, str(ROOT / "deploy" / "compose" / "load.py"), "--rate", str(RATE), "--touchpoints", str(TOUCHPOINTS)]
    return subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _published(settings: Settings) -> list[dict[str, Any]]:
    """All stage changes. In a thread, since the browser's driver has this thread's event loop."""
    found: list[dict[str, Any]] = []

    def read() -> None:
        records = asyncio.run(read_all(settings, settings.topic_stage_changes))
        found.extend(msgspec.json.decode(record.value) for record in records if record.value)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(timeout=60)
    return found


def _follows(page: Page, worker: StartedWorker) -> bool:
    """Whether the page shows at least as many customers as the API told before, after a little while."""
    told: int = worker.ask("v1/stages")["customers"]
    page.wait_for_function(
        "least => Number(document.querySelector('.sum strong')?.textContent.replaceAll(',', '') ?? 0) >= least", arg=told, timeout=SOON
    )
    return told > 0


def test_the_page_follows_a_worker_under_load_and_ends_with_what_was_published(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2))
    worker = StartedWorker(settings, tmp_path)
    load = None
    try:
        worker.wait_ready(2)
        with browser() as chromium, looking(chromium, f"http://127.0.0.1:{worker.port}/", "en-GB") as seen:
            load = _load(settings)
            looks = 0
            while load.poll() is None:
                looks += _follows(seen.page, worker)
            assert (load.returncode, looks > 2) == (0, True)
            wait_until(lambda: worker.total("etapa_touchpoints_total") == TOUCHPOINTS, 60, "all touchpoints")
            changes = _published(settings)
            here = Counter({change["customer_id"]: change["to"] for change in changes}.values())
            stages = worker.ask("v1/stages")["stages"]
            assert {stage["id"]: stage["customers"] for stage in stages if stage["customers"]} == here
            for stage in stages:
                name = stage["label"].get("en", stage["id"])
                shown = seen.page.locator(f".plate[aria-label^='{name}: ']")
                expect(shown.locator(".figure")).to_have_text(f"{stage['customers']:,}", timeout=SOON)
            moves = Counter((change["from"], change["to"]) for change in changes if change["from"] is not None)
            names = {stage["id"]: stage["label"].get("en", stage["id"]) for stage in stages}
            seen.page.get_by_role("button", name="Table", exact=True).click()
            for (source, to), count in moves.items():
                row = (
                    seen.page.locator(".tables table")
                    .nth(1)
                    .locator("tr", has=seen.page.get_by_role("rowheader", name=names[source], exact=True))
                )
                counted = row.filter(has=seen.page.get_by_role("cell", name=names[to], exact=True)).locator("td").nth(1)
                expect(counted).to_have_text(f"{count:,}", timeout=SOON)
            assert seen.complaints == []
    finally:
        if load is not None and load.poll() is None:
            load.kill()
        worker.kill()
