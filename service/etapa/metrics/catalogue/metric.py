"""The description of a metric, given once, from which Prometheus objects, a docs page and dashboards are made."""

from typing import Literal

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MetricKind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "most", "least", "furthest"]
"""How a gauge's values from several processes are combined into one; `furthest` is the one furthest from 0."""
Unit = Literal["seconds", "bytes", "Unix time in seconds", ""]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its full name, what it counts or measures, and its labels in order.

    The values of a label are known beforehand, or limited in number. No label ever holds a customer's id.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    unit: Unit = ""
    """The unit of its numbers; empty for counts."""
    bounds: tuple[float, ...] = ()
    """The upper bounds of a histogram's buckets."""
    across: Across = "sum"
    """How the values of a gauge from several processes on a machine are combined."""
    absent_at_first: str = ""
    """Why it has no series until something happens; empty when all series exist from the start."""

    def counter(self, registry: CollectorRegistry) -> Counter:
        """A value that only grows."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """A current value."""
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Observations, one at a time."""
        return Histogram(self.name, self.help, self.labels, buckets=self.bounds, registry=registry)

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that queries use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)
