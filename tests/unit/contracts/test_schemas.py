"""The code and the JSON Schemas in `schemas/` say the same."""

import json
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.incoming import rejected
from etapa.contracts.incoming.touchpoint import read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits, TouchpointMessage
from etapa.contracts.outgoing import dead_letter, undelivered
from etapa.contracts.outgoing.campaign_outcome import decode_campaign_outcome, encode_campaign_outcome
from etapa.contracts.outgoing.campaign_outcome_message import CampaignOutcomeMessage
from etapa.contracts.outgoing.campaign_trigger import campaign_trigger_json, decode_campaign_trigger, encode_campaign_trigger
from etapa.contracts.outgoing.campaign_trigger_message import CampaignTriggerMessage
from etapa.contracts.outgoing.customer_moved import CustomerMovedMessage, decode_customer_moved, encode_customer_moved, is_customer_moved
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change, encode_stage_change, stage_change_json
from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.stored.delivery_progress import (
    DeliveryProgress,
    DeliveryProgressError,
    decode_delivery_progress,
    encode_delivery_progress,
    is_progress_of,
    progress_key,
)
from etapa.journey.engine.facts.changes import CampaignOutcome, Cause, Clause, Trigger
from etapa.journey.engine.facts.touchpoint import Touchpoint
from tests.support.stage_changes import stage_change

SCHEMAS = Path(__file__).parents[3] / "schemas"
EXAMPLES = sorted((SCHEMAS / "examples").glob("*.json"))
TRACE = ("traceparent", "tracestate", "baggage")
"""Optional headers at the end, present if the touchpoint had them."""
MESSAGES = (
    "touchpoint",
    "stage-change",
    "customer-moved",
    "campaign-trigger",
    "campaign-outcome",
    "dead-letter",
    "undelivered-trigger",
    "delivery-progress",
)


def schema_of(message: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{message}.schema.json").read_text("utf-8"))
    return schema


def examples_of(message: str) -> list[Path]:
    """Examples are named after their message: `touchpoint.json`, `touchpoint-smallest.json`."""
    return [path for path in EXAMPLES if path.stem == message or path.stem.startswith(f"{message}-")]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def fields_of(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def derived_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema derived from the decoder itself."""
    _, components = msgspec.json.schema_components([struct])
    derived: dict[str, Any] = components[struct.__name__]["properties"]
    return derived


@pytest.mark.parametrize("message", MESSAGES)
def test_a_schema_is_valid_and_tells_people_what_everything_means(message: str) -> None:
    schema = schema_of(message)
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]
    for name, field in schema["properties"].items():
        assert field.get("title"), name
        assert field.get("description"), name


@pytest.mark.parametrize("message", MESSAGES)
def test_every_example_is_valid(message: str) -> None:
    examples = examples_of(message)
    assert examples
    for path in examples:
        validator(schema_of(message)).validate(json.loads(path.read_text("utf-8")))


def test_every_example_belongs_to_a_schema() -> None:
    messages = {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json")}
    assert {path for message in messages for path in examples_of(message)} == set(EXAMPLES)


def test_touchpoint_fields_are_those_of_the_code() -> None:
    schema = schema_of("touchpoint")
    assert list(schema["properties"]) == fields_of(TouchpointMessage)
    assert schema["required"] == [field.encode_name for field in msgspec.structs.fields(TouchpointMessage) if field.required]


@pytest.mark.parametrize("bound", ["minLength", "maxLength"])
def test_touchpoint_texts_have_the_bounds_of_the_code(bound: str) -> None:
    def bounds(properties: dict[str, Any]) -> dict[str, int]:
        alternatives = {name: [field, *field.get("anyOf", [])] for name, field in properties.items()}
        return {name: one[bound] for name, several in alternatives.items() for one in several if bound in one}

    assert bounds(schema_of("touchpoint")["properties"]) == bounds(derived_schema(TouchpointMessage))


def test_stage_change_fields_are_those_of_the_code_in_their_order() -> None:
    schema = schema_of("stage-change")
    assert list(schema["properties"]) == fields_of(StageChangeMessage)
    assert schema["required"] == fields_of(StageChangeMessage)
    assert list(schema["$defs"]["clause"]["properties"]) == fields_of(Clause)


def test_campaign_trigger_fields_are_those_of_the_code_in_their_order() -> None:
    schema = schema_of("campaign-trigger")
    assert list(schema["properties"]) == fields_of(CampaignTriggerMessage)
    assert [*schema["required"], "mixed"] == fields_of(CampaignTriggerMessage)


def test_stage_change_causes_are_those_of_the_code() -> None:
    assert schema_of("stage-change")["properties"]["cause"]["enum"] == list(typing.get_args(Cause))


def test_dead_letter_headers_and_reasons_are_those_of_the_code() -> None:
    headers = schema_of("dead-letter")["properties"]["headers"]
    assert tuple(headers["properties"]) == (*dead_letter.HEADERS, *dead_letter.CUT_HEADERS, dead_letter.ATTEMPT, dead_letter.REDRIVEN_FROM)
    assert tuple(headers["required"]) == dead_letter.HEADERS
    assert tuple(headers["properties"][dead_letter.REASON]["enum"]) == rejected.REASONS
    assert headers["properties"][dead_letter.DETAIL]["maxLength"] == rejected.LONGEST_DETAIL


def test_the_headers_and_reasons_of_undelivered_triggers_are_those_of_the_code() -> None:
    headers = schema_of("undelivered-trigger")["properties"]["headers"]
    assert tuple(headers["required"]) == undelivered.HEADERS
    added = (*dead_letter.CUT_HEADERS, dead_letter.ATTEMPT, dead_letter.REDRIVEN_FROM)
    assert tuple(headers["properties"]) == (*undelivered.HEADERS, *added)
    assert tuple(headers["properties"][dead_letter.REASON]["enum"]) == undelivered.REASONS
    assert headers["properties"][dead_letter.DETAIL]["maxLength"] == undelivered.LONGEST_DETAIL


def test_the_example_of_an_undelivered_trigger_is_what_the_code_writes() -> None:
    example = json.loads((SCHEMAS / "examples" / "undelivered-trigger.json").read_text("utf-8"))
    decode_campaign_trigger(example["value"].encode())
    told = example["headers"]
    original = [(name, text.encode()) for name, text in told.items() if name not in undelivered.HEADERS]
    why = undelivered.Undelivered(
        told[dead_letter.REASON], told[dead_letter.DETAIL], told[undelivered.TARGET], int(told[undelivered.REQUESTS])
    )
    where = told[dead_letter.TOPIC], int(told[dead_letter.PARTITION]), int(told[dead_letter.OFFSET])
    key, value, headers = undelivered.encode_undelivered(example["key"].encode(), example["value"].encode(), original, why, *where)
    assert (key, value) == (example["key"].encode(), example["value"].encode())
    assert {name: text.decode() for name, text in headers} == told


def test_delivery_progress_is_what_the_code_reads_and_writes() -> None:
    schema = schema_of("delivery-progress")
    assert list(schema["properties"]) == schema["required"] == fields_of(DeliveryProgress)
    example = (SCHEMAS / "examples" / "delivery-progress.json").read_bytes()
    written = encode_delivery_progress(decode_delivery_progress(example))
    assert list(json.loads(written).items()) == list(json.loads(example).items())


@pytest.mark.parametrize(
    ("value", "told"),
    [(b"", "it cannot be read"), (b"[]", "it cannot be read"), (b'{"format":1}', "it cannot be read"), (b'{"format":2}', "format 2")],
)
def test_delivery_progress_that_is_none_is_refused(value: bytes, told: str) -> None:
    with pytest.raises(DeliveryProgressError, match=told):
        decode_delivery_progress(value)


def test_the_key_of_delivery_progress_belongs_to_one_group() -> None:
    key = progress_key("etapa-delivery", "p-1")
    assert [is_progress_of(group, key) for group in ("etapa-delivery", "etapa", "p-1")] == [True, False, False]
    assert not is_progress_of("etapa-delivery", None)
    assert not is_progress_of("etapa-delivery", b"etapa-delivery")


@pytest.mark.parametrize("path", examples_of("touchpoint"), ids=lambda path: path.stem)
def test_touchpoint_examples_are_taken(path: Path) -> None:
    touchpoint = read_touchpoint(path.read_bytes(), TouchpointLimits(), None)
    assert isinstance(touchpoint, Touchpoint)
    written = json.loads(path.read_text("utf-8"))
    assert {"properties": touchpoint.properties, "traits": touchpoint.traits} == {
        name: written.get(name, {}) for name in ("properties", "traits")
    }


@pytest.mark.parametrize("path", examples_of("stage-change"), ids=lambda path: path.stem)
def test_stage_change_examples_are_what_the_code_writes(path: Path) -> None:
    message = decode_stage_change(path.read_bytes())
    again = stage_change_json(message.change(), message.journey, message.version)
    assert list(json.loads(again).items()) == list(json.loads(path.read_text("utf-8")).items())


@pytest.mark.parametrize("path", examples_of("campaign-trigger"), ids=lambda path: path.stem)
def test_campaign_trigger_examples_are_what_the_code_writes(path: Path) -> None:
    message = decode_campaign_trigger(path.read_bytes())
    again = campaign_trigger_json(message.trigger(), message.journey, message.version)
    assert list(json.loads(again).items()) == list(json.loads(path.read_text("utf-8")).items())


@pytest.mark.parametrize("path", examples_of("dead-letter"), ids=lambda path: path.stem)
def test_dead_letter_examples_are_what_the_code_writes(path: Path) -> None:
    example = json.loads(path.read_text("utf-8"))
    why = read_touchpoint(example["value"].encode(), TouchpointLimits(), None)
    assert isinstance(why, rejected.Rejected)
    original = [(name, text.encode()) for name, text in example["headers"].items() if name not in dead_letter.HEADERS]
    where = [example["headers"][name] for name in (dead_letter.TOPIC, dead_letter.PARTITION, dead_letter.OFFSET)]
    key, value, headers = encode_dead_letter(
        example["key"].encode(), example["value"].encode(), original, why, where[0], int(where[1]), int(where[2])
    )
    assert key is not None
    assert value is not None
    assert {"key": key.decode(), "value": value.decode(), "headers": {name: text.decode() for name, text in headers}} == example


def test_the_headers_of_a_dead_letter_that_is_cut_are_those_of_the_schema() -> None:
    whole = encode_dead_letter(
        b"c-1", b"x" * 30_000, (("long", b"y" * 30_000),), rejected.rejected("too_large", "why"), "touchpoints", 3, 17
    )
    cut = dead_letter.cut_to(*whole, 20_000)
    assert cut is not None
    key, value, headers = cut
    written = {name: text.decode() for name, text in headers}
    validator(schema_of("dead-letter")).validate({"key": (key or b"").decode(), "value": (value or b"").decode(), "headers": written})
    assert tuple(written) == (*dead_letter.HEADERS, *dead_letter.CUT_HEADERS)


def test_stage_change_headers_are_those_of_the_schema() -> None:
    change = stage_change(None, "discovery", touchpoint_id="e-0")
    _, _, headers = encode_stage_change(change, "retail", 3)
    written = {name: value.decode() for name, value in headers}
    schema = schema_of("stage-change")["$defs"]["headers"]
    validator(schema).validate(written)
    assert [*written, *TRACE] == [*schema["required"], *TRACE] == list(schema["properties"])


def test_campaign_trigger_headers_are_those_of_the_schema() -> None:
    trigger = Trigger("loyalty-welcome", "c-1", 2, 0, "purchase", "loyalty", False, {"template": "welcome"})
    key, value, headers = encode_campaign_trigger(trigger, "retail", 3)
    written = {name: text.decode() for name, text in headers}
    schema = schema_of("campaign-trigger")["$defs"]["headers"]
    validator(schema).validate(written)
    assert [*written, *TRACE] == [*schema["required"], *TRACE] == list(schema["properties"])
    assert key == b"c-1"
    assert written["ce_id"] == json.loads(value)["id"] == "c-1/2/loyalty-welcome"


def test_campaign_outcomes_are_written_as_the_schema_says() -> None:
    schema = schema_of("campaign-outcome")
    assert list(schema["properties"]) == schema["required"] == fields_of(CampaignOutcomeMessage)
    outcome = CampaignOutcome("loyalty-welcome", "c-42", 3, False, True, 1_795_946_400_000_000, 691_200_000_000, 120.5)
    key, value, headers = encode_campaign_outcome(outcome, "retail", 3)
    (example,) = examples_of("campaign-outcome")
    assert json.loads(value) == json.loads(example.read_text("utf-8"))
    assert decode_campaign_outcome(value).met
    written = {name: text.decode() for name, text in headers}
    validator(schema["$defs"]["headers"]).validate(written)
    assert list(written) == list(schema["$defs"]["headers"]["properties"])
    assert key == b"c-42"
    # Id and source together identify an event, and so distinguish it from its trigger.
    assert (written["ce_id"], written["ce_source"]) == ("c-42/3/loyalty-welcome", "etapa/retail/goals")


def test_where_the_changes_of_a_customer_continue_is_written_as_the_schema_says() -> None:
    schema = schema_of("customer-moved")
    assert list(schema["properties"]) == schema["required"] == fields_of(CustomerMovedMessage)
    key, value, headers = encode_customer_moved("c-42", 3, 7, "c-42", "shop", 2, 5)
    (example,) = examples_of("customer-moved")
    assert json.loads(value) == json.loads(example.read_text("utf-8"))
    assert decode_customer_moved(value).partition == 7
    written = {name: text.decode() for name, text in headers}
    validator(schema["$defs"]["headers"]).validate(written)
    assert list(written) == list(schema["$defs"]["headers"]["properties"])
    assert key == b"c-42"
    assert is_customer_moved(headers)
    # Who moves there and back without a change in between leaves three records.
    ways = [(7, 1), (2, 2), (7, 3)]
    assert len({encode_customer_moved("c-42", 3, to, "c-42", "shop", 2, change)[1] for to, change in ways}) == 3


def test_whoever_comes_to_a_partition_and_is_united_there_has_a_record_for_each() -> None:
    records = [encode_customer_moved("anon-7", 3, 1, kept, "shop", 2, 0)[1] for kept in ("anon-7", "ada", "ada")]
    assert [msgspec.json.decode(record)["id"] for record in records] == ["anon-7/3/moved/0/1", *["anon-7/3/moved/0/1/ada"] * 2]


@pytest.mark.parametrize(
    "changed",
    [{"id": ""}, {"id": "x" * 257}, {"type": 3}, {"occurred_at": "2026-11-21T10:00:00"}, {"properties": []}, {"channel": 3}],
)
def test_what_the_code_refuses_the_schema_refuses(changed: dict[str, Any]) -> None:
    touchpoint = json.loads((SCHEMAS / "examples" / "touchpoint.json").read_text("utf-8")) | changed
    assert isinstance(read_touchpoint(json.dumps(touchpoint).encode(), TouchpointLimits(), None), rejected.Rejected)
    assert not validator(schema_of("touchpoint")).is_valid(touchpoint)
