"""A real Prometheus scrapes a real worker under load and a real delivery: what dashboards and alerts query is there."""

import asyncio
import itertools
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.generator.dashboards import DASHBOARDS
from etapa.settings import Settings
from tests.integration.delivery_scene import delivery_file, started_delivery
from tests.integration.places import new_place, started_producer
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports, wait_until
from tests.servers.prometheus_server import RULES, PrometheusServer
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is in Debian's package of that name"),
]

_SECONDS = 90.0
_CHOSEN = {"$__rate_interval": "1m", "$job": ".*", "$instance": ".*"}


@pytest.fixture(scope="module")
def prometheus(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrometheusServer]:
    """It scrapes a worker that processes touchpoints all the time, and a delivery whose receiver is away."""
    folder: Path = tmp_path_factory.mktemp("scraped")
    settings = asyncio.run(new_place(kafka_server.bootstrap_servers, redis_server.url, partitions=2))
    target = f"targets:\n  - {{id: crm, url: 'http://127.0.0.1:{free_ports(1)[0]}/'}}\ncampaigns:\n  - {{id: hello, target: crm}}\n"
    worker, delivery = StartedWorker(settings, folder), started_delivery(settings, folder, delivery_file(folder, target))
    server: PrometheusServer | None = None
    enough = threading.Event()
    feeding = threading.Thread(target=lambda: asyncio.run(feed(settings, enough)))
    try:
        worker.wait_ready(2)
        server = PrometheusServer(folder / "prometheus", {"etapa": worker.port, "etapa-delivery": delivery.port})
        wait_until(lambda: len(scraped(server)) == 2, _SECONDS, "the first scrape of both")
        feeding.start()
        yield server
    finally:
        enough.set()
        if feeding.ident is not None:
            feeding.join()
        if server is not None:
            server.stop()
        delivery.kill()
        worker.kill()


async def feed(settings: Settings, enough: threading.Event) -> None:
    """Publish touchpoints of an endless half-year until stopped, some hundred a second, each with a trace."""
    async with started_producer(settings, linger_ms=5) as producer:
        for number, one in enumerate(itertools.cycle(clickstream())):
            headers = [("traceparent", f"00-{number + 1:032x}-{number + 1:016x}-01".encode())]
            await producer.send(settings.topic_touchpoints, one.value, one.key, headers=headers)
            if number % 50 == 0:
                if enough.is_set():
                    return
                await asyncio.sleep(0.1)


def scraped(server: PrometheusServer | None) -> list[object]:
    return [] if server is None else server.query("up == 1")


def chosen(expression: str) -> str:
    for name, value in _CHOSEN.items():
        expression = expression.replace(name, value)
    return expression


_NOT_OF_THIS_WORKER = {
    "etapa_supervised_restarts_total",  # Started by itself; `test_several` asks a supervisor
    # Nobody moves to another partition here, and no campaign has a goal: `tests/unit/metrics` counts with those who do.
    "etapa_partition_leaving",
    "etapa_partition_held_up_since_seconds",
    "etapa_transfers_withheld_since_seconds",
    "etapa_campaign_customers",
    'etapa_campaign_customers{group="holdout"}',
    "etapa_campaign_holdout_ratio",
}
"""Each is held by another test."""


def missing(server: PrometheusServer, expressions: set[str]) -> set[str]:
    return {expression for expression in expressions if not server.query(expression)}


def test_every_query_of_every_panel_gives_something_or_says_why_it_may_not(prometheus: PrometheusServer) -> None:
    panels = [panel for board in DASHBOARDS for panel in board.panels()]
    assert [panel.title for panel in panels if not panel.queries] == []
    always = {chosen(query.expression) for panel in panels if not panel.quiet for query in panel.queries}
    wait_until(lambda: not missing(prometheus, always), _SECONDS, f"data for each of {len(always)} queries", 1.0)
    # Those that may be empty are at least valid.
    for panel in panels:
        for query in panel.queries:
            prometheus.query(chosen(query.expression))


def test_the_worker_moved_customers_and_the_dashboard_shows_it(prometheus: PrometheusServer) -> None:
    changes = next(panel for board in DASHBOARDS for panel in board.panels() if panel.title == "Stage changes a second")
    wait_until(lambda: bool(prometheus.query(chosen(changes.queries[0].expression))), _SECONDS, "stage changes on the dashboard", 1.0)


def test_the_worker_is_at_work_while_it_is_scraped(prometheus: PrometheusServer) -> None:
    at_work = "min_over_time(sum(rate(etapa_touchpoints_total[5s]))[10s:1s]) > 0"
    wait_until(lambda: bool(prometheus.query(at_work)), _SECONDS, "ten seconds of which none was idle", 1.0)


def test_histograms_lead_to_traces(prometheus: PrometheusServer) -> None:
    wait_until(lambda: bool(prometheus.exemplars("etapa_end_to_end_seconds_bucket")), _SECONDS, "an exemplar", 1.0)
    for exemplar in prometheus.exemplars("etapa_end_to_end_seconds_bucket"):
        assert int(exemplar["labels"]["trace_id"], 16) == int(exemplar["labels"]["span_id"], 16) > 0
        assert float(exemplar["value"]) >= 0


def test_whatever_an_alert_asks_for_is_there(prometheus: PrometheusServer) -> None:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    asked = {
        found for group in groups for rule in group["rules"] for found in re.findall(r"\b(?:etapa_\w+|up)(?:\{[^}]*\})?", rule["expr"])
    }
    assert asked >= _NOT_OF_THIS_WORKER
    asked -= _NOT_OF_THIS_WORKER
    assert len(asked) > 20
    wait_until(lambda: not missing(prometheus, asked), _SECONDS, f"data for each of {len(asked)} selectors", 1.0)


def test_all_rules_are_evaluated_without_an_error_and_nothing_critical_fires(prometheus: PrometheusServer) -> None:
    wait_until(lambda: {rule["health"] for rule in prometheus.rules()} == {"ok"}, _SECONDS, "the evaluation of all rules", 1.0)
    wait_until(lambda: bool(prometheus.query("job:etapa_lag_touchpoints:sum")), _SECONDS, "what is recorded", 1.0)
    firing = [rule["name"] for rule in prometheus.rules() if rule.get("state") == "firing" and rule["labels"].get("severity") == "critical"]
    assert firing == []
