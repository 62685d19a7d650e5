import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from etapa.deliver.attempts.backoff import Retry
from etapa.deliver.attempts.breaker import BreakerPolicy
from etapa.deliver.delivery_file.plan import Plan, Route, SecretSource, Target
from etapa.deliver.delivery_file.plan_file import load_plan, plan_schema_text
from etapa.journey.units import HOUR, MINUTE, SECOND

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads(plan_schema_text())
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

WHOLE = """
allow_http: [localhost, "[::1]"]
allow_internal: [localhost, "[::1]"]
default: crm
targets:
  - id: crm
    url: https://crm.example.com/hooks/etapa
    headers: {X-Source: etapa, Authorization: {env: CRM_AUTHORIZATION}}
    secrets: [{file: crm.secret}, {env: OLD_CRM_SECRET}]
    timeout: 20s
    parallel: 4
    retry: {attempts: 6, first: 2s, longest: 1m, within: 12h, longest_pause: 10m}
    breaker: {failures: 3, pause: 1m}
  - {id: sms, url: "http://localhost:8080/send?lang=es"}
  - {id: v6, url: "http://[::1]:8080/"}
campaigns:
  - {id: loyalty-welcome, target: sms, headers: {X-Template: welcome}}
  - {id: for-somebody-else, skip: true}
"""


def errors(text: str) -> list[str]:
    loaded = load_plan(text, "d.yaml")
    assert loaded.plan is None
    return [str(finding) for finding in loaded.findings]


def with_target(**fields: Any) -> str:
    return json.dumps({"targets": [{"id": "t", "url": "https://t.example.com/", **fields}]})


def test_a_whole_file_is_read() -> None:
    loaded = load_plan(WHOLE, "d.yaml")
    assert loaded.findings == ()
    assert loaded.plan == Plan(
        targets=(
            Target(
                id="crm",
                url="https://crm.example.com/hooks/etapa",
                headers={"X-Source": "etapa", "Authorization": SecretSource("env", "CRM_AUTHORIZATION")},
                secrets=(SecretSource("file", "crm.secret"), SecretSource("env", "OLD_CRM_SECRET")),
                timeout=20 * SECOND,
                parallel=4,
                retry=Retry(attempts=6, first=2 * SECOND, longest=MINUTE, within=12 * HOUR, longest_pause=10 * MINUTE),
                breaker=BreakerPolicy(failures=3, pause=MINUTE),
            ),
            Target(id="sms", url="http://localhost:8080/send?lang=es"),
            Target(id="v6", url="http://[::1]:8080/"),
        ),
        campaigns={"loyalty-welcome": Route("sms", {"X-Template": "welcome"}), "for-somebody-else": Route(None)},
        allow_internal=frozenset(("localhost", "::1")),
        default="crm",
    )


def test_a_campaign_goes_where_it_is_listed_else_to_the_default_else_nowhere() -> None:
    plan = load_plan(WHOLE, "d.yaml").plan
    assert plan is not None
    assert plan.route("loyalty-welcome") == Route("sms", {"X-Template": "welcome"})
    assert plan.route("for-somebody-else") == Route(None)
    assert plan.route("new") == Route("crm")
    assert Plan(targets=plan.targets).route("new") is None


def test_the_routing_changes_with_the_routes_and_with_nothing_else() -> None:
    def routing(text: str) -> str:
        plan = load_plan(text, "d.yaml").plan
        assert plan is not None
        return plan.routing

    assert routing(WHOLE) == routing(WHOLE.replace("parallel: 4", "parallel: 5").replace("X-Template: welcome", "X-Template: other"))
    assert routing(WHOLE) != routing(WHOLE.replace("default: crm", "default: sms"))
    assert routing(WHOLE) != routing(WHOLE.replace("target: sms", "target: crm"))
    assert routing(WHOLE) != routing(WHOLE.replace("for-somebody-else, skip: true", "for-somebody-else, target: sms"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: error: the file is empty: a delivery file has at least `targets`"),
        ("targets: []", "1:10: error: expected a list of targets, at least 1, found"),
        ("target: []", "unknown key `target` in a delivery file; did you mean `targets`?"),
        ("targets: [{id: a}]", "1:11: error: a target needs `url`"),
        ("targets: [{id: a, url: ftp://a/}]", "1:24: error: expected a URL such as"),
        (
            "targets: [{id: a, url: 'http://a/'}]",
            "http would send triggers and secrets unencrypted: use https, or allow it for this host with",
        ),
        ("allow_http: b\ntargets: [{id: a, url: 'http://a/'}]", "2:24: error: http would send"),
        ("targets: [{id: a, url: 'https://a/#x'}]", "expected a URL"),
        ("targets: [{id: a, url: 'https://a:port/'}]", "expected a URL"),
        ("targets: [{id: a, url: 'https:///x'}]", "expected a URL"),
        ("targets: [{id: a, url: 'https://a/'}, {id: a, url: 'https://a/'}]", "target `a` is already defined in line 1"),
        ("default: b\ntargets: [{id: a, url: 'https://a/'}]", "1:10: error: there is no target `b`"),
        ("targets: [{id: a, url: 'https://a/'}]\ncampaigns: [{id: x, target: b}]", "2:29: error: there is no target `b`"),
        ("targets: [{id: a, url: 'https://a/'}]\ncampaigns: [{id: x}]", "2:13: error: a campaign has either a `target`, or `skip: true`"),
        ("targets: [{id: a, url: 'https://a/'}]\ncampaigns: [{id: x, target: a, skip: true}]", "either a `target`, or `skip: true`"),
        ("targets: [{id: a, url: 'https://a/', timeout: 0s}]", "expected a duration from 1s to 10m, found 0s"),
        ("targets: [{id: a, url: 'https://a/', timeout: 10}]", "its unit (s, m, h, d, w or y) is missing"),
        ("targets: [{id: a, url: 'https://a/', headers: {Host: b}}]", "header `Host` is set by Etapa"),
        ("targets: [{id: a, url: 'https://a/', headers: {Webhook-Id: b}}]", "header `Webhook-Id` is set by Etapa"),
        ("targets: [{id: a, url: 'https://a/', headers: {'a b': b}}]", "this is not the name of a header"),
        ("targets: [{id: a, url: 'https://a/', headers: {X-A: b, x-a: c}}]", "header `x-a` is there twice"),
        ("targets: [{id: a, url: 'https://a/', headers: {X-A: 'a\tb'}}]", "expected text of at most 4096 ASCII characters"),
        ("targets: [{id: a, url: 'https://a/', headers: {X-A: {env: A, file: b}}}]", "expected {env: NAME} or {file: PATH}"),
        ("targets: &t [{id: a, url: 'https://a/'}]", "anchor `&t` is not allowed"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, expected: str) -> None:
    assert any(expected in error for error in errors(text)), errors(text)


@pytest.mark.parametrize(
    "text",
    [
        with_target(secrets=SECRET),
        with_target(secrets=[SECRET]),
        with_target(secrets={"env": SECRET + "+"}),
        with_target(secrets={"file": [SECRET]}),
        with_target(headers={"Authorization": SECRET}),
        with_target(headers={"X-Api-Key": SECRET}),
        with_target(headers={"X-Source": [SECRET]}),
        with_target(headers={"X-Source": SECRET + "ñ"}),
        with_target(headers=SECRET),
        with_target(url=f"https://user:{SECRET}@t.example.com/"),
        with_target(url=f"http://t.example.com/?token={SECRET}"),
        with_target(url=f"https://t.example.com/#{SECRET}"),
    ],
)
def test_a_secret_that_was_written_in_spite_of_everything_is_refused_and_not_repeated(text: str) -> None:
    loaded = load_plan(text, "d.yaml")
    assert loaded.plan is None
    assert SECRET not in "".join(finding.in_full() for finding in loaded.findings)


def test_the_schema_in_the_tree_is_up_to_date() -> None:
    assert (ROOT / "schemas" / "delivery.schema.json").read_text("utf-8") == plan_schema_text()


def test_the_schema_is_a_schema_and_tells_what_everything_is_for() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    def undescribed(schema: Any, path: str) -> list[str]:
        if not isinstance(schema, dict):
            return []
        found = [f"{path}.{name}" for name, field in schema.get("properties", {}).items() if "description" not in field]
        children = {**schema.get("properties", {}), "items": schema.get("items")}
        return found + [each for name, child in children.items() for each in undescribed(child, f"{path}.{name}")]

    assert undescribed(SCHEMA, "") == []


def test_the_schema_takes_what_the_loader_takes() -> None:
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(WHOLE))
    Draft202012Validator(SCHEMA).validate(yaml.safe_load((ROOT / "deploy" / "delivery.yaml").read_text("utf-8")))


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://a/"},
        {"url": "https://u:p@a/"},
        {"timeout": 10},
        {"parallel": 0},
        {"secrets": SECRET},
        {"headers": {"a b": "c"}},
        {"headers": {"X-A": 3}},
        {"retry": {"attempts": 0}},
        {"breaker": {"failure": 3}},
        {"colour": "red"},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(fields: dict[str, Any]) -> None:
    text = with_target(**fields)
    assert errors(text)
    assert not Draft202012Validator(SCHEMA).is_valid(json.loads(text))


def test_the_example_beside_the_compose_file_is_good() -> None:
    loaded = load_plan((ROOT / "deploy" / "delivery.yaml").read_text("utf-8"), "delivery.yaml")
    assert [str(finding) for finding in loaded.findings] == []
