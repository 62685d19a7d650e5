"""Assembles the process of `etapa deliver`. It is separate from the command, so that `etapa deliver --help` answers at once."""

from collections.abc import Mapping

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.traces import tracer_for
from etapa.deliver.delivery_file.plan import Plan
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.request_tracer import RequestTracer
from etapa.deliver.process import run_delivery
from etapa.hosting.health import WorkerError
from etapa.serve.service import HttpServerError
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError


def work(settings: Settings, plan: Plan, credentials: Mapping[str, Credentials]) -> None:
    """Deliver and serve HTTP until told to stop. Ends the command when that is not possible."""
    try:
        with tracer_for(settings, "delivery") as tracer:
            spans: RequestTracer | None = None
            if tracer is not None:
                from etapa.tracing.request_spans import RequestSpans

                spans = RequestSpans(tracer)
            run_delivery(settings, plan, credentials, spans)
    except KafkaSettingsError as error:
        raise WrongUse(str(error)) from None
    except (HttpServerError, WorkerError) as error:
        raise CheckFailed(str(error)) from None
