"""A collector of OpenTelemetry spans: receives them by OTLP over HTTP, and keeps them."""

import gzip

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.servers.local_http import LocalHttpServer, QuietHandler

TOKEN = "a token that only the collector may see"


class CollectorServer(LocalHttpServer):
    """Use it in a `with` block. Refuses requests without the token."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, Span]] = []
        self.refused = 0
        owner = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Authorization") != TOKEN or self.path != "/v1/traces":
                    owner.refused += 1
                    self.send_error(401)
                    return
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                owner._keep(ExportTraceServiceRequest.FromString(body))
                self.answer(200, ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")

        super().__init__(Handler)

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for each in request.resource_spans:
            names = {one.key: one.value.string_value for one in each.resource.attributes}
            for scope in each.scope_spans:
                self._spans.extend((names["service.name"], span) for span in scope.spans)

    def spans(self, service: str, name: str) -> list[Span]:
        """The spans of this service and this name that have arrived."""
        return [span for of, span in list(self._spans) if (of, span.name) == (service, name)]
