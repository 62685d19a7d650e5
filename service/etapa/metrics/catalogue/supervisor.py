"""What `etapa run` with more than one worker (`--workers`) tells of them."""

from etapa.metrics.catalogue.metric import Metric

WORKERS_UP = Metric(name="etapa_supervised_workers_up", kind="gauge", help="Workers that run now, of those that `--workers` asks for")
WORKERS_WANTED = Metric(name="etapa_supervised_workers", kind="gauge", help="Workers that `--workers` asks for")
WORKER_RESTARTS = Metric(
    name="etapa_supervised_restarts_total", kind="counter", help="Times that a worker ended by itself and was started again"
)
