"""A collector of OpenTelemetry spans: receives them by OTLP over HTTP, and keeps them."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TOKEN = "a token that only the collector may see"


class CollectorServer:
    """Use it in a `with` block. Refuses requests without the token."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, Span]] = []
        self.refused = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Authorization") != TOKEN or self.path != "/v1/traces":
                    owner.refused += 1
                    self.send_error(401)
                    return
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                owner._keep(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for each in request.resource_spans:
            names = {one.key: one.value.string_value for one in each.resource.attributes}
            for scope in each.scope_spans:
                self._spans.extend((names["service.name"], span) for span in scope.spans)

    def spans(self, service: str, name: str) -> list[Span]:
        """The spans of this service and this name that have arrived."""
        return [span for of, span in list(self._spans) if (of, span.name) == (service, name)]
