"""CloudEvents on a topic: structured in the value, or with their attributes in headers."""

import json
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources import presets
from etapa.sources.cloud_events import Headers
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper

EVENT = {"specversion": "1.0", "id": "A1", "source": "/shop", "type": "purchase", "time": "2026-01-05T09:20:00Z", "subject": "u1"}
BINARY: Any = [(f"ce_{name}", value.encode()) for name, value in EVENT.items()]
DATA = {"amount": 120}


def decoder(limits: TouchpointLimits | None = None) -> SourceDecoder:
    source = load_source(presets.text_of("cloudevents"), "cloudevents").source
    assert source is not None
    return SourceDecoder(Mapper(source), limits or TouchpointLimits())


def only(value: bytes | None, headers: Any, limits: TouchpointLimits | None = None) -> Any:
    (item,) = decoder(limits).items(b"u1", value, headers, 0, 2**62)
    return item


def test_an_event_in_binary_mode_is_the_same_as_in_structured_mode() -> None:
    whole = only(json.dumps({**EVENT, "data": DATA}).encode(), [("content-type", b"application/cloudevents+json; charset=UTF-8")])
    apart = only(
        json.dumps(DATA).encode(), [*BINARY, ("ce_dataschema", None), ("content-type", b"application/json"), ("traceparent", b"00-1")]
    )
    assert isinstance(whole, Touchpoint)
    assert whole == apart == only(json.dumps({**EVENT, "data": DATA}).encode(), [])
    assert apart.properties == {"amount": 120, "source": "/shop"}


def test_an_event_with_headers_of_its_own_is_structured_where_its_content_type_says_so() -> None:
    whole = json.dumps({**EVENT, "data": DATA}).encode()
    assert isinstance(only(whole, [("content-type", b"application/cloudevents+json"), ("ce_id", b"another")]), Touchpoint)


@pytest.mark.parametrize("value", [None, b""])
def test_an_event_in_binary_mode_needs_no_data(value: bytes | None) -> None:
    found = only(value, BINARY)
    assert isinstance(found, Touchpoint)
    assert found.properties == {"source": "/shop"}
    assert isinstance(only(value, []), Rejected)


def test_data_that_is_no_json_is_text() -> None:
    found = only(b"<a/>", [*BINARY, ("content-type", b"text/xml")])
    assert isinstance(found, Rejected)
    assert "properties: expected an object" in found.detail


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"{", BINARY, "not_json"),
        (b"\xff", [*BINARY, ("content-type", b"text/plain")], "invalid"),
        (b"{}", [*BINARY, ("ce_type", b"\xff")], "invalid"),
        (b"{}", [("ce_id", b"A1")], "invalid"),
        (b"\0\0\0\0\x07whatever", BINARY, "not_json"),
    ],
)
def test_an_event_that_cannot_be_used_has_a_reason(value: bytes, headers: Headers, reason: str) -> None:
    found = only(value, headers)
    assert isinstance(found, Rejected)
    assert found.reason == reason


def test_the_customer_of_an_event_in_binary_mode_is_known_whatever_its_key() -> None:
    assert decoder().customer_of(b"{}", BINARY) == "u1"
    assert decoder().customer_of(b"{}", []) is None


def test_what_headers_hold_counts_towards_the_size() -> None:
    limits = TouchpointLimits(max_bytes=400)
    found = only(b"{}", [*(header for header in BINARY if header[0] != "ce_source"), ("ce_source", b"/" * 350)], limits)
    assert isinstance(found, Rejected)
