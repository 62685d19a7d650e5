"""A Prometheus histogram that takes thousands of observations at once for the price of a few."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry


class BulkHistogram(Collector):
    """A histogram without labels. Observing a value `many` times costs as much as observing it once.

    The touchpoints of a batch share few distinct timestamps, so this is what keeps the per-touchpoint latency cheap.
    """

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, observations: Iterable[tuple[float, int]]) -> None:
        """Add each (value, how often)."""
        for value, many in observations:
            self._counts[bisect_left(self._bounds, value)] += many
            self._sum += value * many

    def describe(self) -> Iterator[Metric]:
        """The name, so that the registry can refuse a second metric of that name."""
        yield HistogramMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterator[Metric]:
        """The buckets as Prometheus wants them: each holds those below it as well."""
        buckets = []
        total = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            buckets.append((_written(bound), total))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


def _written(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(float(bound))
