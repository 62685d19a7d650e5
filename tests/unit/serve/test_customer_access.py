"""Who may see customers."""

import json

import pytest

from tests.unit.serve.asked import (
    application,
    ask,
    customer,
)


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
