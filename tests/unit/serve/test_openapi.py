"""The OpenAPI document describes the responses, and all of them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etapa.hosting.health import Health
from etapa.serve.openapi import openapi_document
from etapa.serve.operations import OF_A_WORKER, OF_EVERY_PROCESS, STREAMS_OF_A_WORKER
from tests.unit.serve.asked import Checks, StagesInMemory, application, ask, customer, explaining, serving

SHIPPED = Path(__file__).parents[3] / "schemas" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi_document()))


def answered_as_documented(path: str, template: str, status: int, body: Any, headers: Any) -> None:
    told = DOCUMENT["paths"][template]["get"]["responses"][str(status)]
    media_type = headers["Content-Type"].partition(";")[0]
    (schema,) = [content["schema"] for name, content in told["content"].items() if name.partition(";")[0] == media_type]
    whole = {"$ref": schema["$ref"], "components": DOCUMENT["components"]} if "$ref" in schema else schema
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(body)
    assert set(told.get("headers", ())) <= set(headers), path


def test_a_worker_gives_the_document_that_is_shipped() -> None:
    status, body, headers = ask(application(), "/v1/openapi.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body == DOCUMENT == json.loads(SHIPPED.read_text(encoding="utf-8"))


def test_its_paths_are_those_that_are_answered() -> None:
    routes = {resource.canonical for resource in application().router.resources()}
    assert DOCUMENT["paths"].keys() == {operation.path for operation in OF_A_WORKER}
    assert routes == DOCUMENT["paths"].keys() | {operation.path for operation in STREAMS_OF_A_WORKER}
    assert {operation.path for operation in OF_EVERY_PROCESS} <= routes


@pytest.mark.parametrize("operation", OF_A_WORKER, ids=lambda operation: operation.name)
def test_what_a_path_answers_is_what_the_document_says(operation: Any) -> None:
    path = operation.path.replace("{id}", "ada")
    answered_as_documented(path, operation.path, *ask(explaining(customer("ada")), path))


@pytest.mark.parametrize(("headers", "name", "status"), [({}, "ada", 401), (None, "nobody", 404)])
def test_problems_are_as_documented(headers: Any, name: str, status: int) -> None:
    for template in ("/v1/customers/{id}", "/v1/customers/{id}/why"):
        path = template.replace("{id}", name)
        answered, body, told = ask(application(), path, headers)
        assert answered == status
        answered_as_documented(path, template, answered, body, told)


def test_servers_that_are_away_are_as_documented() -> None:
    reader = StagesInMemory()
    reader.down = True
    answered_as_documented("", "/v1/stages", *ask(application(reader=reader), "/v1/stages"))
    answered_as_documented("", "/v1/customers/{id}", *ask(application(token=None), "/v1/customers/ada"))
    unready = application(readiness=Checks(Health("kafka", ready=False, detail="away")))
    answered_as_documented("", "/readyz", *ask(unready, "/readyz"))


def test_whoever_asks_for_customers_in_a_loop_is_told_when_to_go_on() -> None:
    async def asking() -> list[tuple[int, Any, Any]]:
        found = []
        async with serving(application(customer("ada"), rate=2)) as client:
            for _ in range(3):
                async with client.get("/v1/customers/ada", headers={"Authorization": "Bearer t0ken"}) as response:
                    found.append((response.status, await response.json(), response.headers.copy()))
            # Requests not about customers are still answered; unauthorised ones have a separate allowance.
            async with client.get("/v1/stages") as response:
                assert response.status == 200
            async with client.get("/v1/customers/ada") as response:
                assert response.status == 401
        return found

    answers = asyncio.run(asking())
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[-1][2]["Retry-After"] == "1"
    answered_as_documented("", "/v1/customers/{id}", *answers[-1])


def test_no_page_of_another_origin_may_read_an_answer() -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for method in ("GET", "OPTIONS"):
        _, _, told = ask(application(customer("ada")), "/v1/customers/ada", headers, method)
        assert [name for name in told if name.lower().startswith("access-control-")] == []
        assert told["Cross-Origin-Resource-Policy"] == "same-origin"
    assert ask(application(), "/v1/stages", headers, "OPTIONS")[0] == 405


def test_times_are_what_the_document_calls_them() -> None:
    _, body, _ = ask(application(customer("ada")), "/v1/customers/ada")
    assert body["changes"][-1]["at"] == "2026-11-21T12:00:00Z"
