"""A proxy in front of a schema registry: speaks TLS, and asks for a client's certificate and a login, as a company's gateway does."""

import ssl
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.servers.certificates import Authority


class RegistryGuard:
    """Lets requests with a certificate of `authority` and this login through to the registry at `url`. Use it in a `with` block."""

    def __init__(self, url: str, authority: Authority, login: str) -> None:
        wanted = "Basic " + b64encode(login.encode()).decode()
        behind = ssl.create_default_context(cafile=authority.certificate)
        own = authority.issue("guard", "127.0.0.1")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
        context.load_cert_chain(own.certificate, own.key)
        context.verify_mode = ssl.CERT_REQUIRED
        host, path = url[: url.index("/", 8)], url[url.index("/", 8) :]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers.get("Authorization") != wanted:
                    self._answer(401, b'{"error_code": 40101, "message": "Unauthorized"}')
                    return
                try:
                    with urllib.request.urlopen(host + self.path, timeout=30, context=behind) as answer:
                        self._answer(answer.status, answer.read())
                except urllib.error.HTTPError as error:
                    self._answer(error.code, error.read())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        # The handshake is made by the thread of the request, so that one that fails stops nobody else.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
