"""Whether the servers that a process depends on work, since when, and why not."""

from collections.abc import Callable, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry

from etapa.hosting.dependencies import Cause, Dependency
from etapa.metrics import catalogue


class Dependencies:
    """Three gauges for each server. Until a server has answered once, it counts as down since the start, for an unknown reason."""

    def __init__(self, names: Sequence[Dependency], registry: CollectorRegistry, now: Callable[[], float]) -> None:
        """`now` returns Unix time in seconds."""
        self._now = now
        self._up = catalogue.process.DEPENDENCY_UP.gauge(registry)
        self._since = catalogue.process.DEPENDENCY_SINCE.gauge(registry)
        self._trouble = catalogue.process.DEPENDENCY_TROUBLE.gauge(registry)
        self._is_up = dict.fromkeys(names, False)
        for name in names:
            self._up.labels(name)
            self._since.labels(name).set(now())
            for cause in get_args(Cause):
                self._trouble.labels(name, cause)

    def told(self, name: Dependency, cause: Cause | None) -> None:
        """The server works (None), or fails for this reason."""
        is_up = cause is None
        if is_up != self._is_up[name]:
            self._is_up[name] = is_up
            self._since.labels(name).set(self._now())
        self._up.labels(name).set(is_up)
        for each in get_args(Cause):
            self._trouble.labels(name, each).set(each == cause)
