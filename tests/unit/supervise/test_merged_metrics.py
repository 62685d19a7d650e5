"""Merges the metrics of several workers into one."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from etapa.metrics import catalogue
from etapa.metrics.process import empty_registry
from etapa.supervise.merged_metrics import MergedMetrics


def exposed(registry: CollectorRegistry) -> str:
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


class Worker:
    """What one worker exposes."""

    def __init__(self) -> None:
        self.registry = empty_registry()
        self.counted = Counter("etapa_touchpoints_total", "", ["outcome"], registry=self.registry)
        self.customers = Gauge("etapa_customers", "", ["stage"], registry=self.registry)
        self.up = Gauge("etapa_dependency_up", "", ["dependency"], registry=self.registry)
        self.ahead = Gauge("etapa_clock_ahead_seconds", "", registry=self.registry)
        self.ready = Gauge("etapa_partition_ready", "", ["partition"], registry=self.registry)
        self.took = Histogram("etapa_end_to_end_seconds", "", buckets=(1, 2), registry=self.registry)

    def text(self) -> str:
        return exposed(self.registry)


def shown(merged: MergedMetrics) -> dict[str, float]:
    """The samples that a scraper would read, by name and labels."""
    registry = CollectorRegistry()
    registry.register(merged)
    families = text_string_to_metric_families(exposed(registry))  # type: ignore[no-untyped-call]
    return {
        " ".join((sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))): sample.value
        for family in families
        for sample in family.samples
    }


def test_counters_and_histograms_add_up_and_gauges_are_joined_as_the_catalogue_says() -> None:
    one, two, merged = Worker(), Worker(), MergedMetrics()
    one.counted.labels("processed").inc(3)
    two.counted.labels("processed").inc(4)
    two.counted.labels("late").inc(1)
    one.customers.labels("loyalty").set(10)
    two.customers.labels("loyalty").set(20)
    one.up.labels("kafka").set(1)
    two.up.labels("kafka").set(0)
    one.ahead.set(2)
    two.ahead.set(-7)
    one.ready.labels("0").set(1)
    two.ready.labels("1").set(0)
    one.took.observe(0.5)
    two.took.observe(1.5)
    merged.tell(1, 1, one.text())
    merged.tell(2, 1, two.text())
    told = shown(merged)
    assert told["etapa_touchpoints_total outcome=processed"] == 7
    assert told["etapa_touchpoints_total outcome=late"] == 1
    assert told["etapa_customers stage=loyalty"] == 30
    assert told["etapa_dependency_up dependency=kafka"] == 0
    assert told["etapa_clock_ahead_seconds"] == -7
    assert told["etapa_partition_ready partition=0"] == 1
    assert told["etapa_partition_ready partition=1"] == 0
    assert told["etapa_end_to_end_seconds_bucket le=1.0"] == 1
    assert told["etapa_end_to_end_seconds_bucket le=+Inf"] == told["etapa_end_to_end_seconds_count"] == 2
    assert told["etapa_end_to_end_seconds_sum"] == 2


@pytest.mark.parametrize("is_seen_to_end", [True, False])
def test_what_a_worker_had_counted_stays_when_another_process_takes_its_place(is_seen_to_end: bool) -> None:
    """Otherwise the sum would fall, and Prometheus would take what the others had counted for new."""
    one, other, merged = Worker(), Worker(), MergedMetrics()
    one.counted.labels("processed").inc(100)
    one.customers.labels("loyalty").set(10)
    other.counted.labels("processed").inc(5)
    merged.tell(1, 1, one.text())
    merged.tell(2, 1, other.text())
    if is_seen_to_end:
        merged.gone(1)
        merged.gone(1)
        assert shown(merged)["etapa_touchpoints_total outcome=processed"] == 105
        assert "etapa_customers stage=loyalty" not in shown(merged)
    again = Worker()
    again.counted.labels("processed").inc(2)
    merged.tell(1, 2, again.text())
    assert shown(merged)["etapa_touchpoints_total outcome=processed"] == 107
    merged.tell(1, 1, one.text())
    assert shown(merged)["etapa_touchpoints_total outcome=processed"] == 107
    again.counted.labels("processed").inc()
    merged.tell(1, 2, again.text())
    assert shown(merged)["etapa_touchpoints_total outcome=processed"] == 108


def test_an_exemplar_stays_with_its_bucket() -> None:
    worker, merged = Worker(), MergedMetrics()
    worker.took.observe(0.5, exemplar={"trace_id": "4bf92f"})
    merged.tell(1, 1, worker.text())
    merged.tell(2, 1, Worker().text())
    registry = CollectorRegistry()
    registry.register(merged)
    assert 'trace_id="4bf92f"' in exposed(registry)


def test_what_is_no_exposition_is_refused_and_changes_nothing() -> None:
    worker, merged = Worker(), MergedMetrics()
    worker.counted.labels("processed").inc(3)
    merged.tell(1, 1, worker.text())
    with pytest.raises(ValueError, match="html"):
        merged.tell(1, 1, "<html>")
    assert shown(merged)["etapa_touchpoints_total outcome=processed"] == 3


def test_what_only_one_process_or_every_process_tells_is_not_added_up() -> None:
    gauges = [metric for metric in (*catalogue.WORKER, *catalogue.COMMON) if metric.kind == "gauge"]
    summed = {metric.name for metric in gauges if metric.across == "sum"}
    assert summed == {
        "etapa_campaign_customers",
        "etapa_customers",
        "etapa_forgotten_customers",
        "etapa_forwarding_addresses",
        "etapa_linked_people",
        "etapa_partitions_owned",
        "etapa_partitions_refused",
    }
