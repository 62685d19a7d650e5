"""The HTTP side: who may see what, odd ids, readiness, and answers a machine can read even when they are bad news."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from etapa.contracts.state import encode_state
from etapa.hosting.health import Health
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.program import compile_journey
from etapa.journey.language.model import Absent, Comparison, Count, Journey, Match, Rule, Stage, Test
from etapa.metrics.worker import Metrics
from etapa.serve import health
from etapa.serve.http import Api
from etapa.settings.values import Secret
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import BeingRebuilt, StageCounts, StoredCustomer

JOURNEY = Journey(
    id="shop",
    version=7,
    initial="new",
    remember_ids=64,
    grace=0,
    stages=(
        Stage("new", "before", {"en": "New", "es": "Nuevo"}),
        Stage("curious", "before", {}),
        Stage("buyer", "after", {"en": "Buyer"}),
    ),
    rules=(),
)
PURCHASES = Rule("loyal", ("buyer",), "curious", Count(Match(("purchase",)), None, Comparison((Test("gte", 3),))))
SECOND = 1_000_000
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z


class StagesInMemory:
    """A view in memory; `down` makes it fail as Redis does when it does not answer."""

    def __init__(self, *customers: Customer) -> None:
        self.customers = {customer.id: customer for customer in customers}
        self.down = False

    async def stage_counts(self) -> StageCounts:
        self._answer()
        stages = [customer.stage for customer in self.customers.values()]
        return StageCounts({stage: stages.count(stage) for stage in stages}, 4, [3])

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        self._answer()
        found = self.customers.get(customer_id)
        return None if found is None else StoredCustomer(0, found.stage, encode_state(found))

    def _answer(self) -> None:
        if self.down:
            raise ViewError("Redis at 10.0.0.1 does not answer")


class Checks:
    """Checks that a test sets."""

    def __init__(self, *checks: Health) -> None:
        self.list: Sequence[Health] = checks

    async def health(self) -> Sequence[Health]:
        return self.list


class NeverDone:
    """Checks that hang, as against a server that swallows packets."""

    async def health(self) -> Sequence[Health]:
        await asyncio.Event().wait()
        return ()


def customer(customer_id: str, stage: str = "buyer") -> Customer:
    return Customer(
        version=7,
        id=customer_id,
        stage=stage,
        entered_at=NOON,
        clock=NOON,
        first_at=NOON,
        due=NOON + 3600 * SECOND,
        sequence=2,
        rule="buys",
        before=("new", NOON - SECOND, None),
    )


def application(
    *customers: Customer, token: str | None = None, reader: StagesInMemory | None = None, readiness: Checks | NeverDone | None = None
) -> web.Application:
    reader = reader or StagesInMemory(*customers)
    readiness = readiness or Checks(Health("kafka", ready=True))
    return Api(JOURNEY, reader, readiness, Metrics(JOURNEY).registry, Secret(token) if token else None).application()


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


def ask(
    app: web.Application, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, body (decoded if it is JSON) and headers of one request to a real server."""

    async def asking() -> tuple[int, Any, Mapping[str, str]]:
        async with serving(app) as client, client.request(method, path, headers=headers) as response:
            body: Any = await response.text()
            if "json" in response.headers.get("Content-Type", "") and body:
                body = json.loads(body)
            return response.status, body, response.headers

    return asyncio.run(asking())


async def raw(client: TestClient[web.Request, web.Application], target: str) -> tuple[int, Any]:
    """Send a path byte for byte: clients like to tidy up what they send."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def ask_raw(app: web.Application, target: str) -> tuple[int, Any]:
    async def asking() -> tuple[int, Any]:
        async with serving(app) as client:
            return await raw(client, target)

    return asyncio.run(asking())


def test_health_is_answered_as_long_as_the_loop_turns() -> None:
    reader = StagesInMemory()
    reader.down = True
    status, body, _ = ask(application(reader=reader), "/healthz")
    assert (status, body) == (200, {"alive": True})


def test_ready_when_every_check_is() -> None:
    status, body, _ = ask(application(readiness=Checks(Health("kafka", ready=True), Health("redis", ready=True))), "/readyz")
    assert status == 200
    assert body == {"ready": True, "not_ready": [], "checked": ["kafka", "redis"]}


def test_not_ready_names_what_is_not() -> None:
    checks = Checks(
        Health("kafka", ready=True), Health("redis", ready=False, detail="maxmemory-policy is allkeys-lru; it must be noeviction")
    )
    status, body, _ = ask(application(readiness=checks), "/readyz")
    assert status == 503
    assert body["ready"] is False
    assert body["not_ready"] == [{"name": "redis", "detail": "maxmemory-policy is allkeys-lru; it must be noeviction"}]


def test_checks_that_never_end_are_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "READINESS_SECONDS", 0.01)
    status, body, _ = ask(application(readiness=NeverDone()), "/readyz")
    assert status == 503
    assert "took longer" in body["not_ready"][0]["detail"]


def test_metrics_are_in_prometheus_text() -> None:
    status, body, headers = ask(application(), "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert 'etapa_customers{stage="new"} 0.0' in body


def test_metrics_come_as_openmetrics_to_who_asks_for_it() -> None:
    _, body, headers = ask(application(), "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_stages_are_in_the_journeys_order_with_phases_labels_and_counts() -> None:
    status, body, _ = ask(application(customer("a"), customer("b"), customer("c", "new")), "/v1/stages")
    assert status == 200
    assert (body["journey"], body["version"], body["customers"]) == ("shop", 7, 3)
    assert [(stage["id"], stage["customers"]) for stage in body["stages"]] == [("new", 1), ("curious", 0), ("buyer", 2)]
    assert body["stages"][0]["label"] == {"en": "New", "es": "Nuevo"}
    assert body["missing_partitions"] == [3]
    assert body["phases"] == [{"id": "before", "customers": 1}, {"id": "after", "customers": 2}]


def test_customers_left_in_a_stage_that_the_journey_no_longer_has_are_counted_too() -> None:
    _, body, _ = ask(application(customer("a", "gone")), "/v1/stages")
    assert body["customers"] == 1
    assert body["stages"][-1] == {"id": "gone", "phase": None, "label": {}, "customers": 1, "in_journey": False}


def test_a_customer_is_shown_with_stage_time_and_last_changes() -> None:
    status, body, headers = ask(application(customer("c-42")), "/v1/customers/c-42")
    assert status == 200
    assert body == {
        "customer_id": "c-42",
        "stage": "buyer",
        "phase": "after",
        "label": {"en": "Buyer"},
        "since": "2026-11-21T12:00:00Z",
        "sequence": 2,
        "due": "2026-11-21T13:00:00Z",
        "changes": [
            {"to": "new", "at": "2026-11-21T11:59:59Z", "rule": None},
            {"to": "buyer", "at": "2026-11-21T12:00:00Z", "rule": "buys"},
        ],
    }
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("customer_id", "target"),
    [
        ("a/b", "/v1/customers/a%2Fb"),
        ("a b+c", "/v1/customers/a%20b+c"),
        ("josé@example.com", "/v1/customers/jos%C3%A9%40example.com"),
        ("..", "/v1/customers/%2E%2E"),
        ("100%", "/v1/customers/100%25"),
        ("%2F", "/v1/customers/%252F"),
        ("a?b#c", "/v1/customers/a%3Fb%23c"),
        ("{id}", "/v1/customers/%7Bid%7D"),
        ("\n", "/v1/customers/%0A"),
        ("😀", "/v1/customers/%F0%9F%98%80"),
    ],
)
def test_any_id_can_be_asked_for_when_it_is_percent_encoded(customer_id: str, target: str) -> None:
    status, body = ask_raw(application(customer(customer_id)), target)
    assert (status, body.get("customer_id")) == (200, customer_id)


def test_an_id_that_is_not_utf8_is_a_bad_request() -> None:
    status, body = ask_raw(application(customer("\ufffd")), "/v1/customers/%FF")
    assert status == 400
    assert "UTF-8" in body["detail"]


def test_a_state_of_another_version_of_etapa_is_said() -> None:
    class Later(StagesInMemory):
        async def customer(self, customer_id: str) -> StoredCustomer | None:
            return StoredCustomer(0, "buyer", msgspec.msgpack.encode([99, "buyer"]))

    status, body, _ = ask(application(reader=Later()), "/v1/customers/a")
    assert status == 500
    assert "format 99" in body["detail"]


def test_an_unknown_customer_is_not_found() -> None:
    status, body, headers = ask(application(), "/v1/customers/nobody")
    assert status == 404
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "No customer has this id."}


def test_with_a_token_it_must_be_sent_even_from_this_machine() -> None:
    status, body, headers = ask(application(customer("a"), token="t0ken"), "/v1/customers/a")
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer realm="etapa"'
    assert body["status"] == 401


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer t0ken2", "Bearer t0ke", "Basic dDBrZW4=", "t0ken", "Bearer", "Bearer ", "Bearer t0ké"]
)
def test_anything_but_the_token_is_refused(authorization: str) -> None:
    status, body, _ = ask(application(customer("a"), token="t0ken"), "/v1/customers/a", {"Authorization": authorization})
    assert status == 401
    assert "t0ken" not in json.dumps(body)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_opens_customer_data(scheme: str) -> None:
    status, _, _ = ask(application(customer("a"), token="t0ken"), "/v1/customers/a", {"Authorization": f"{scheme} t0ken"})
    assert status == 200


def test_who_may_not_see_customers_does_not_learn_whether_one_exists() -> None:
    app = application(customer("a"), token="t0ken")
    assert ask(app, "/v1/customers/a")[1] == ask(application(token="t0ken"), "/v1/customers/nobody")[1]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/v1/stages", "/"])
def test_what_holds_no_customer_data_needs_no_token(path: str) -> None:
    assert ask(application(token="t0ken"), path)[0] == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_without_a_token_a_request_through_a_proxy_is_not_local_whatever_it_claims(header: str) -> None:
    status, body, _ = ask(application(customer("a")), "/v1/customers/a", {header: "127.0.0.1"})
    assert status == 403
    assert "ETAPA_API_TOKEN" in body["detail"]


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:6066", "127.0.0.1.evil.example.com", "localhost.evil", ""])
def test_without_a_token_a_page_that_renames_this_machine_gets_nothing(host: str) -> None:
    assert ask(application(customer("a")), "/v1/customers/a", {"Host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:6066", "LOCALHOST", "127.0.0.1:6066", "[::1]:6066", "[::1]", "etapa.localhost"])
def test_without_a_token_this_machine_may_ask_under_its_own_names(host: str) -> None:
    assert ask(application(customer("a")), "/v1/customers/a", {"Host": host})[0] == 200


def test_when_redis_does_not_answer_the_answer_is_to_try_again_and_tells_nothing_of_the_inside() -> None:
    reader = StagesInMemory()
    reader.down = True
    for path in ("/v1/stages", "/v1/customers/a"):
        status, body, headers = ask(application(reader=reader), path)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "10.0.0.1" not in json.dumps(body)


def test_a_customer_whose_partition_is_being_rebuilt_is_neither_found_nor_unknown() -> None:
    class Rebuilding(StagesInMemory):
        async def customer(self, customer_id: str) -> StoredCustomer | None:
            raise BeingRebuilt("partition 3 of the view is being rebuilt from the log")

    for path in ("/v1/customers/a", "/v1/customers/a/why"):
        status, body, headers = ask(application(reader=Rebuilding()), path)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert body["detail"] == "Not known at the moment: partition 3 of the view is being rebuilt from the log. Try again in a moment."


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/v1/customers/", 404), ("/v1/customers/a/b", 404), ("/v1", 404)])
def test_paths_that_do_not_exist_are_said_in_json(path: str, status: int) -> None:
    answered, body, headers = ask(application(), path)
    assert answered == status
    assert body["status"] == status
    assert headers["Content-Type"].startswith("application/problem+json")


def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes() -> None:
    status, body, headers = ask(application(), "/v1/stages", method="DELETE")
    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert body["detail"] == "This path takes GET, HEAD."


def test_a_bug_is_an_answer_without_its_insides(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(StagesInMemory):
        async def stage_counts(self) -> StageCounts:
            raise ZeroDivisionError("secret inside")

    status, body, _ = ask(application(reader=Broken()), "/v1/stages")
    assert status == 500
    assert "secret inside" not in json.dumps(body)
    assert "secret inside" in caplog.text


def test_the_page_stands_alone_and_may_load_nothing_from_elsewhere() -> None:
    status, body, headers = ask(application(), "/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "http://" not in body
    assert "https://" not in body


def test_head_is_answered_like_get_without_a_body() -> None:
    status, body, _ = ask(application(), "/healthz", method="HEAD")
    assert (status, body) == (200, "")


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/stages", "/nothing"])
def test_no_answer_says_what_it_is_built_with(path: str) -> None:
    assert ask(application(), path)[2]["Server"] == "etapa"


def explaining(*customers: Customer, token: str | None = None) -> web.Application:
    """An application with a rule to explain, half an hour past noon."""
    rule = Rule("falls-asleep", ("buyer",), "curious", Absent(Match(("purchase",)), 3600 * SECOND))
    journey = replace(JOURNEY, rules=(rule,))
    reader, readiness = StagesInMemory(*customers), Checks()
    registry = Metrics(journey).registry
    return Api(journey, reader, readiness, registry, Secret(token) if token else None, lambda: NOON + 1800 * SECOND).application()


def test_why_a_customer_does_not_move_is_told_rule_by_rule() -> None:
    status, body, headers = ask(explaining(customer("c-42")), "/v1/customers/c-42/why")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert (body["customer_id"], body["stage"], body["judged_at"]) == ("c-42", "buyer", "2026-11-21T12:30:00Z")
    assert body["foreseen"] == [{"to": "curious", "at": "2026-11-21T13:00:00Z", "rule": "falls-asleep"}]
    (rule,) = body["rules"]
    assert (rule["rule"], rule["to"], rule["holds"], rule["changes_at"]) == ("falls-asleep", "curious", False, "2026-11-21T13:00:00Z")
    assert rule["when"]["missing"] == "30m more"


@pytest.mark.parametrize(("customer_id", "target"), [("a/b", "a%2Fb"), ("why", "why"), ("a/why", "a%2Fwhy"), ("😀", "%F0%9F%98%80")])
def test_any_id_can_be_explained_when_it_is_percent_encoded(customer_id: str, target: str) -> None:
    status, body = ask_raw(explaining(customer(customer_id)), f"/v1/customers/{target}/why")
    assert (status, body.get("customer_id")) == (200, customer_id)


def test_an_explanation_needs_what_the_customer_needs() -> None:
    for headers, status in ({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer t0ken"}, 200):
        assert ask(explaining(customer("a"), token="t0ken"), "/v1/customers/a/why", headers)[0] == status
    assert ask(explaining(customer("a")), "/v1/customers/a/why", {"X-Forwarded-For": "127.0.0.1"})[0] == 403


def test_nobody_is_explained_who_is_not_there() -> None:
    assert ask(explaining(), "/v1/customers/nobody/why")[0] == 404
    assert ask_raw(explaining(customer("\ufffd")), "/v1/customers/%FF/why")[0] == 400


def test_a_customer_that_no_rule_can_be_judged_for_is_an_answer_without_its_insides(caplog: pytest.LogCaptureFixture) -> None:
    broken = customer("a")
    broken.remember({key: [] for key in compile_journey(replace(JOURNEY, rules=(PURCHASES,))).accumulators})
    app = Api(replace(JOURNEY, rules=(PURCHASES,)), StagesInMemory(broken), Checks(), Metrics(JOURNEY).registry, None).application()
    status, body, _ = ask(app, "/v1/customers/a/why")
    assert status == 500
    assert "IndexError" not in json.dumps(body)
    assert "IndexError" in caplog.text
