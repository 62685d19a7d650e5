"""What every process of Etapa serves over HTTP: its metrics, whether it is alive, and whether it is ready."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from etapa.hosting.health import Health
from etapa.serve import answer_shapes as answers
from etapa.serve.operations import OF_EVERY_PROCESS, Operation
from etapa.serve.ports import ReadinessCheck, RequestObserver
from etapa.serve.problems import HEADERS, problems_as_json
from etapa.serve.requests import told_to

READINESS_SECONDS = 5.0
"""How long all checks of /readyz together may take; probes give up after about this time."""


class HealthApi:
    """The handlers, with what they read from."""

    def __init__(self, readiness: ReadinessCheck, registry: CollectorRegistry, requests: RequestObserver) -> None:
        self._readiness = readiness
        self._registry = registry
        self._requests = requests

    def application(self) -> web.Application:
        """An application with only these routes."""
        return application_of(OF_EVERY_PROCESS, [self], self._requests)

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: in the format that the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        response = web.Response(body=encode(self._registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def healthz(self, request: web.Request) -> web.Response:
        """GET /healthz: any answer at all shows that the event loop is alive."""
        return json_answer(answers.Alive(alive=True))

    async def readyz(self, request: web.Request) -> web.Response:
        """GET /readyz: 200 when everything is ready, otherwise 503 and what is not."""
        try:
            async with asyncio.timeout(READINESS_SECONDS):
                checks = await self._readiness.health()
        except TimeoutError:
            checks = [Health("checks", ready=False, detail=f"took longer than {READINESS_SECONDS:g} seconds")]
        return _readiness_answer(checks)


def _readiness_answer(checks: Sequence[Health]) -> web.Response:
    ready = all(check.ready for check in checks)
    body = answers.Readiness(
        ready,
        not_ready=[answers.Check(check.name, check.detail) for check in checks if not check.ready],
        remarks=[answers.Check(check.name, check.detail) for check in checks if check.ready and check.detail],
        checked=[check.name for check in checks],
    )
    return json_answer(body, status=200 if ready else 503)


def application_of(operations: Sequence[Operation], handlers: Sequence[object], requests: RequestObserver) -> web.Application:
    """An application with a route for each operation. Its handler is the method of the same name in the first of `handlers` that has one."""
    app = web.Application(middlewares=[told_to(requests), problems_as_json])
    for operation in operations:
        path = operation.path.replace("{id}", "{id:[^/]+}")
        app.router.add_get(path, next(getattr(each, operation.name) for each in handlers if hasattr(each, operation.name)))
    app.on_response_prepare.append(set_headers)
    return app


def json_answer(body: Any, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return json_bytes(msgspec.json.encode(body), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """An answer that is JSON already."""
    return web.Response(body=body + b"\n", status=status, content_type="application/json")


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer."""
    response.headers.update(HEADERS)
