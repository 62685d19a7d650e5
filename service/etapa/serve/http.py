"""The HTTP application: metrics, health, readiness, stages, single customers, and a small page about all of it.

It reads what it is given and changes nothing. It is served by the worker and by the demo alike (see `service`).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web
from prometheus_client import CollectorRegistry

from etapa.contracts.explanation import explanation_json
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.state import StateError, decode_state
from etapa.hosting.clock import SystemClock
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.classify import EvaluationFailed
from etapa.journey.engine.judging.explain import explain
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey, Stage
from etapa.serve.access import access_of
from etapa.serve.health import HealthApi, json_answer, json_bytes, set_headers
from etapa.serve.journey_map import changes_by_move, journey_map
from etapa.serve.page import CONTENT_SECURITY_POLICY, PAGE
from etapa.serve.ports import Readiness, StageReader
from etapa.serve.problems import problem, problems_as_json
from etapa.settings.values import Secret

logger = logging.getLogger(__name__)


class Api:
    """The handlers, with what they read from."""

    def __init__(
        self,
        journey: Journey,
        reader: StageReader,
        readiness: Readiness,
        registry: CollectorRegistry,
        token: Secret | None,
        now: Callable[[], int] | None = None,
    ) -> None:
        """`now` gives the time at which rules are explained, in microseconds since 1970; none: the machine's clock."""
        self._journey = journey
        self._program = compile_journey(journey)
        self._now = now or SystemClock().now
        self._stages = {stage.id: stage for stage in journey.stages}
        self._reader = reader
        self._registry = registry
        self._health = HealthApi(readiness, registry)
        self._token = token

    def application(self) -> web.Application:
        """The application with all its routes."""
        app = web.Application(middlewares=[problems_as_json])
        app.add_routes(
            [
                web.get("/", self.page),
                *self._health.routes(),
                web.get("/v1/journey", self.journey),
                web.get("/v1/stages", self.stages),
                web.get(r"/v1/customers/{id:[^/]+}", self.customer),
                web.get(r"/v1/customers/{id:[^/]+}/why", self.why),
            ]
        )
        app.on_response_prepare.append(set_headers)
        return app

    async def page(self, request: web.Request) -> web.Response:
        """GET /: the journey map, for people."""
        return web.Response(
            text=PAGE, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        )

    async def journey(self, request: web.Request) -> web.Response:
        """GET /v1/journey: its stages and the moves between them, with how often this process has seen each."""
        drawn = journey_map(self._journey)
        changes = changes_by_move(self._registry)
        for move in drawn["moves"]:
            move["changes"] = changes.get((move["from"], move["to"]), 0)
        return json_answer(drawn)

    async def stages(self, request: web.Request) -> web.Response:
        """GET /v1/stages: the journey's stages in order, with how many customers are in each."""
        found = await self._reader.stage_counts()
        counts = found.counts
        stages = [_stage_entry(stage.id, stage, counts.get(stage.id, 0)) for stage in self._journey.stages]
        # Customers who have had no touchpoint since the journey lost their stage.
        stages += [_stage_entry(stage, None, count) for stage, count in sorted(counts.items()) if count and stage not in self._stages]
        phases: dict[str | None, int] = {}
        for stage in stages:
            phases[stage["phase"]] = phases.get(stage["phase"], 0) + stage["customers"]
        return json_answer(
            {
                "journey": self._journey.id,
                "version": self._journey.version,
                "customers": sum(phases.values()),
                "phases": [{"id": phase, "customers": count} for phase, count in phases.items()],
                "stages": stages,
                # Customers of these partitions are not counted (yet): new, lost or being rebuilt.
                "missing_partitions": list(found.missing),
            }
        )

    async def customer(self, request: web.Request) -> web.Response:
        """GET /v1/customers/{id}: where a customer is, and how it came there lately."""
        found = await self._found(request, place=-1)
        return found if isinstance(found, web.Response) else json_answer(self._customer_entry(found))

    async def why(self, request: web.Request) -> web.Response:
        """GET /v1/customers/{id}/why: every rule out of the customer's stage, clause by clause, as of now."""
        found = await self._found(request, place=-2)
        if isinstance(found, web.Response):
            return found
        try:
            # Apart from the event loop, which is the worker's: looking far ahead can take many milliseconds.
            explanation = await asyncio.to_thread(explain, self._program, found, self._now())
        except EvaluationFailed:
            logger.exception("a customer could not be explained", extra={"customer_id": found.id})
            return problem(500, "A rule cannot be judged for this customer; the log says which.")
        return json_bytes(explanation_json(explanation, self._journey.id, self._journey.version))

    async def _found(self, request: web.Request, *, place: int) -> Customer | web.Response:
        """The customer whose id is at that place of the path, or the answer to who may not see it or asks for nobody."""
        refused = self._refusal(request)
        if refused:
            return refused
        customer_id = _segment(request, place)
        if customer_id is None:
            return problem(400, "The customer's id is not UTF-8; percent-encode it as UTF-8.")
        stored = await self._reader.customer(customer_id)
        if stored is None:
            return problem(404, "No customer has this id.")
        try:
            return decode_state(stored.state, customer_id, stored.memories)
        except StateError as error:
            return problem(500, f"The customer's state cannot be read: {error}.")

    def _refusal(self, request: web.Request) -> web.Response | None:
        match access_of(request.headers, self._token):
            case "token_missing":
                return problem(
                    401, "Send the token: Authorization: Bearer <ETAPA_API_TOKEN>.", {"WWW-Authenticate": 'Bearer realm="etapa"'}
                )
            case "token_wrong":
                return problem(
                    401, "This is not the token in ETAPA_API_TOKEN.", {"WWW-Authenticate": 'Bearer realm="etapa", error="invalid_token"'}
                )
            case "no_token_set":
                return problem(
                    403,
                    "No ETAPA_API_TOKEN is set, so nobody is answered about customers. Set one and send it, or ask with etapa stage and etapa why.",
                )
        return None

    def _customer_entry(self, customer: Customer) -> dict[str, Any]:
        stage = self._stages.get(customer.stage)
        return {
            "customer_id": customer.id,
            "stage": customer.stage,
            "phase": stage.phase if stage else None,
            "label": dict(stage.label) if stage else {},
            "since": format_time(customer.entered_at),
            "sequence": customer.sequence,
            "due": format_time(customer.due) if customer.due is not None else None,
            "changes": [{"to": change[0], "at": format_time(change[1]), "rule": change[2]} for change in customer.changes],
        }


def _stage_entry(stage_id: str, stage: Stage | None, count: int) -> dict[str, Any]:
    return {
        "id": stage_id,
        "phase": stage.phase if stage else None,
        "label": dict(stage.label) if stage else {},
        "customers": count,
        "in_journey": stage is not None,
    }


def _segment(request: web.Request, place: int) -> str | None:
    """A part of the path as it was meant, counted as in a list, or none when it is not UTF-8.

    From the raw path: an id may hold a percent-encoded slash, and what is not UTF-8 must not be mended into another id.
    """
    try:
        return unquote_to_bytes(request.rel_url.raw_path.split("/")[place]).decode()
    except UnicodeDecodeError:
        return None
