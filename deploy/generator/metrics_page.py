"""docs/metrics.md: every metric, its meaning and its labels."""

from collections.abc import Sequence

from etapa.metrics.catalogue import COMMON, DELIVERY, SUPERVISOR, WORKER
from etapa.metrics.catalogue.metric import Metric

_HEAD = """\
# Metrics

Every metric, for those who build dashboards and alerts; [Operations](operations.md#metrics) says which one answers which question. Every worker and `etapa deliver` serve them at `/metrics`,
in Prometheus' text format, or in the OpenMetrics format if the scraper asks for it. Names and labels are part of the interface: they do not change without notice.

- **No label ever holds a customer's id.** Labels are closed sets, such as reasons, the journey's stages, partitions and path templates. Only campaigns in
  `etapa deliver` come from records; from the 501st on, they share the label `(other)`.
- **Series are there from the start, with 0**, so that the first event is noticed. Where that is not possible, the table says when a series appears.
- A counter starts at 0 with every process. The worker that owns a partition reports its gauges, so add them up over workers.

"""


def metrics_page() -> str:
    """The whole page."""
    sections = (
        ("The worker", WORKER),
        ("Delivery", DELIVERY),
        ("Both", COMMON),
        ("Several workers under one supervisor", SUPERVISOR),
    )
    body = "\n".join(f"## {title}\n\n{_table(metrics)}" for title, metrics in sections)
    return f"{_HEAD}{body}{_FOOT}"


_FOOT = """
On Linux, workers and delivery also report the usual process metrics of Prometheus' client library: `process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_start_time_seconds`, `process_open_fds` and `process_max_fds`.

`make generated` writes this page from `service/etapa/metrics/catalogue`.
"""


def _table(metrics: Sequence[Metric]) -> str:
    rows = [f"| `{metric.name}` | {metric.kind} | {_listed(metric.labels)} | {_meaning(metric)} |" for metric in metrics]
    return "\n".join(("| name | kind | labels | meaning |", "| --- | --- | --- | --- |", *rows, ""))


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def _meaning(metric: Metric) -> str:
    unit = f", in {metric.unit}" if metric.unit == "seconds" else ""
    absent = f". Not there at first: {metric.absent_at_first}" if metric.absent_at_first else ""
    return f"{metric.help}{unit}{absent}"
