"""What Prometheus sees of the HTTP server. Labels are templates of paths and classes of statuses, so that no customer's id is one."""

from prometheus_client import CollectorRegistry

from etapa.metrics import catalogue


class HttpMetrics:
    """Counts and measures requests into a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = catalogue.HTTP_REQUESTS.counter(registry)
        self._seconds = catalogue.HTTP_SECONDS.histogram(registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request for a path of this template was answered so, and took so long."""
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)
