"""An explanation as JSON: what its schema says, and what the example shows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from etapa.contracts.outgoing.explanation import (
    AllMessage,
    CarriedOverMessage,
    ConditionMessage,
    ExplanationMessage,
    MoveMessage,
    RuleMessage,
    SinceMessage,
    WhenMessage,
    explanation_json,
    explanation_message,
)
from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.explain import explain
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from tests.reference.made_up import journeys

SCHEMAS = Path(__file__).parents[3] / "schemas"
EXAMPLE = SCHEMAS / "examples" / "explanation.json"
JOURNEY = """\
journey: shop
version: {version}
stages:
  - {{id: new}}
  - {{id: buyer}}
  - {{id: asleep}}
rules:
  - id: loyal
    from: new
    to: buyer
    when:
      all:
        - {{event: purchase}}
        - {{any: [{{count: purchase, within: 90d, gte: {least}}}, {{trait: member, eq: true}}]}}
  - {{id: falls-asleep, from: new, to: asleep, when: {{idle: 30d}}}}
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / "explanation.schema.json").read_text("utf-8"))
    return loaded


def program(version: int = 3, least: int = 3) -> Program:
    return compile_journey(journey_or_raise(JOURNEY.format(version=version, least=least), "shop.yaml"))


def customer_of(compiled: Program) -> Customer:
    customer = None
    for day in (1, 11):
        at = parse_time(f"2026-11-{day:02d}T10:00:00Z")
        customer = touch(compiled, customer, Touchpoint(f"e-{day}", "c-42", "purchase", at)).customer
    assert customer is not None
    return customer


def as_json(compiled: Program, customer: Customer, now: str = "2026-11-21T10:00:00Z") -> dict[str, Any]:
    explained: dict[str, Any] = json.loads(
        explanation_json(
            explain(compiled, customer, parse_time(now)),
            compiled.journey.id,
            compiled.journey.version,
            RulesTold(compiled.journey, languages()),
        )
    )
    return explained


def fields_of(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def test_the_schema_is_valid_and_tells_people_what_everything_means(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    for name, field in schema["properties"].items():
        assert field["title"], name
        assert field["description"], name


def test_the_example_is_what_the_code_writes() -> None:
    assert json.loads(EXAMPLE.read_text("utf-8")) == as_json(program(), customer_of(program()))


def test_the_fields_are_those_of_the_code_in_their_order(schema: dict[str, Any]) -> None:
    assert list(schema["properties"]) == schema["required"] == fields_of(ExplanationMessage)
    parts = {
        "rule": fields_of(RuleMessage),
        "since": fields_of(SinceMessage),
        "move": fields_of(MoveMessage),
        "carried_over": fields_of(CarriedOverMessage),
        "condition": ["kind", *fields_of(ConditionMessage)],
        "group": ["kind", *fields_of(AllMessage)],
    }
    for name, fields in parts.items():
        assert list(schema["$defs"][name]["properties"]) == schema["$defs"][name]["required"] == fields


@pytest.mark.parametrize("now", ["2026-11-21T10:00:00Z", "2026-11-01T10:00:00Z", "2027-11-21T10:00:00Z"])
@pytest.mark.parametrize("version", [3, 4])
def test_explanations_keep_the_schema(schema: dict[str, Any], now: str, version: int) -> None:
    explained = as_json(program(version, least=5 - version), customer_of(program()), now)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(explained)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(journeys())
def test_every_clause_that_can_be_explained_has_a_sentence_in_every_language(journey: Journey) -> None:
    compiled = compile_journey(journey)
    customer = touch(compiled, None, Touchpoint("e-1", "c-42", "purchase", parse_time("2026-11-01T10:00:00Z"))).customer
    told = RulesTold(journey, languages())
    for rule in explanation_message(explain(compiled, customer, customer.clock), journey.id, journey.version, told).rules:
        assert set(rule.sentence) == {"en", "es"}
        assert all(set(sentence) == {"en", "es"} and all(sentence.values()) for sentence in _sentences(rule.when))


def _sentences(when: WhenMessage) -> Iterator[Mapping[str, str]]:
    if isinstance(when, ConditionMessage):
        yield when.sentence
    else:
        for each in when.conditions:
            yield from _sentences(each)


def test_a_state_of_another_version_is_said_with_what_the_new_rules_alone_change() -> None:
    after = compile_journey(
        journey_or_raise(JOURNEY.format(version=4, least=2).replace("{event: purchase}", "{in_stage: 1d}"), "shop.yaml")
    )
    explained = as_json(after, customer_of(program()))
    assert explained["stage"] == "buyer"
    assert explained["carried_over"] == {
        "version": 3,
        "stage": "new",
        "changes": [{"to": "buyer", "at": "2026-11-11T10:00:00Z", "rule": "loyal"}],
    }
