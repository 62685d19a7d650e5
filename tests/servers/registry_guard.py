"""A proxy in front of a schema registry: speaks TLS, and asks for a client's certificate and a login, as a company's gateway does."""

import ssl
import urllib.error
import urllib.request
from base64 import b64encode

from tests.servers.certificates import Authority
from tests.servers.local_http import LocalHttpServer, QuietHandler


class RegistryGuard(LocalHttpServer):
    """Lets requests with a certificate of `authority` and this login through to the registry at `url`. Use it in a `with` block."""

    def __init__(self, url: str, authority: Authority, login: str) -> None:
        wanted = "Basic " + b64encode(login.encode()).decode()
        behind = ssl.create_default_context(cafile=authority.certificate)
        own = authority.issue("guard", "127.0.0.1")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
        context.load_cert_chain(own.certificate, own.key)
        context.verify_mode = ssl.CERT_REQUIRED
        host, path = url[: url.index("/", 8)], url[url.index("/", 8) :]

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                if self.headers.get("Authorization") != wanted:
                    self.answer(401, b'{"error_code": 40101, "message": "Unauthorized"}')
                    return
                try:
                    with urllib.request.urlopen(host + self.path, timeout=30, context=behind) as answer:
                        self.answer(answer.status, answer.read())
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.read())

        super().__init__(Handler, context)
        self.url += path
