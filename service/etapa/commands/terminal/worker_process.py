"""Assembles the worker and its HTTP server. It is separate from `run`, so that `etapa run --help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mode import Service

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.traces import tracer_for
from etapa.contracts.incoming.decoder import Decoder
from etapa.hosting.health import WorkerError
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.model import Journey
from etapa.metrics.worker import Metrics
from etapa.serve.http import Api
from etapa.serve.service import HttpServerError, HttpService
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.latest_changes import LatestChanges
from etapa.stream.member import Member
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.worker import run_worker

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def work(settings: Settings, journey: Journey, decoder: Decoder, socket: Path | None = None) -> None:
    """Classify the touchpoints that `decoder` reads, and serve HTTP, until told to stop. Ends the command when that is not possible.

    HTTP is served on the Unix socket `socket`, if one is given.
    """
    with tracer_for(settings, "worker") as tracer:
        program = compile_journey(journey)
        _work(settings, journey, program, decoder, _metrics(settings, journey, program, tracer), socket)


def _metrics(settings: Settings, journey: Journey, program: Program, tracer: Tracer | None) -> Metrics:
    if tracer is None:
        return Metrics(journey, type_mismatches=program.type_mismatches)
    from etapa.tracing.batch_spans import TracedMetrics

    return TracedMetrics(journey, settings, tracer, program.type_mismatches)


def _work(settings: Settings, journey: Journey, program: Program, decoder: Decoder, metrics: Metrics, socket: Path | None) -> None:
    def hosted(member: Member) -> list[Service]:
        changes = LatestChanges(Cluster(settings))
        api = Api(
            journey, member.view, member, metrics.registry, settings.api_token, metrics.http, settings.http_customer_rate, changes=changes
        )
        return [HttpService(api.application(), settings.http_host, settings.http_port, socket)]

    try:
        run_worker(settings, program, metrics, decoder, hosted)
    except (KafkaSettingsError, RedisUrlError) as error:
        raise WrongUse(str(error)) from None
    except (HttpServerError, WorkerError) as error:
        raise CheckFailed(str(error)) from None
