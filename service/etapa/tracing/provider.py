"""Where spans go: to a collector, by OTLP over HTTP, from a thread of their own. What is to be sent and how follows OpenTelemetry's
own variables: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

import etapa
from etapa.errors import EtapaError

_PROTOCOL = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"
_FLUSH_SECONDS = 5.0
"""How long what still waits at the end may take."""

Process = Literal["worker", "delivery"]

logger = logging.getLogger(__name__)


class TracingError(EtapaError):
    """Spans cannot be sent as the variables want it. The message names the variable."""


@contextmanager
def tracing(process: Process, group: str, environment: Mapping[str, str]) -> Iterator[Tracer]:
    """A tracer whose spans go to the collector that `environment`, the process's own, names. What waits at the end is sent, if it is taken soon.

    Raises `TracingError`.
    """
    for name in _PROTOCOL:
        asked = environment.get(name, _SPOKEN)
        if asked != _SPOKEN:
            raise TracingError(f"{name} is {asked!r}, and Etapa sends spans by {_SPOKEN} alone")
    try:
        exporter = OTLPSpanExporter()
    except (ValueError, OSError) as error:
        raise TracingError(f"the variables OTEL_EXPORTER_OTLP_… cannot be used: {type(error).__name__}") from error
    with tracing_by(BatchSpanProcessor(exporter), process, group) as tracer:
        yield tracer


@contextmanager
def tracing_by(processor: SpanProcessor, process: Process, group: str) -> Iterator[Tracer]:
    """A tracer whose spans go through `processor`, which is shut down in the end."""
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before what we say.
    ours = Resource.create(
        {
            "service.name": f"etapa-{process}",
            "service.namespace": group,
            "service.version": etapa.__version__,
            # Random, as the standard advises: in containers, host and process number may be those of another.
            "service.instance.id": str(uuid.uuid4()),
            # As in the log's `instance`.
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
    )
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield provider.get_tracer("etapa", etapa.__version__)
    finally:
        # Elsewhere, since it waits for a collector that does not answer as long as it may, and this process is to end.
        ending = threading.Thread(target=provider.shutdown, name="etapa ending traces", daemon=True)
        ending.start()
        ending.join(_FLUSH_SECONDS)
        if ending.is_alive():
            logger.warning("the collector of spans did not take the last of them within %g s: they are lost", _FLUSH_SECONDS)
