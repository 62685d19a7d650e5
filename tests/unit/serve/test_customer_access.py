"""Who may see customers."""

import json

import pytest

from tests.unit.serve.asked import (
    application,
    ask,
    customer,
)


def test_with_a_token_it_must_be_sent_even_from_this_machine() -> None:
    status, body, headers = ask(application(customer("a"), token="t0ken"), "/v1/customers/a", {})
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
    assert ask(app, "/v1/customers/a", {})[1] == ask(application(token="t0ken"), "/v1/customers/nobody", {})[1]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/v1/stages", "/"])
def test_what_holds_no_customer_data_needs_no_token(path: str) -> None:
    assert ask(application(token="t0ken"), path, {})[0] == 200


@pytest.mark.parametrize("headers", [{}, {"Host": "localhost"}, {"Authorization": "Bearer anything"}, {"X-Client-IP": "10.0.0.1"}])
def test_without_a_token_nobody_is_answered_not_even_on_this_machine(headers: dict[str, str]) -> None:
    status, body, _ = ask(application(customer("a"), token=None), "/v1/customers/a", headers)
    assert status == 403
    assert "ETAPA_API_TOKEN" in body["detail"]
