"""The catalogue is complete: what a process exposes, what the page says and what is generated all come from it."""

from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from deploy.generator.dashboards import DASHBOARDS
from deploy.generator.files import ROOT, generated_files
from etapa.deliver.delivery_file.plan_file import load_plan
from etapa.deliver.metrics import DeliveryMetrics
from etapa.journey.language.model import Campaign, Journey, Stage, Transition
from etapa.metrics.catalogue import COMMON, DELIVERY, SUPERVISOR, WORKER
from etapa.metrics.catalogue.metric import Metric
from etapa.metrics.worker import Metrics

JOURNEY = Journey(
    id="shop",
    version=7,
    initial="new",
    remember_ids=64,
    grace=0,
    stages=(Stage("new", None, {}), Stage("buyer", None, {})),
    rules=(),
    campaigns=(Campaign("hello", (Transition(None, ("buyer",)),)),),
)
PLAN = (ROOT / "deploy" / "delivery.yaml").read_text(encoding="utf-8")


def of_a_worker() -> CollectorRegistry:
    return Metrics(JOURNEY, type_mismatches=lambda: [("buys", "trait(age) >= 18", 0)]).registry


def of_delivery() -> CollectorRegistry:
    plan = load_plan(PLAN, "delivery.yaml").plan
    assert plan is not None
    return DeliveryMetrics(plan, lambda: 0).registry


PROCESSES = pytest.mark.parametrize(
    ("registry", "metrics"),
    [(of_a_worker(), (*WORKER, *COMMON)), (of_delivery(), (*DELIVERY, *COMMON))],
    ids=["worker", "delivery"],
)


def told(registry: CollectorRegistry) -> dict[str, tuple[str, str]]:
    """Kind and help of every family, by its name in the catalogue."""
    found = {}
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not name.startswith("process_"):
            found[name] = (family.type, family.documentation)
    return found


@PROCESSES
def test_a_process_tells_what_the_catalogue_says_and_nothing_else(registry: CollectorRegistry, metrics: Sequence[Metric]) -> None:
    assert told(registry) == {metric.name: (metric.kind, metric.help) for metric in metrics}


@PROCESSES
def test_series_are_there_from_the_start_unless_the_catalogue_says_why_not(registry: CollectorRegistry, metrics: Sequence[Metric]) -> None:
    there = {sample.name for family in registry.collect() for sample in family.samples}
    missing = {metric.name for metric in metrics if not set(metric.samples) <= there}
    assert missing <= {metric.name for metric in metrics if metric.absent_at_first}


@PROCESSES
def test_labels_are_those_of_the_catalogue(registry: CollectorRegistry, metrics: Sequence[Metric]) -> None:
    labels = {sample: set(metric.labels) for metric in metrics for sample in metric.samples}
    told = [(sample.name, set(sample.labels) - {"le"}) for family in registry.collect() for sample in family.samples]
    assert [(name, found) for name, found in told if name in labels and labels[name] != found] == []


@pytest.mark.parametrize("path", sorted(generated_files()))
def test_what_is_generated_is_what_the_generator_writes(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generated_files()[path], "run `make generated`"


def test_every_metric_stands_on_some_dashboard_but_those_that_only_name_what_runs() -> None:
    shown = " ".join(query.expression for board in DASHBOARDS for panel in board.panels() for query in panel.queries)
    off = {"etapa_build_info", "etapa_journey_info", "etapa_stream_time_seconds", "etapa_dependency_since_timestamp_seconds"}
    assert {metric.name for metric in (*WORKER, *DELIVERY, *COMMON, *SUPERVISOR) if metric.name not in shown} == off
