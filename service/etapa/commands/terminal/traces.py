"""The tracer of a process, if its settings ask for one. Etapa imports OpenTelemetry only then."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from etapa.commands.terminal.failures import WrongUse
from etapa.settings import Settings, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer


@contextmanager
def tracer_for(settings: Settings, process: Literal["worker", "delivery"]) -> Iterator[Tracer | None]:
    """The tracer; None when traces are off. Ends the command when spans cannot be sent as set."""
    if settings.traces == "off":
        yield None
        return
    try:
        from etapa.tracing.provider import TracingError, tracing
    except ImportError:
        variable = variable_of("traces")
        raise WrongUse(
            f"{variable} is {settings.traces}, which needs what comes with `pip install 'etapa[otel]'`; install it, or unset {variable}"
        ) from None
    try:
        with tracing(process, settings.group, os.environ) as tracer:
            yield tracer
    except TracingError as error:
        raise WrongUse(str(error)) from None
