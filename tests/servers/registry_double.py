"""A server with the part of a schema registry's interface that reading needs. It fails on request, in ways that a real one cannot."""

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.servers.local_http import LocalHttpServer, QuietHandler


class RegistryDouble(LocalHttpServer):
    """Has these schemas by number, and these versions of subjects, in a registry's form. Use it in a `with` block.

    `authorization`: what every request must send. `tls`: the context with which it serves HTTPS.
    """

    def __init__(
        self,
        schemas: Mapping[int, Mapping[str, Any]],
        subjects: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        authorization: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answers: tuple[int, Any] | None = None
        """The status and body of every response from now on."""
        self.authorizations: list[str | None] = []
        """The credentials that each request sent."""
        owner = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                owner.authorizations.append(given)
                refused = (401, {"error_code": 40101, "message": "Unauthorized"}) if authorization not in (None, given) else None
                status, body = owner.answers or refused or owner._found(unquote(urlsplit(self.path).path))
                data = json.dumps(body).encode() if not isinstance(body, bytes) else body
                self.answer(status, data)

        self._schemas, self._subjects = schemas, subjects or {}
        super().__init__(Handler, tls)

    def _found(self, path: str) -> tuple[int, Any]:
        kind, *rest = path.strip("/").split("/", 1)
        if kind == "schemas" and rest:
            schema = self._schemas.get(int(rest[0].removeprefix("ids/")))
            return (404, {"error_code": 40403, "message": "Schema not found"}) if schema is None else (200, schema)
        if kind == "subjects" and rest:
            subject, _, version = rest[0].partition("/versions/")
            found = self._subjects.get(f"{subject}/{version}")
            return (404, {"error_code": 40401, "message": "Subject not found"}) if found is None else (200, found)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
