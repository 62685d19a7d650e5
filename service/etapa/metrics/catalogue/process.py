"""What workers and `etapa deliver` both tell: the servers that they need, the HTTP requests to them, and which Etapa runs."""

from etapa.metrics.catalogue.bounds import REQUEST_TIMES
from etapa.metrics.catalogue.metric import Metric

DEPENDENCY_UP = Metric(
    name="etapa_dependency_up",
    kind="gauge",
    across="least",
    labels=("dependency",),
    help="1 if the server (kafka, redis) worked when last checked, else 0; a worker needs both, delivery needs kafka",
)
DEPENDENCY_SINCE = Metric(
    name="etapa_dependency_since_timestamp_seconds",
    kind="gauge",
    across="most",
    labels=("dependency",),
    unit="Unix time in seconds",
    help="When etapa_dependency_up last changed, as Unix time",
)
DEPENDENCY_TROUBLE = Metric(
    name="etapa_dependency_trouble",
    kind="gauge",
    across="most",
    labels=("dependency", "cause"),
    help="1 for the reason why the server does not work, 0 for all others",
)
HTTP_REQUESTS = Metric(
    name="etapa_http_requests_total",
    kind="counter",
    labels=("route", "status"),
    help="HTTP requests, by the template of the path and the class of the status, such as 2xx",
    absent_at_first="each pair has a series after its first request",
)
HTTP_SECONDS = Metric(
    name="etapa_http_request_seconds",
    kind="histogram",
    labels=("route",),
    unit="seconds",
    bounds=REQUEST_TIMES,
    help="How long HTTP requests took",
    absent_at_first="a path has a series after its first request",
)
BUILD_INFO = Metric(
    name="etapa_build_info",
    kind="gauge",
    across="most",
    labels=("version", "python", "compiled"),
    help="The Etapa that is running; always 1",
)
