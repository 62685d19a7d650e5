"""The process of `etapa deliver`: a Faust app with one agent, and the services around it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping

from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.delivery_service import DeliveryService
from etapa.deliver.dispatch.request_tracer import RequestTracer
from etapa.deliver.faust_consumer import DeliveryApp, hand_over
from etapa.deliver.metrics import DeliveryMetrics
from etapa.errors import EtapaError
from etapa.hosting.faust_frame import StoppableWorker, made_app
from etapa.hosting.health import WorkerError
from etapa.hosting.system_clock import SystemClock
from etapa.journey.units import SECOND
from etapa.serve.readiness import HealthApi
from etapa.serve.service import HttpService
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe, thin_out_logs
from etapa.stream.kafka.topics.creation import TopicsError, check_delivery_topics

_STOP_SECONDS = 30.0
"""Seconds on top of the longest request: time to store the progress and to leave the group."""
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 10.0
_NEVER = 1_000_000_000
_QUEUE = 1_000_000
"""Faust's own limit for what waits for an agent; fetching pauses long before."""

logger = logging.getLogger(__name__)


def run_delivery(settings: Settings, plan: Plan, credentials: Mapping[str, Credentials], tracer: RequestTracer | None = None) -> None:
    """Deliver until SIGTERM or SIGINT, then finish the requests under way and return.

    Raises `KafkaSettingsError` or `HttpServerError` at the start, and `WorkerError` when it ends on its own.
    """
    thin_out_logs()
    asyncio.run(_run(settings, plan, credentials, tracer))


async def _run(settings: Settings, plan: Plan, credentials: Mapping[str, Credentials], tracer: RequestTracer | None) -> None:
    cluster = Cluster(settings)
    metrics = DeliveryMetrics(plan, SystemClock().now)
    service = DeliveryService(cluster, plan, credentials, metrics, tracer)
    http = HttpService(HealthApi(service, metrics.registry, metrics.http).application(), settings.http_host, settings.http_port)
    worker = StoppableWorker(_app(cluster, service, metrics), service.longest_request + _STOP_SECONDS)
    worker.install_signal_handlers()
    await http.start()
    try:
        if await _wait_for_kafka(cluster, service, worker.asked_to_stop):
            await _work(worker, service)
    finally:
        await http.stop()


async def _work(worker: StoppableWorker, service: DeliveryService) -> None:
    try:
        await worker.run_until_stopped(service)
    except Exception as error:
        told = str(error) if isinstance(error, EtapaError) else describe(error)
        raise WorkerError(f"delivery ended: {told}") from error
    if not service.kept_all:
        raise WorkerError(
            "delivery ended, but Kafka did not store its progress: what was delivered since it was last stored will be delivered again"
        )


async def _wait_for_kafka(cluster: Cluster, service: DeliveryService, stop: asyncio.Event) -> bool:
    """Wait until Kafka answers; False when told to stop first. Raises `WorkerError` when topics are missing."""
    backoff = _FIRST_BACKOFF
    while not stop.is_set():
        try:
            for warning in await check_delivery_topics(cluster):
                logger.warning("%s", warning)
        except TopicsError as error:
            raise WorkerError(str(error)) from error
        except KAFKA_FAILURES as error:
            logger.warning("no delivery without %s", await service.no_kafka(error))
        else:
            service.kafka_answers()
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), backoff * random.uniform(0.5, 1.0))  # noqa: S311 (spreads tries, guards nothing)
        backoff = min(_LONGEST_BACKOFF, 2 * backoff)
    return False


def _app(cluster: Cluster, service: DeliveryService, metrics: DeliveryMetrics) -> DeliveryApp:
    settings = cluster.settings
    session_seconds = settings.session_timeout / SECOND
    app = made_app(
        DeliveryApp,
        settings.delivery_group,
        settings,
        [service],
        consumes=True,
        # These are for Faust's commits and for its waiting for acknowledgements, and there are none.
        stream_wait_empty=False,
        broker_commit_interval=_NEVER,
        stream_buffer_maxsize=_QUEUE,
        broker_session_timeout=session_seconds,
        broker_request_timeout=max(60.0, session_seconds),
    )
    app.cluster, app.dispatcher, app.observer, app.progress_log = cluster, service.dispatcher, metrics, service.progress_log
    app.hand_back_seconds = service.hand_back_seconds
    service.serve(app)
    hand_over(app)
    return app
