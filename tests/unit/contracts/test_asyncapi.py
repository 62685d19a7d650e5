"""The AsyncAPI document describes exactly the existing topics, messages and settings, and its examples conform to it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.stored.mark import decode_mark, encode_mark
from etapa.settings.reading import load_settings
from etapa.stream.kafka.topics.creation import wanted_topics
from tests.support import yaml_core

SCHEMAS = Path(__file__).parents[3] / "schemas"
DOCUMENT: dict[str, Any] = yaml_core.load((SCHEMAS / "asyncapi.yaml").read_text("utf-8"))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
MARK: dict[str, Any] = DOCUMENT["components"]["schemas"]["mark"]


def at(document: Any, pointer: str) -> Any:
    """The target of a JSON pointer. Raises `KeyError`."""
    for step in pointer.strip("/").split("/"):
        document = document[step]
    return document


def resolved(reference: str) -> Any:
    """The target of a `$ref` in the document, in it or in a schema beside it."""
    file, _, pointer = reference.partition("#")
    document = json.loads((SCHEMAS / file).read_text("utf-8")) if file else DOCUMENT
    return at(document, pointer) if pointer else document


def references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$ref":
                yield value
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def schema_of(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a payload or of headers, in either notation."""
    schema = described.get("schema", described)
    found: Mapping[str, Any] = resolved(schema["$ref"]) if "$ref" in schema else schema
    return found


def validate(value: Any, described: Mapping[str, Any]) -> None:
    Draft202012Validator(schema_of(described), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 20
    for reference in found:
        assert resolved(reference) is not None


def test_the_channels_are_the_topics_that_are_made_with_the_names_that_are_defaults() -> None:
    topics = {topic.name: topic.settings["cleanup.policy"] for topic in wanted_topics(load_settings({}, {}))}
    channels = DOCUMENT["channels"].values()
    assert {each["address"]: each["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] for each in channels} == {
        name: [policy] for name, policy in topics.items()
    }


def test_every_message_is_in_a_channel_and_every_channel_is_read_or_written() -> None:
    used = {reference for channel in DOCUMENT["channels"].values() for reference in references(channel["messages"])}
    assert used == {f"#/components/messages/{name}" for name in MESSAGES}
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{name}" for name in DOCUMENT["channels"]
    }


def test_the_messages_of_an_operation_are_those_of_its_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"]
        assert {message["$ref"] for message in operation["messages"]} == {
            f"{channel}/messages/{name}" for name in resolved(channel)["messages"]
        }


@pytest.mark.parametrize("name", [name for name in MESSAGES if name != "customerState"])
def test_the_examples_are_valid(name: str) -> None:
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        validate(example["payload"], message["payload"])
        if "headers" in message:
            validate(example["headers"], message["headers"])
        else:
            assert "headers" not in example


@pytest.mark.parametrize("name", ["stageChange", "campaignTrigger", "campaignOutcome"])
def test_headers_and_payload_of_an_example_agree(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        headers, payload = example["headers"], example["payload"]
        assert (headers["ce_id"], headers["ce_time"], headers["ce_subject"]) == (payload["id"], payload["at"], payload["customer_id"])
        assert headers["ce_source"] == f"etapa/{payload['journey']}" + ("/goals" if name == "campaignOutcome" else "")


def test_the_mark_is_the_one_that_is_written() -> None:
    (example,) = MESSAGES["mark"]["examples"]
    mark = decode_mark(json.dumps(example["payload"]).encode())
    assert json.loads(encode_mark(mark)) == example["payload"]
    assert list(json.loads(encode_mark(mark))) == MARK["required"] == list(MARK["properties"])


def test_the_headers_of_a_dead_letter_are_the_ones_that_are_written() -> None:
    (example,) = MESSAGES["deadLetter"]["examples"]
    told = example["headers"]
    reason = Rejected(told["etapa.reason"], told["etapa.detail"])
    _, value, headers = encode_dead_letter(
        b"k", example["payload"].encode(), (), reason, told["etapa.topic"], int(told["etapa.partition"]), int(told["etapa.offset"])
    )
    assert value == example["payload"].encode()
    assert {name: text.decode() for name, text in headers} == told
