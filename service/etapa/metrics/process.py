"""Metrics that every process has: its build, its memory, its file descriptors."""

import platform

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

import etapa
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.metrics.catalogue.process import BUILD_INFO


def empty_registry() -> CollectorRegistry:
    """A new, empty registry."""
    # Otherwise every counter has a second series with its creation time.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


def new_registry() -> CollectorRegistry:
    """A new registry with the metrics that every process has."""
    registry = empty_registry()
    BUILD_INFO.gauge(registry).labels(etapa.__version__, platform.python_version(), "yes" if IS_COMPILED else "no").set(1)
    ProcessCollector(registry=registry)
    return registry
