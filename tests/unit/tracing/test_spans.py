"""Spans of batches and of deliveries, as OpenTelemetry's own SDK keeps them."""

import asyncio
import os
import socket
import subprocess
import sys
import uuid
from array import array
from collections.abc import Iterator, Mapping

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, Tracer
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from etapa.deliver.attempts.target_answers import Answer
from etapa.journey.engine.facts.change_counts import ChangeCounts
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import SECOND
from etapa.settings import SHIPPED_JOURNEY, Settings
from etapa.stream.protocol.arrivals import arrivals_of
from etapa.stream.protocol.observer import BatchCommitted
from etapa.stream.protocol.records import Record
from etapa.stream.worker_observer import WorkerObserver
from etapa.tracing.batch_spans import MOST_LINKS, TracedMetrics
from etapa.tracing.provider import TracingError, tracing, tracing_by
from etapa.tracing.request_spans import RequestSpans

COMMITTED_AT = 1_795_000_000 * SECOND
JOURNEY = journey_or_raise(SHIPPED_JOURNEY.read_text(encoding="utf-8"), SHIPPED_JOURNEY.name)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def traceparent(trace: str = TRACE, flags: str = "01") -> str:
    return f"00-{trace}-{PARENT}-{flags}"


def record(offset: int, parent: str | None = None) -> Record:
    headers = () if parent is None else (("traceparent", parent.encode()),)
    return Record(offset, COMMITTED_AT - 3 * SECOND, b"c-1", b"{}", headers)


def batch(records: list[Record]) -> BatchCommitted:
    return BatchCommitted(
        applied=len(records),
        duplicates=0,
        dead_letters={},
        changes=ChangeCounts(),
        stage_deltas={},
        timers_fired=2,
        timer_delays=array("q"),
        arrivals=arrivals_of(records, len(records)),
        committed_at=COMMITTED_AT,
        stream_time=None,
        seconds={"decode": 0.1, "load": 0.2, "commit": 0.5},
        began={"fetch": 2.0, "decode": 1.0, "load": 0.9, "commit": 0.5},
    )


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def shown(registry: CollectorRegistry) -> str:
    """The metrics, as for a Prometheus that requests exemplars."""
    encode, _ = choose_encoder("application/openmetrics-text;version=1.0.0")
    return str(encode(registry).decode())


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    with tracing_by(SimpleSpanProcessor(exporter), "worker", "shop") as tracer:
        yield tracer


@pytest.fixture
def metrics(tracer: Tracer) -> TracedMetrics:
    return TracedMetrics(JOURNEY, Settings(group="shop"), tracer)


def times(span: ReadableSpan) -> tuple[float, float]:
    """Begin and end, in seconds after the commit."""
    assert span.start_time is not None
    assert span.end_time is not None
    return tuple(round(at / 1e9 - COMMITTED_AT / SECOND, 3) for at in (span.start_time, span.end_time))  # type: ignore[return-value]


def test_a_batch_is_a_span_with_its_steps_below_it(metrics: TracedMetrics, exporter: InMemorySpanExporter) -> None:
    observer: WorkerObserver = metrics
    observer.batch_committed(3, batch([record(7), record(9)]))
    observer.view_applied(3, 0.4, 0.3)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    whole = spans.pop("process touchpoints")
    assert (whole.kind, whole.parent, times(whole)) == (SpanKind.CONSUMER, None, (-2.0, 0.4))
    assert {name: times(span) for name, span in spans.items()} == {
        "fetch": (-2.0, -1.0),
        "decode": (-1.0, -0.9),
        "load": (-0.9, -0.7),
        "commit": (-0.5, 0.0),
        "apply": (0.1, 0.4),
    }
    assert {span.parent.span_id for span in spans.values() if span.parent is not None} == {context_of(whole).span_id}
    attributes = whole.attributes or {}
    assert attributes["messaging.destination.partition.id"] == "3"
    assert attributes["messaging.batch.message_count"] == 2
    assert (attributes["etapa.offset.first"], attributes["etapa.offset.last"], attributes["etapa.timers_fired"]) == (7, 9, 2)
    assert dict(whole.resource.attributes)["service.name"] == "etapa-worker"


def test_a_batch_is_linked_to_the_sampled_traces_of_its_touchpoints_up_to_a_number(
    metrics: TracedMetrics, exporter: InMemorySpanExporter
) -> None:
    metrics.batch_committed(0, batch([record(0, traceparent()), record(1, traceparent()), record(2, traceparent("1" * 32, "00"))]))
    metrics.batch_committed(0, batch([record(number, traceparent(f"{number + 1:032x}")) for number in range(1000)]))
    metrics.released(0)
    few, many = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER]
    assert [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in few.links] == [(TRACE, PARENT)]
    linked = [link.context.trace_id for link in many.links]
    assert MOST_LINKS // 2 < len(linked) <= MOST_LINKS
    assert max(linked) > 900, "from all over the batch"


def test_a_span_ends_also_where_the_view_never_shows_its_batch(metrics: TracedMetrics, exporter: InMemorySpanExporter) -> None:
    metrics.batch_committed(0, batch([]))
    metrics.takeover_started(0, "view_error")
    metrics.view_applied(0, 1.0, 1.0)
    assert [span.name for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER] == ["process touchpoints"]
    assert "apply" not in {span.name for span in exporter.get_finished_spans()}


def test_histograms_name_the_trace_of_a_batch_and_of_a_touchpoint(metrics: TracedMetrics, exporter: InMemorySpanExporter) -> None:
    metrics.batch_committed(0, batch([record(0, traceparent())]))
    metrics.view_applied(0, 0.4, 0.3)
    [whole] = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER]
    lines = shown(metrics.registry).splitlines()
    exemplars = {line.partition("{")[0]: line.partition(" # ")[2] for line in lines if " # " in line}
    assert exemplars.keys() == {"etapa_end_to_end_seconds_bucket", "etapa_batch_seconds_bucket", "etapa_view_delay_seconds_bucket"}
    assert f'trace_id="{TRACE}"' in exemplars["etapa_end_to_end_seconds_bucket"]
    assert f'trace_id="{context_of(whole).trace_id:032x}"' in exemplars["etapa_batch_seconds_bucket"]


def test_nothing_is_kept_of_spans_that_are_not_sampled(monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with tracing_by(SimpleSpanProcessor(exporter), "worker", "shop") as tracer:
        metrics = TracedMetrics(JOURNEY, Settings(), tracer)
        metrics.batch_committed(0, batch([record(0)]))
        metrics.view_applied(0, 0.4, 0.3)
    assert exporter.get_finished_spans() == ()
    assert " # " not in shown(metrics.registry)


def sent(tracer: Tracer, trace: Mapping[str, str], answer: Answer, attempt: int = 1) -> dict[str, str]:
    with RequestSpans(tracer).request("crm", "thanks", attempt, trace) as request:
        request.answered(answer)
    return dict(request.headers)


def test_a_request_is_a_child_of_the_trigger_and_the_parent_of_what_its_receiver_does(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    trace = {"traceparent": traceparent(), "tracestate": "a=1,b=2", "baggage": "shop=1"}
    headers = sent(tracer, trace, Answer(503), attempt=2)
    [span] = exporter.get_finished_spans()
    context = context_of(span)
    assert (span.name, span.kind, f"{context.trace_id:032x}") == ("POST", SpanKind.CLIENT, TRACE)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT
    assert headers == {**trace, "traceparent": f"00-{TRACE}-{context.span_id:016x}-01"}
    assert span.status.status_code is StatusCode.ERROR
    attributes = span.attributes or {}
    assert (attributes["http.request.resend_count"], attributes["http.response.status_code"]) == (1, 503)
    assert (attributes["etapa.target"], attributes["error.type"]) == ("crm", "503")


def test_a_trigger_without_a_trace_begins_one_and_one_that_nobody_keeps_stays_so(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    headers = sent(tracer, {}, Answer(204))
    [span] = exporter.get_finished_spans()
    context = context_of(span)
    assert headers == {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}
    assert span.status.status_code is StatusCode.UNSET
    assert sent(tracer, {"traceparent": traceparent(flags="00")}, Answer(204))["traceparent"].startswith(f"00-{TRACE}-")
    assert len(exporter.get_finished_spans()) == 1


def test_the_standard_variables_name_the_service_before_we_do(monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "journeys")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    with tracing_by(SimpleSpanProcessor(exporter), "delivery", "shop") as tracer:
        sent(tracer, {}, Answer(204))
    resource = dict(exporter.get_finished_spans()[0].resource.attributes)
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("journeys", "staging")


def test_processes_of_one_machine_are_told_apart() -> None:
    exporters = [InMemorySpanExporter(), InMemorySpanExporter()]
    for each in exporters:
        with tracing_by(SimpleSpanProcessor(each), "worker", "shop") as tracer:
            sent(tracer, {}, Answer(204))
    first, second = (dict(each.get_finished_spans()[0].resource.attributes) for each in exporters)
    assert uuid.UUID(str(first["service.instance.id"])) != uuid.UUID(str(second["service.instance.id"]))
    # What the lines of the log call `instance`.
    assert (first["host.name"], first["process.pid"]) == (socket.gethostname(), os.getpid())


def test_another_protocol_than_ours_is_refused_by_its_variable() -> None:
    with (
        pytest.raises(TracingError, match="OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'"),
        tracing("worker", "shop", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
    ):
        pass


def test_a_collector_that_is_away_does_not_keep_a_process_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("etapa.tracing.provider._FLUSH_SECONDS", 0.2)
    arrived = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(3600)
        return web.Response()

    async def scenario() -> None:
        app = web.Application()
        app.router.add_post("/v1/traces", never)
        runner = web.AppRunner(app, shutdown_timeout=0.01)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}")

        def use() -> None:
            with tracing("worker", "shop", {}) as tracer:
                tracer.start_span("x").end()

        using = asyncio.create_task(asyncio.to_thread(use))
        await arrived.wait()
        async with asyncio.timeout(30):
            await using
        await runner.cleanup()

    asyncio.run(scenario())
    assert "they are lost" in caplog.text


_WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from etapa.commands.terminal import delivery_process, worker_process
from etapa.commands.terminal.traces import tracer_for
from etapa.settings import Settings
with tracer_for(Settings(), "worker") as tracer:
    print(tracer, [name for name in sys.modules if name.startswith("etapa.tracing")])
with tracer_for(Settings(traces="otlp"), "worker") as tracer:
    pass
"""


def test_nothing_of_opentelemetry_is_needed_while_traces_are_off() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "None []"
    assert "ETAPA_TRACES is otlp, which needs what comes with `pip install 'etapa[otel]'`" in done.stderr
