"""Spans of the worker: one for each batch, with its steps below it, linked to the traces of its touchpoints.

A batch belongs to no single trace, since it holds touchpoints of many; it begins one of its own. See
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ for the names of the attributes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, TraceFlags, Tracer, set_span_in_context

from etapa.journey.language.model import Journey
from etapa.journey.units import SECOND
from etapa.metrics.trace_sample import sampled_parents
from etapa.metrics.worker import Metrics
from etapa.settings import Settings
from etapa.stream.protocol.arrivals import MOST_KEPT
from etapa.stream.protocol.observer import BatchCommitted
from etapa.stream.protocol.ports import TakeoverReason
from etapa.stream.protocol.records import Record

MOST_LINKS: Final = MOST_KEPT
"""Traces that a batch is linked to, at most; and so many of its records are looked at for them."""
_ROOT: Final = Context()


class TracedMetrics(Metrics):
    """`Metrics` that also makes spans, and gives them to the histograms of a batch as exemplars."""

    def __init__(
        self,
        journey: Journey,
        settings: Settings,
        tracer: Tracer,
        type_mismatches: Callable[[], Sequence[tuple[str, str, int]]] = lambda: (),
    ) -> None:
        super().__init__(journey, type_mismatches=type_mismatches)
        self._tracer = tracer
        self._topic = settings.topic_touchpoints
        self._attributes: Mapping[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": settings.topic_touchpoints,
            "messaging.consumer.group.name": settings.group,
            "etapa.journey": journey.id,
            "etapa.journey.version": journey.version,
        }
        self._open: dict[int, tuple[Span, int]] = {}
        """By partition: the span of the last batch and its end so far. It is open until the view shows the batch."""

    def batch_committed(self, partition: int, batch: BatchCommitted, exemplar: dict[str, str] | None = None) -> None:
        self._end(partition)
        ends = batch.committed_at * 1000
        span = self._begin(partition, batch, ends)
        if span.is_recording():
            for step, began in batch.began.items():
                # What is fetched is decoded at once.
                seconds = began - batch.began.get("decode", 0.0) if step == "fetch" else batch.seconds[step]
                self._part(span, step, ends - _nanoseconds(began), seconds)
        self._open[partition] = span, ends
        super().batch_committed(partition, batch, _labels_of(span))

    def view_applied(self, partition: int, delay: float, apply: float, exemplar: dict[str, str] | None = None) -> None:
        span, committed = self._open.get(partition, (None, 0))
        super().view_applied(partition, delay, apply, None if span is None else _labels_of(span))
        if span is not None:
            ends = committed + _nanoseconds(delay)
            self._part(span, "apply", ends - _nanoseconds(apply), apply)
            self._open[partition] = span, ends
            self._end(partition)

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        # What was committed and may not be shown by the view is now the takeover's business.
        self._end(partition)
        super().takeover_started(partition, reason)

    def released(self, partition: int) -> None:
        self._end(partition)
        super().released(partition)

    def _begin(self, partition: int, batch: BatchCommitted, ends: int) -> Span:
        arrivals = batch.arrivals
        attributes: dict[str, str | int] = {
            **self._attributes,
            "messaging.destination.partition.id": str(partition),
            "messaging.batch.message_count": arrivals.count,
            "etapa.duplicates": batch.duplicates,
            "etapa.dead_letters": sum(batch.dead_letters.values()),
            "etapa.stage_changes": batch.changes.total,
            "etapa.timers_fired": batch.timers_fired,
        }
        if arrivals.first is not None and arrivals.last is not None:
            attributes |= {"etapa.offset.first": arrivals.first, "etapa.offset.last": arrivals.last}
        return self._tracer.start_span(
            f"process {self._topic}",
            _ROOT,
            SpanKind.CONSUMER,
            attributes,
            links_of(arrivals.sample),
            ends - _nanoseconds(max(batch.began.values(), default=0.0)),
        )

    def _part(self, batch: Span, step: str, begins: int, seconds: float) -> None:
        part = self._tracer.start_span(step, set_span_in_context(batch, _ROOT), start_time=begins)
        part.end(begins + _nanoseconds(seconds))

    def _end(self, partition: int) -> None:
        span, ends = self._open.pop(partition, (None, 0))
        if span is not None:
            span.end(ends)


def links_of(records: Sequence[Record]) -> list[Link]:
    """Links to the traces of these records that somebody keeps, as far as they are found."""
    return [
        Link(SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
        for _, parent in sampled_parents(records, MOST_LINKS)
    ]


def _labels_of(span: Span) -> dict[str, str] | None:
    context = span.get_span_context()
    if not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * SECOND) * 1000
