"""Every metric of Etapa, a row for each. The objects of Prometheus, docs/metrics.md and the dashboards are made from here."""

from types import ModuleType

from etapa.metrics.catalogue import customers, delivery, partitions, process, processing, supervisor
from etapa.metrics.catalogue.metric import Metric


def _rows(*tables: ModuleType) -> tuple[Metric, ...]:
    return tuple(row for table in tables for row in vars(table).values() if isinstance(row, Metric))


WORKER = _rows(customers, processing, partitions)
"""Metrics of workers only."""

DELIVERY = _rows(delivery)
"""Metrics of `etapa deliver` only."""

COMMON = _rows(process)
"""Metrics of both."""

SUPERVISOR = _rows(supervisor)
"""Additional metrics of `etapa run` with more than one worker (`--workers`)."""
