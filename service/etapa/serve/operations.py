"""What the HTTP API offers: each path, its answers, and who may use it. Routes and the OpenAPI document are made from this list."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from etapa.contracts.outgoing.explanation import ExplanationMessage
from etapa.contracts.outgoing.report_message import ReportMessage
from etapa.journey.ledger.periods import GRAINS
from etapa.journey.map.document import JourneyMap
from etapa.serve.answer_shapes import Alive, CustomersOfStage, CustomerStage, Document, LatestMoves, Map, Problem, Readiness, Stages
from etapa.uplift.verdicts import UpliftReport

JSON = "application/json"
PROBLEM = "application/problem+json"
PROMETHEUS = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Response(msgspec.Struct, frozen=True):
    """One status that a path answers with: its meaning and its body; `body` is None when that is not one of our JSON types."""

    status: int
    meaning: str
    body: object = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


class QueryParameter(msgspec.Struct, frozen=True):
    """A query parameter: text, or one of `choices` if there are any."""

    name: str
    about: str
    choices: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True):
    """A GET request for a path. `name` is the operation id and the handler's name."""

    path: str
    name: str
    about: str
    answers: Sequence[Response]
    of_a_customer: bool = False
    """Whether it needs the token."""
    id_of: Literal["customer", "stage"] = "customer"
    """What the `{id}` in its path is, if there is one."""
    query: tuple[QueryParameter, ...] = ()


def _problem(status: int, meaning: str, *headers: str) -> Response:
    return Response(status, meaning, Problem, (PROBLEM,), headers)


_FAILED = _problem(500, "Something failed that should not; the log says what.")
_WAIT = _problem(503, "Redis does not answer, or is being refilled. Try again after the time in Retry-After.", "Retry-After")
_OF_A_CUSTOMER = (
    _problem(400, "The id in the path is not UTF-8, or the query is wrong."),
    _problem(401, "The token is missing or wrong.", "WWW-Authenticate"),
    _problem(403, "No token is set, so requests about customers are refused."),
    _problem(404, "No customer has this id."),
    _problem(
        429, "More requests for customers arrived than are answered in a second. Try again after the time in Retry-After.", "Retry-After"
    ),
    _FAILED,
    _WAIT,
)

_PERIOD = (
    QueryParameter("from", "The first instant that counts: RFC 3339 with an offset, or a date in UTC. Left out: from the beginning."),
    QueryParameter("to", "The first instant that no longer counts. Left out: up to now."),
)
_PERSONA = QueryParameter("persona", "Count only customers of this persona of the journey.")

OF_EVERY_PROCESS = (
    Operation("/metrics", "metrics", "Metrics for Prometheus.", (Response(200, "The metrics.", None, (PROMETHEUS, OPENMETRICS)), _FAILED)),
    Operation("/healthz", "healthz", "Whether the process is alive; for liveness probes.", (Response(200, "It is.", Alive), _FAILED)),
    Operation(
        "/readyz",
        "readyz",
        "Whether the process does its work; for readiness probes.",
        (Response(200, "It does.", Readiness), Response(503, "It does not, and why.", Readiness), _FAILED),
    ),
)
"""What `etapa run` and `etapa deliver` answer."""

OF_A_WORKER = (
    Operation("/", "page", "The journey as a live map, for people.", (Response(200, "A page.", None, ("text/html",)), _FAILED)),
    Operation("/assets/map.js", "map_script", "The page's script.", (Response(200, "A script.", None, ("text/javascript",)), _FAILED)),
    Operation("/assets/map.css", "map_style", "The page's style.", (Response(200, "A style sheet.", None, ("text/css",)), _FAILED)),
    *OF_EVERY_PROCESS,
    Operation(
        "/v1/map",
        "map",
        "The journey map as it is now: the design beside the figures of the whole installation.",
        (Response(200, "The map.", JourneyMap), _problem(400, "The query is wrong; the detail says how."), _FAILED, _WAIT),
        query=(
            *_PERIOD,
            _PERSONA,
        ),
    ),
    Operation("/v1/openapi.json", "openapi", "This document.", (Response(200, "An OpenAPI 3.1 document.", Document), _FAILED)),
    Operation(
        "/v1/journey",
        "journey",
        "The journey: stages, moves between them, and the rules of each in words.",
        (Response(200, "The journey.", Map), _FAILED),
    ),
    Operation("/v1/stages", "stages", "How many customers are in each stage.", (Response(200, "The counts.", Stages), _FAILED, _WAIT)),
    Operation(
        "/v1/report",
        "report",
        "How many customers moved, which touchpoints they had and how they felt, over the whole installation.",
        (Response(200, "The figures.", ReportMessage), _problem(400, "The query is wrong; the detail says how."), _FAILED, _WAIT),
        query=(
            *_PERIOD,
            QueryParameter("by", "Report each hour, day or month by itself.", GRAINS),
            _PERSONA,
        ),
    ),
    Operation(
        "/v1/campaigns",
        "campaigns",
        "Whether the campaigns that have a goal worked: those who got the message compared with the holdout group, over the"
        " whole installation.",
        (Response(200, "The comparison.", UpliftReport), _FAILED, _WAIT),
    ),
    Operation(
        "/v1/stages/{id}/customers",
        "stage_customers",
        "Some of the customers in a stage, latest arrivals first. Read on with `after` until `next` is null.",
        (Response(200, "Customers.", CustomersOfStage), *_OF_A_CUSTOMER),
        of_a_customer=True,
        id_of="stage",
        query=(QueryParameter("after", "The `next` of the previous answer. Left out: from the beginning."),),
    ),
    Operation(
        "/v1/moves",
        "moves",
        "The latest moves between two stages, with whose they were and why, as far as they are among the last few thousand stage changes.",
        (
            Response(200, "Moves.", LatestMoves),
            *[each for each in _OF_A_CUSTOMER if each.status not in (400, 404, 503)],
            _problem(
                503, "Kafka or Redis does not answer, or Redis is being refilled. Try again after the time in Retry-After.", "Retry-After"
            ),
        ),
        of_a_customer=True,
        query=(
            QueryParameter("from", "The stage that was left. Left out: any."),
            QueryParameter("to", "The stage that was entered. Left out: any."),
        ),
    ),
    Operation(
        "/v1/customers/{id}",
        "customer",
        "Where a customer is, and the latest moves.",
        (Response(200, "The customer.", CustomerStage), *_OF_A_CUSTOMER),
        of_a_customer=True,
    ),
    Operation(
        "/v1/customers/{id}/why",
        "why",
        "Every rule out of the customer's stage, clause by clause, as of now.",
        (Response(200, "The explanation.", ExplanationMessage), *_OF_A_CUSTOMER),
        of_a_customer=True,
    ),
)
"""What `etapa run` answers."""

STREAMS_OF_A_WORKER = (
    Operation(
        "/v1/map/events",
        "map_events",
        "Server-sent events: `figures` whenever customers or moves of the map change, at most once a second, and `beat` where they do not.",
        (Response(200, "A stream of events.", None, ("text/event-stream",)), _FAILED, _WAIT),
    ),
)
"""Streams, which never end by themselves. They are not in the OpenAPI document: a client that tries everything in it would wait for ever."""
