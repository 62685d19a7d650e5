"""Reading a delivery file: from text to a `Plan`, or to everything that is wrong with it, with line and column.

It uses the shapes of journey files, and those of `plan_shapes` for what may hold a secret.
"""

import json
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.breaker import BreakerPolicy
from etapa.deliver.attempts.destinations import hosts_compared, shown_host, why_internal, why_never
from etapa.deliver.delivery_file.plan import Plan, Route, Target
from etapa.deliver.delivery_file.plan_shapes import Bounded, HeadersShape, SourceShape, UrlShape, shown
from etapa.journey.language.reading.findings import Finding, Position, Report
from etapa.journey.language.reading.lists import ListOf, OneOrMany
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.names import ID, known_among
from etapa.journey.language.reading.shapes import BAD, Flag, Reference, Text, Whole
from etapa.journey.language.reading.yaml_nodes import Node, parse
from etapa.journey.units import HOUR, MINUTE, SECOND, YEAR

MAX_TARGETS = 100
LONGEST_AGE = 1000 * YEAR

_HOST = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$|^[0-9.]+$|^\\[[0-9A-Fa-f:.]+\\]$"

_DEFAULT_TARGET = Target(id="", url="")
_DEFAULT_RETRY, _DEFAULT_BREAKER = Retry(), BreakerPolicy()


ATTEMPTS = Field("attempts", Whole(1, 1_000), "Most requests for one trigger, the first included.", default=_DEFAULT_RETRY.attempts)
FIRST = Field(
    "first",
    Bounded(SECOND, HOUR),
    "Longest wait before the first retry; the limit doubles with each further one.",
    default=shown(_DEFAULT_RETRY.first),
)
LONGEST = Field("longest", Bounded(SECOND, 24 * HOUR), "No wait is longer.", default=shown(_DEFAULT_RETRY.longest))
WITHIN = Field(
    "within", Bounded(SECOND, 720 * HOUR), "No attempt begins later than this after the first.", default=shown(_DEFAULT_RETRY.within)
)
LONGEST_PAUSE = Field(
    "longest_pause", Bounded(0, 24 * HOUR), "A Retry-After is honoured for at most this long.", default=shown(_DEFAULT_RETRY.longest_pause)
)
RETRY = Field("retry", MapOf("`retry`", (ATTEMPTS, FIRST, LONGEST, WITHIN, LONGEST_PAUSE)), "When a failed delivery is tried again.")
FAILURES = Field("failures", Whole(1, 1_000), "How many failures in a row stop requests for a while.", default=_DEFAULT_BREAKER.failures)
PAUSE = Field("pause", Bounded(SECOND, HOUR), "How long requests stop; then a single one is tried.", default=shown(_DEFAULT_BREAKER.pause))
BREAKER = Field("breaker", MapOf("`breaker`", (FAILURES, PAUSE)), "When the target gets no requests for a while.")

TARGET_ID = Field("id", ID, "The target's id, as used in campaigns, logs and metrics.", required=True)
URL = Field("url", UrlShape(), "Where triggers are posted to.", required=True)
HEADERS = Field("headers", HeadersShape(), "Headers to send along.")
SECRETS = Field("secrets", OneOrMany(SourceShape(), "secrets"), "Signing secrets, the newest first. Left out: deliveries are not signed.")
TIMEOUT = Field("timeout", Bounded(SECOND, 10 * MINUTE), "How long an answer may take.", default=shown(_DEFAULT_TARGET.timeout))
PARALLEL = Field("parallel", Whole(1, 1_000), "Most requests at the same time.", default=_DEFAULT_TARGET.parallel)
MAX_AGE = Field(
    "max_age",
    Bounded(SECOND, LONGEST_AGE),
    "A trigger whose `at` is longer ago than this is not sent and becomes a dead letter.",
    default=shown(_DEFAULT_TARGET.max_age),
)
TARGET = MapOf("a target", (TARGET_ID, URL, HEADERS, SECRETS, TIMEOUT, PARALLEL, MAX_AGE, RETRY, BREAKER))

CAMPAIGN_ID = Field("id", ID, "The campaign's id in the journey file.", required=True)
TO = Field("target", Reference("a target id"), "Where its triggers are posted to.")
SKIP = Field("skip", Flag(), "Deliver none of its triggers, because another program reads them.")
CAMPAIGN_HEADERS = Field("headers", HeadersShape(), "Headers to send along; they win over the target's.")
CAMPAIGN = MapOf("a campaign", (CAMPAIGN_ID, TO, SKIP, CAMPAIGN_HEADERS))

ALLOW_HTTP = Field(
    "allow_http", OneOrMany(Text("a host name", _HOST, 253), "host names"), "Hosts that may be reached without TLS, such as localhost."
)
ALLOW_INTERNAL = Field(
    "allow_internal",
    OneOrMany(Text("a host name", _HOST, 253), "host names"),
    "Hosts that may be on this machine, or in a network that is not public.",
)
DEFAULT = Field(
    "default", Reference("a target id"), "Target of campaigns that are not listed. Left out: their triggers become dead letters."
)
TARGETS = Field("targets", ListOf(TARGET, "targets", maximum=MAX_TARGETS, keeps_good=True), "Where triggers may go.", required=True)
CAMPAIGNS = Field("campaigns", ListOf(CAMPAIGN, "campaigns", minimum=0, keeps_good=True), "Which campaign goes where.")
PLAN_FIELDS = (ALLOW_HTTP, ALLOW_INTERNAL, DEFAULT, TARGETS, CAMPAIGNS)


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """The result of reading a file. The plan is None when any finding is an error."""

    plan: Plan | None
    findings: tuple[Finding, ...]


def load_plan(text: str, file: str) -> LoadedPlan:
    """Read a delivery file; `file` is its name in findings. Never raises, whatever the text says."""
    # Findings quote a line of the file, and a line here may hold a secret that somebody wrote into it after all.
    report = Report(file, "")
    plan = None
    if not text.strip():
        report.error(Position(1, 1), "the file is empty: a delivery file has at least `targets`")
        return LoadedPlan(None, report.findings())
    node = parse(text, report)
    if node is not None:
        plan = _plan(node, report)
    return LoadedPlan(None if report.has_errors else plan, report.findings())


def _plan(node: Node, report: Report) -> Plan | None:
    record = read_fields(node, "a delivery file", PLAN_FIELDS, report)
    if record is BAD:
        return None
    targets, campaigns = record.get(TARGETS) or (), record.get(CAMPAIGNS) or ()
    known = known_among(targets, TARGET_ID, "target", report)
    known_among(campaigns, CAMPAIGN_ID, "campaign", report)
    without_tls, internal = hosts_compared(record.get(ALLOW_HTTP) or ()), hosts_compared(record.get(ALLOW_INTERNAL) or ())
    for target in targets:
        _check_url(target, without_tls, internal, report)
    default = record.get(DEFAULT)
    for name in (default, *(campaign.get(TO) for campaign in campaigns)):
        if name is not None:
            known.check(name, report)
    for campaign in campaigns:
        if campaign.sound and (campaign.get(TO) is None) != (campaign.get(SKIP) or False):
            report.error(campaign.position, "a campaign has either a `target`, or `skip: true`")
    if report.has_errors:
        return None
    return Plan(
        targets=tuple(_target(each) for each in targets),
        campaigns={each.need(CAMPAIGN_ID): _route(each) for each in campaigns},
        allow_internal=internal,
        default=None if default is None else default.text,
    )


def _check_url(target: ReadMap, without_tls: frozenset[str], internal: frozenset[str], report: Report) -> None:
    url = target.get(URL)
    if url is None:
        return
    parts = urlsplit(url.text)
    written = (parts.hostname or "").lower()
    host = written.rstrip(".")
    never = why_never(written, parts.port)
    if never is not None:
        report.error(url.position, f"nothing can be posted there: {never}")
        return
    why = why_internal(host)
    if why is not None and host not in internal:
        report.error(url.position, f"{why}: allow that for this host with allow_internal: [{shown_host(host)}]")
    if parts.scheme == "http" and host not in without_tls:
        report.error(
            url.position,
            f"http would send triggers and secrets unencrypted: use https, or allow it for this host with allow_http: [{shown_host(host)}]",
        )


def _target(record: ReadMap) -> Target:
    retry, breaker = record.get(RETRY), record.get(BREAKER)
    return Target(
        id=record.need(TARGET_ID),
        url=record.need(URL).text,
        headers=record.get(HEADERS) or {},
        secrets=record.get(SECRETS) or (),
        timeout=record.get(TIMEOUT) or _DEFAULT_TARGET.timeout,
        parallel=record.get(PARALLEL) or _DEFAULT_TARGET.parallel,
        max_age=record.get(MAX_AGE) or _DEFAULT_TARGET.max_age,
        retry=_DEFAULT_RETRY if retry is None else Retry(**retry.values),
        breaker=_DEFAULT_BREAKER if breaker is None else BreakerPolicy(**breaker.values),
    )


def _route(record: ReadMap) -> Route:
    to = record.get(TO)
    return Route(None if to is None else to.text, record.get(CAMPAIGN_HEADERS) or {})


def plan_schema_text() -> str:
    """The JSON Schema of the delivery file: the text of `schemas/delivery.schema.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:delivery",
        "title": "Delivery",
        "description": "A delivery file of Etapa: the targets that campaign triggers are posted to, and which campaign goes where.",
        **map_schema(PLAN_FIELDS),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    # python -m etapa.deliver.delivery_file.plan_file > schemas/delivery.schema.json
    sys.stdout.write(plan_schema_text())
