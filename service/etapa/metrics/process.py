"""What every process tells of itself: its build, its memory, its file descriptors."""

import platform

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

import etapa
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.metrics.catalogue import BUILD_INFO


def empty_registry() -> CollectorRegistry:
    """A registry of its own, with nothing in it yet."""
    # Otherwise every counter brings a second series along that says when it was made.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


def new_registry() -> CollectorRegistry:
    """A registry of its own, with what every process tells."""
    registry = empty_registry()
    BUILD_INFO.gauge(registry).labels(etapa.__version__, platform.python_version(), "yes" if IS_COMPILED else "no").set(1)
    ProcessCollector(registry=registry)
    return registry
