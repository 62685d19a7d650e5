"""What the API says about a customer, whatever the id looks like."""

import json
from dataclasses import replace

import msgspec
import pytest

from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.units import SECOND
from etapa.metrics.worker import Metrics
from etapa.serve.http import Api
from etapa.settings.values import Secret
from etapa.stream.protocol.readers import BeingRebuilt, StoredCustomer
from tests.unit.serve.asked import (
    JOURNEY,
    NOON,
    PURCHASES,
    TOKEN,
    ChangesInMemory,
    Checks,
    StagesInMemory,
    application,
    ask,
    ask_raw,
    customer,
    explaining,
)


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
        "first_at": "2026-11-21T12:00:00Z",
        "triggers": [],
    }
    assert headers["Cache-Control"] == "no-store"


def test_a_customer_is_shown_with_the_latest_trigger_of_each_campaign() -> None:
    triggered = customer("c-42")
    triggered.outreach = Outreach({"hello": NOON - 60 * SECOND, "thanks": NOON}, ())
    _, body, _ = ask(application(triggered), "/v1/customers/c-42")
    assert body["triggers"] == [{"campaign": "hello", "at": "2026-11-21T11:59:00Z"}, {"campaign": "thanks", "at": "2026-11-21T12:00:00Z"}]


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
            return StoredCustomer(customer_id, 0, "buyer", msgspec.msgpack.encode([99, "buyer"]))

    status, body, _ = ask(application(reader=Later()), "/v1/customers/a")
    assert status == 500
    assert "format 99" in body["detail"]


def test_an_unknown_customer_is_not_found() -> None:
    status, body, headers = ask(application(), "/v1/customers/nobody")
    assert status == 404
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "No customer has this id."}


def test_a_customer_whose_partition_is_being_rebuilt_is_neither_found_nor_unknown() -> None:
    class Rebuilding(StagesInMemory):
        async def customer(self, customer_id: str) -> StoredCustomer | None:
            raise BeingRebuilt("partition 3 of the view is being rebuilt from the log")

    for path in ("/v1/customers/a", "/v1/customers/a/why"):
        status, body, headers = ask(application(reader=Rebuilding()), path)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert body["detail"] == "Not known at the moment: partition 3 of the view is being rebuilt from the log. Try again in a moment."


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
    assert ask(explaining(customer("a"), token=None), "/v1/customers/a/why")[0] == 403


def test_nobody_is_explained_who_is_not_there() -> None:
    assert ask(explaining(), "/v1/customers/nobody/why")[0] == 404
    assert ask_raw(explaining(customer("\ufffd")), "/v1/customers/%FF/why")[0] == 400


def test_a_customer_that_no_rule_can_be_judged_for_is_an_answer_without_its_insides(caplog: pytest.LogCaptureFixture) -> None:
    broken = customer("a")
    broken.remember({key: [] for key in compile_journey(replace(JOURNEY, rules=(PURCHASES,))).accumulators})
    metrics = Metrics(JOURNEY)
    journey = replace(JOURNEY, rules=(PURCHASES,))
    app = Api(
        journey, StagesInMemory(broken), Checks(), metrics.registry, Secret(TOKEN), metrics.http, changes=ChangesInMemory()
    ).application()
    status, body, _ = ask(app, "/v1/customers/a/why")
    assert status == 500
    assert "IndexError" not in json.dumps(body)
    assert "IndexError" in caplog.text
