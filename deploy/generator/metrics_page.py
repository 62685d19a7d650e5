"""docs/metrics.md: every metric, what it tells, and what its labels are."""

from collections.abc import Sequence

from etapa.metrics.catalogue import COMMON, DELIVERY, WORKER
from etapa.metrics.metric import Metric

_HEAD = """\
# Metrics

`/metrics` of every worker and of `etapa deliver` answers in Prometheus' text format, or in the OpenMetrics format where the scraper asks for it. What to ask them:
[Operations](operations.md#metrics). Names and labels are promises: they do not change in passing.

- **No label ever holds a customer's id.** Labels are closed sets, such as reasons, the journey's stages, partitions and templates of paths. Only campaigns in
  `etapa deliver` come from records; from the 501st on they share the label `(other)`.
- **What could be counted is there from the start, with 0**, so that the first time is noticed. A metric for which that is not so says when its series appear.
- A counter begins again at 0 with every process. Gauges of a partition are told by the worker that owns it, so add them up over workers.

"""


def metrics_page() -> str:
    """The whole page."""
    sections = (
        ("The worker", WORKER),
        ("Delivery", DELIVERY),
        ("Both", COMMON),
    )
    body = "\n".join(f"## {title}\n\n{_table(metrics)}" for title, metrics in sections)
    return f"{_HEAD}{body}{_FOOT}"


_FOOT = """
On Linux, both also tell what Prometheus' client library finds out about any process: `process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_start_time_seconds`, `process_open_fds` and `process_max_fds`.

This page is written by `make generated` from `service/etapa/metrics/catalogue.py`.
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
