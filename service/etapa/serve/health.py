"""What every process of Etapa answers over HTTP: its metrics, that it is alive, and whether it is ready."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from etapa.hosting.health import Health
from etapa.serve.ports import Readiness
from etapa.serve.problems import problems_as_json

READINESS_SECONDS = 5.0
"""How long the checks of /readyz may take together; probes give up at about this time."""


class HealthApi:
    """The handlers, with what they read from."""

    def __init__(self, readiness: Readiness, registry: CollectorRegistry) -> None:
        self._readiness = readiness
        self._registry = registry

    def routes(self) -> list[web.RouteDef]:
        """The routes, for an application that has others too."""
        return [web.get("/metrics", self.metrics), web.get("/healthz", self.healthz), web.get("/readyz", self.readyz)]

    def application(self) -> web.Application:
        """An application with these routes alone."""
        app = web.Application(middlewares=[problems_as_json])
        app.add_routes(self.routes())
        app.on_response_prepare.append(set_headers)
        return app

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: in the format that the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        response = web.Response(body=encode(self._registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def healthz(self, request: web.Request) -> web.Response:
        """GET /healthz: that it is answered at all says that the event loop is alive."""
        return json_answer({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """GET /readyz: 200 when everything is ready, else 503 and what is not."""
        try:
            async with asyncio.timeout(READINESS_SECONDS):
                checks = await self._readiness.health()
        except TimeoutError:
            checks = [Health("checks", ready=False, detail=f"took longer than {READINESS_SECONDS:g} seconds")]
        return _readiness_answer(checks)


def _readiness_answer(checks: Sequence[Health]) -> web.Response:
    ready = all(check.ready for check in checks)
    body = {
        "ready": ready,
        "not_ready": [{"name": check.name, "detail": check.detail} for check in checks if not check.ready],
        "remarks": [{"name": check.name, "detail": check.detail} for check in checks if check.ready and check.detail],
        "checked": [check.name for check in checks],
    }
    return json_answer(body, status=200 if ready else 503)


def json_answer(body: Any, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return json_bytes(msgspec.json.encode(body), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """An answer that is JSON already."""
    return web.Response(body=body + b"\n", status=status, content_type="application/json")


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer."""
    response.headers["Server"] = "etapa"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
