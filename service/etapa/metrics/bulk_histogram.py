"""A Prometheus histogram that takes thousands of observations at once at the cost of a few."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Exemplar

from etapa.metrics.catalogue.metric import Metric
from etapa.metrics.quick_counting import count_durations


class _Series:
    """One series: how many observations fell into each bucket, the last exemplar of each, and the sum of all."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0
        self.exemplars: list[Exemplar | None] = [None] * buckets


class BulkHistogram(Collector):
    """A histogram with at most one label. Observing a value `many` times costs as much as observing it once.

    All observations of a batch are passed in one call, so that measuring every touchpoint and every change stays cheap.
    """

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._bounds = list(metric.bounds)
        self._series: dict[str, _Series] = {}
        if not metric.labels:
            self.show("")
        registry.register(self)

    def show(self, label_value: str) -> None:
        """Show this series from now on, even while it is empty."""
        self._series.setdefault(label_value, _Series(len(self._bounds) + 1))

    def observe(self, value: float, many: int = 1, label_value: str = "") -> None:
        """Add one value that was observed `many` times."""
        series = self._of(label_value)
        series.counts[bisect_left(self._bounds, value)] += many
        series.sum += value * many

    def observe_durations(self, durations: "array[int]", label_value: str = "") -> None:
        """Add each of these microseconds as seconds."""
        series = self._of(label_value)
        series.sum += count_durations(self._bounds, series.counts, durations)

    def exemplify(self, value: float, labels: Mapping[str, str], at: float, label_value: str = "") -> None:
        """Set the exemplar of an observed value's bucket to the labels of its trace. `at` is in seconds since 1970."""
        self._of(label_value).exemplars[bisect_left(self._bounds, value)] = Exemplar(dict(labels), value, at)

    def _of(self, label_value: str) -> _Series:
        series = self._series.get(label_value)
        if series is None:
            series = self._series[label_value] = _Series(len(self._bounds) + 1)
        return series

    def describe(self) -> Iterator[Family]:
        """The name, so that the registry can refuse a second metric of that name."""
        yield HistogramMetricFamily(self._metric.name, self._metric.help)

    def collect(self) -> Iterator[Family]:
        """The buckets in Prometheus' form: each includes all below it."""
        family = HistogramMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for label_value, series in self._series.items():
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            total = 0
            for bound, count, exemplar in zip((*self._bounds, float("inf")), series.counts, series.exemplars, strict=True):
                total += count
                below = _written(bound), float(total)
                buckets.append(below if exemplar is None else (*below, exemplar))
            family.add_metric((label_value,) if self._metric.labels else (), buckets, series.sum)
        yield family


def _written(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(float(bound))
