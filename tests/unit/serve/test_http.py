"""The HTTP API: readiness, stages, and errors that a machine can read."""

import json

import pytest

from etapa.hosting.health import Health
from etapa.serve import readiness as health
from etapa.stream.protocol.readers import StageCounts
from tests.unit.serve.asked import Checks, NeverDone, StagesInMemory, application, ask, customer


def test_health_is_answered_as_long_as_the_loop_turns() -> None:
    reader = StagesInMemory()
    reader.down = True
    status, body, _ = ask(application(reader=reader), "/healthz")
    assert (status, body) == (200, {"alive": True})


def test_ready_when_every_check_is() -> None:
    status, body, _ = ask(application(readiness=Checks(Health("kafka", ready=True), Health("redis", ready=True))), "/readyz")
    assert status == 200
    assert body == {"ready": True, "not_ready": [], "remarks": [], "checked": ["kafka", "redis"]}


def test_what_people_should_know_of_what_is_ready_is_a_remark() -> None:
    status, body, _ = ask(application(readiness=Checks(Health("partition 3", ready=True, detail="changes were lost"))), "/readyz")
    assert (status, body["ready"]) == (200, True)
    assert body["remarks"] == [{"name": "partition 3", "detail": "changes were lost"}]


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


def test_when_redis_does_not_answer_the_answer_is_to_try_again_and_tells_nothing_of_the_inside() -> None:
    reader = StagesInMemory()
    reader.down = True
    for path in ("/v1/stages", "/v1/customers/a"):
        status, body, headers = ask(application(reader=reader), path)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "10.0.0.1" not in json.dumps(body)


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
