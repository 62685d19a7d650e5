"""What a metric is, before anybody counts: said once, and made into an object of Prometheus, a page and dashboards."""

from typing import Literal

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from etapa.metrics.bulk_histogram import BulkHistogram

MetricKind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "most", "least", "furthest"]
"""How the values that several processes tell of a gauge become one; `furthest` is the one furthest from 0."""
Unit = Literal["seconds", "bytes", "Unix time in seconds", ""]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its full name, what it counts or measures, and its labels in order.

    Every value that a label can take is known beforehand, or bounded in number. No label ever holds a customer's id.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    unit: Unit = ""
    """What its numbers are; empty when they are counts."""
    bounds: tuple[float, ...] = ()
    """The upper bounds of a histogram's buckets."""
    across: Across = "sum"
    """How one value is made of a gauge's in several processes of a machine."""
    absent_at_first: str = ""
    """Why it has no series until something happens; empty when all its series are there from the start."""

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Something that only grows."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Something that is as it is now."""
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Observations, one at a time."""
        return Histogram(self.name, self.help, self.labels, buckets=self.bounds, registry=registry)

    def bulk_histogram(self, registry: CollectorRegistry) -> BulkHistogram:
        """Observations by the thousand, with one label at most."""
        return BulkHistogram(self.name, self.help, self.bounds, registry, *self.labels)

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that queries use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)
