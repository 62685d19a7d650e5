"""Merges the metrics of several workers into one set.

Counters and histograms are added up, and keep growing when a worker is restarted: what the earlier process counted is kept. For each
gauge the catalogue says how the values are combined (`Metric.across`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Exemplar, Sample

from etapa.metrics import catalogue
from etapa.metrics.catalogue.metric import Across

Key = tuple[str, tuple[tuple[str, str], ...]]

_ACROSS: Final[Mapping[str, Across]] = {
    **{metric.name: metric.across for metric in (*catalogue.WORKER, *catalogue.COMMON) if metric.kind == "gauge"},
    "process_start_time_seconds": "least",
    "process_max_fds": "least",
}
_JOIN: Final[Mapping[Across, Callable[[float, float], float]]] = {
    "sum": float.__add__,
    "most": max,
    "least": min,
    "furthest": lambda one, other: max(one, other, key=abs),
}
_GROWING = ("counter", "histogram", "summary")
# These count the supervisor's requests to each worker; the supervisor itself counts everybody else's.
_LEFT_OUT = frozenset(metric.name.removesuffix("_total") for metric in (catalogue.process.HTTP_REQUESTS, catalogue.process.HTTP_SECONDS))


@dataclass(slots=True)
class _Told:
    """A worker's last report, and what its earlier processes had counted."""

    start: int = 0
    families: Mapping[str, Family] = field(default_factory=dict)
    before: dict[str, dict[Key, float]] = field(default_factory=dict)


class MergedMetrics:
    """Collects what each worker exposes and exposes it merged, as a collector of Prometheus' client library."""

    def __init__(self) -> None:
        self._workers: dict[int, _Told] = {}

    def tell(self, worker: int, start: int, text: str) -> None:
        """Take in a worker's metrics, as OpenMetrics text, from its process number `start`. Raises `ValueError` for any other text."""
        families = {family.name: family for family in text_string_to_metric_families(text) if family.name not in _LEFT_OUT}  # type: ignore[no-untyped-call]
        told = self._workers.setdefault(worker, _Told(start))
        if start < told.start:
            # A late answer from a process that is gone.
            return
        if told.start != start:
            _keep_counts(told)
            told.start = start
        told.families = families

    def gone(self, worker: int) -> None:
        """A worker is not running: its gauges are dropped, and its counts are kept."""
        told = self._workers.get(worker)
        if told is not None:
            _keep_counts(told)

    def collect(self) -> Iterable[Family]:
        """The metric families of all workers, each once."""
        names = dict.fromkeys(name for told in self._workers.values() for name in (*told.families, *told.before))
        for name in names:
            shown = next((told.families[name] for told in self._workers.values() if name in told.families), None)
            # No running process has this family at the moment; the next one will.
            if shown is not None:
                yield self._merged(shown)

    def _merged(self, like: Family) -> Family:
        join = _JOIN["sum" if like.type in _GROWING else _ACROSS.get(like.name, "sum")]
        values: dict[Key, float] = {}
        exemplars: dict[Key, Exemplar | None] = {}
        for told in self._workers.values():
            family = told.families.get(like.name)
            for sample in () if family is None else family.samples:
                key = _key(sample)
                values[key] = join(values[key], sample.value) if key in values else sample.value
                exemplars[key] = sample.exemplar or exemplars.get(key)
            for key, value in told.before.get(like.name, {}).items():
                values[key] = values.get(key, 0.0) + value
        merged = Family(like.name, like.documentation, like.type, like.unit)
        merged.samples = [
            Sample(name, dict(labels), value, None, exemplars.get((name, labels))) for (name, labels), value in values.items()
        ]
        return merged


def _keep_counts(told: _Told) -> None:
    for name, family in told.families.items():
        if family.type in _GROWING:
            kept = told.before.setdefault(name, {})
            for sample in family.samples:
                kept[_key(sample)] = kept.get(_key(sample), 0.0) + sample.value
    told.families = {}


def _key(sample: Sample) -> Key:
    return sample.name, tuple(sorted(sample.labels.items()))
