"""The Prometheus metrics of the HTTP server. Labels are path templates and status classes, so they never hold a customer's id."""

from prometheus_client import CollectorRegistry

from etapa.metrics import catalogue


class HttpMetrics:
    """Counts and measures requests into a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = catalogue.process.HTTP_REQUESTS.counter(registry)
        self._seconds = catalogue.process.HTTP_SECONDS.histogram(registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request for a path with this template was answered with this status, after this many seconds."""
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)
