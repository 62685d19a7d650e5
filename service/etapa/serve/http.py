"""The HTTP application: metrics, health, readiness, stages, single customers, and a small page about all of it.

It only reads. The worker and the demo both serve it (see `service`).
"""

import asyncio
import logging
from collections.abc import Callable
from math import ceil
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from etapa.contracts.outgoing.explanation import explanation_json
from etapa.contracts.outgoing.report import report_json
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import StateError, decode_state
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.explain import explain
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey, Stage
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.serve import answer_shapes as answers
from etapa.serve.allowance import Allowance
from etapa.serve.customer_access import access_of
from etapa.serve.journey_map import changes_by_move, journey_map
from etapa.serve.latest_moves import latest_moves
from etapa.serve.map_api import MapApi
from etapa.serve.openapi import openapi_document
from etapa.serve.operations import OF_A_WORKER, STREAMS_OF_A_WORKER
from etapa.serve.ports import ChangesReader, ReadinessCheck, RequestObserver, StageReader
from etapa.serve.problems import problem
from etapa.serve.readiness import HealthApi, application_of, json_answer, json_bytes
from etapa.serve.report_query import report_query
from etapa.serve.stage_customers import customers_of, place_of
from etapa.settings.values import Secret
from etapa.stream.protocol.ledger_keeper import ledger_of
from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.readers import LedgerParts
from etapa.uplift.from_ledger import campaign_figures
from etapa.uplift.verdicts import uplift_report

REFUSALS_A_SECOND = 10
"""How many requests for customers without a valid token get a precise answer in a second."""

logger = logging.getLogger(__name__)


class Api:
    """The handlers, with what they read from."""

    def __init__(
        self,
        journey: Journey,
        reader: StageReader,
        readiness: ReadinessCheck,
        registry: CollectorRegistry,
        token: Secret | None,
        requests: RequestObserver,
        customer_rate: int = 100,
        *,
        changes: ChangesReader,
        now: Callable[[], int] | None = None,
    ) -> None:
        """`customer_rate`: how many requests for customers are answered in a second.

        `now` returns the time at which rules are explained, in microseconds since 1970; None: the machine's clock.
        """
        self._journey = journey
        self._program = compile_journey(journey)
        self._now = now or SystemClock().now
        self._stages = {stage.id: stage for stage in journey.stages}
        self._reader = reader
        self._registry = registry
        self._health = HealthApi(readiness, registry, requests)
        self._map = MapApi(journey, reader, self._now)
        self._requests = requests
        self._token = token
        self._document = openapi_document()
        self._reporting = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._changes = changes
        self._reading_changes = asyncio.Lock()
        # A separate allowance, so that clients without a token take nothing from those with one.
        self._allowances = {"granted": Allowance(customer_rate), "refused": Allowance(min(customer_rate, REFUSALS_A_SECOND))}

    def application(self) -> web.Application:
        """The application with all its routes."""
        application = application_of((*OF_A_WORKER, *STREAMS_OF_A_WORKER), [self, self._map, self._health], self._requests)
        application.on_shutdown.append(self._map.close)
        return application

    async def openapi(self, request: web.Request) -> web.Response:
        """GET /v1/openapi.json: the API description, for machines."""
        return json_answer(self._document)

    async def journey(self, request: web.Request) -> web.Response:
        """GET /v1/journey: its stages and the moves between them, with how often this process has seen each."""
        drawn = journey_map(self._journey)
        changes = changes_by_move(self._registry)
        for move in drawn["moves"]:
            move["changes"] = changes.get((move["from"], move["to"]), 0)
        return json_answer(msgspec.convert(drawn, answers.Map))

    async def stages(self, request: web.Request) -> web.Response:
        """GET /v1/stages: the journey's stages in order, with how many customers are in each."""
        found = await self._reader.stage_counts()
        counts = found.counts
        stages = [_stage_entry(stage.id, stage, counts.get(stage.id, 0)) for stage in self._journey.stages]
        # Customers who have had no touchpoint since their stage was removed from the journey.
        stages += [_stage_entry(stage, None, count) for stage, count in sorted(counts.items()) if count and stage not in self._stages]
        phases: dict[str | None, int] = {}
        for entry in stages:
            phases[entry.phase] = phases.get(entry.phase, 0) + entry.customers
        return json_answer(
            answers.Stages(
                self._journey.id,
                self._journey.version,
                customers=sum(phases.values()),
                phases=[answers.PhaseCount(phase, count) for phase, count in phases.items()],
                stages=stages,
                # New, lost or being rebuilt.
                missing_partitions=list(found.missing),
            )
        )

    async def report(self, request: web.Request) -> web.Response:
        """GET /v1/report: figures of the whole installation, as the view has them."""
        try:
            query = report_query(request.query, self._journey)
        except ValueError as error:
            return problem(400, str(error))
        return await self._told_of_ledger(query.since, query.until, lambda found: self._report(found, query))

    async def campaigns(self, request: web.Request) -> web.Response:
        """GET /v1/campaigns: whether campaigns worked, by the figures of the whole installation."""
        return await self._told_of_ledger(None, None, self._uplift)

    async def _told_of_ledger(self, since: int | None, until: int | None, tell: Callable[[LedgerParts], bytes]) -> web.Response:
        # One at a time: the ledger of several years has a few megabytes.
        async with self._reporting:
            found = await self._reader.ledger(since, until)
            try:
                # In a thread: the event loop belongs to the worker.
                return json_bytes(await asyncio.to_thread(tell, found))
            except StateError as error:
                return problem(500, f"The ledger cannot be read: {error}.")

    def _uplift(self, found: LedgerParts) -> bytes:
        figures = campaign_figures(self._journey, ledger_of(found.parts))
        return msgspec.json.encode(uplift_report(self._journey.id, self._journey.version, figures, missing_partitions=found.missing))

    def _report(self, found: LedgerParts, query: ReportQuery) -> bytes:
        report = report_of(ledger_of(found.parts), query, list(self._stages))
        told = report_json(report, self._journey.id, self._journey.version)
        return msgspec.json.encode({**told, "missing_partitions": found.missing})

    async def customer(self, request: web.Request) -> web.Response:
        """GET /v1/customers/{id}: where a customer is, and the latest moves."""
        found = await self._found(request, place=-1)
        return found if isinstance(found, web.Response) else json_answer(self._customer_entry(found))

    async def stage_customers(self, request: web.Request) -> web.Response:
        """GET /v1/stages/{id}/customers: some of the customers in a stage."""
        refused = self._refusal(request)
        if refused:
            return refused
        stage = _segment(request, -2)
        if stage is None:
            return problem(400, "The stage's id is not UTF-8; percent-encode it as UTF-8.")
        try:
            begin = place_of(request.query.get("after"))
        except ValueError as error:
            return problem(400, str(error))
        # One at a time: a stage with few customers among many others takes a hundred requests to Redis.
        async with self._looking:
            found = await self._reader.in_stage(stage, begin)
        try:
            return json_answer(customers_of(stage, found))
        except StateError as error:
            return problem(500, f"A customer's state cannot be read: {error}.")

    async def moves(self, request: web.Request) -> web.Response:
        """GET /v1/moves: the latest moves between two stages."""
        refused = self._refusal(request)
        if refused:
            return refused
        try:
            # One at a time: each reads some megabytes from Kafka.
            async with self._reading_changes:
                seen = await self._changes.latest()
            return json_answer(await latest_moves(seen, request.query.get("from"), request.query.get("to"), self._reader, self._map.rules))
        except LogError as error:
            logger.warning("cannot answer moves: %s", error)
            return problem(503, "Kafka does not answer; try again in a moment.", {"Retry-After": "5"})
        except StateError as error:
            return problem(500, f"A customer's state cannot be read: {error}.")

    async def why(self, request: web.Request) -> web.Response:
        """GET /v1/customers/{id}/why: every rule out of the customer's stage, clause by clause, as of now."""
        found = await self._found(request, place=-2)
        if isinstance(found, web.Response):
            return found
        try:
            # In a thread, because the event loop belongs to the worker and looking far ahead can take many milliseconds.
            return json_bytes(await asyncio.to_thread(self._explained, found))
        except EvaluationFailed:
            logger.exception("a customer could not be explained", extra={"customer_id": found.id})
            return problem(500, "A rule cannot be judged for this customer; the log says which.")

    def _explained(self, customer: Customer) -> bytes:
        explanation = explain(self._program, customer, self._now())
        return explanation_json(explanation, self._journey.id, self._journey.version, self._map.rules)

    async def _found(self, request: web.Request, *, place: int) -> Customer | web.Response:
        """The customer whose id is the path segment number `place`, or the answer when access is refused or there is no such customer."""
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
            return decode_state(stored.state, stored.customer_id, stored.common)
        except StateError as error:
            return problem(500, f"The customer's state cannot be read: {error}.")

    def _refusal(self, request: web.Request) -> web.Response | None:
        access = access_of(request.headers, self._token)
        wait = self._allowances["granted" if access == "granted" else "refused"].take()
        if wait:
            return problem(429, "Too many requests for customers; see Retry-After.", {"Retry-After": str(ceil(wait))})
        match access:
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
                    "No ETAPA_API_TOKEN is set, so requests about customers are refused. Set one and send it, or use etapa stage and etapa why.",
                )
        return None

    def _customer_entry(self, customer: Customer) -> answers.CustomerStage:
        stage = self._stages.get(customer.stage)
        return answers.CustomerStage(
            customer.id,
            customer.stage,
            phase=stage.phase if stage else None,
            label=dict(stage.label) if stage else {},
            since=format_time(customer.entered_at),
            sequence=customer.sequence,
            due=format_time(customer.due) if customer.due is not None else None,
            changes=[answers.Change(to, format_time(at), rule) for to, at, rule in customer.changes],
            first_at=format_time(customer.first_at),
            triggers=[]
            if customer.outreach is None
            else [answers.LatestTrigger(name, format_time(at)) for name, at in customer.outreach.last.items()],
        )


def _stage_entry(stage_id: str, stage: Stage | None, count: int) -> answers.StageCount:
    return answers.StageCount(
        stage_id, stage.phase if stage else None, dict(stage.label) if stage else {}, count, in_journey=stage is not None
    )


def _segment(request: web.Request, place: int) -> str | None:
    """A segment of the path, decoded, by its index; None when it is not UTF-8.

    It is taken from the raw path: an id may contain a percent-encoded slash, and bytes that are not UTF-8 must not be turned into another id.
    """
    try:
        return unquote_to_bytes(request.rel_url.raw_path.split("/")[place]).decode()
    except UnicodeDecodeError:
        return None
