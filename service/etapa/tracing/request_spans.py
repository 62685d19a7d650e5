"""Spans of delivery: one for each request to a target, in the trace of the touchpoint that caused the trigger."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from etapa.deliver.attempts.target_answers import Answer, verdict_of
from etapa.deliver.dispatch.request_tracer import TracedRequest

_W3C = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


class RequestSpans:
    """A `deliver.dispatch.request_tracer.RequestTracer`. Attributes hold neither address nor customer: both may be nobody else's business."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def request(self, target: str, campaign: str, attempt: int, trace: Mapping[str, str]) -> Iterator[TracedRequest]:
        context = _W3C.extract(trace, Context())
        attributes: dict[str, str | int] = {
            "http.request.method": "POST",
            "http.request.resend_count": attempt - 1,
            "etapa.target": target,
            "etapa.campaign": campaign,
        }
        span = self._tracer.start_span("POST", context, SpanKind.CLIENT, attributes)
        headers: dict[str, str] = {}
        _W3C.inject(headers, set_span_in_context(span, context))

        def answered(answer: Answer) -> None:
            if answer.status is not None:
                span.set_attribute("http.response.status_code", answer.status)
            if verdict_of(answer) != "delivered":
                span.set_attribute("error.type", "no_answer" if answer.status is None else str(answer.status))
                span.set_status(Status(StatusCode.ERROR, answer.told))

        try:
            yield TracedRequest(headers, answered)
        finally:
            span.end()
