"""Laws of records framed for a schema registry: whatever the bytes, the result is a record or a reason, and nothing else is raised."""

import io
import json
from typing import Any, Final

import fastavro
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.registry.confluent import Registered
from etapa.registry.kept import KeptSchemas
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper

AVRO: Final = {
    "type": "record",
    "name": "Event",
    "fields": [
        *({"name": name, "type": "string"} for name in ("id", "customer", "type", "at")),
        {"name": "when", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "tags", "type": {"type": "map", "values": ["null", "double", {"type": "array", "items": "string"}]}},
    ],
}
NESTED: Final = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node", {"type": "array", "items": "Node"}]}],
}
PROTO: Final = """syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto";
message Event { string id = 1; string customer = 2; string type = 3; google.protobuf.Timestamp at = 4; repeated Event inner = 5;
  map<int32, bytes> parts = 6; google.protobuf.Any any = 7; double price = 8; enum Kind { NONE = 0; } Kind kind = 9; }"""
SOURCE: Final = """
source: shop
touchpoint: {id: id, customer_id: customer, type: type, occurred_at: at, properties: {price: price, tags: tags, when: when}, traits: {"*": traits}}
"""


class Shelf:
    """A registry in memory."""

    def schema(self, number: int) -> Registered:
        return (
            Registered("AVRO", json.dumps(AVRO)),
            Registered("AVRO", json.dumps(NESTED)),
            Registered("PROTOBUF", PROTO),
            Registered("JSON", "{}"),
        )[number]


def decoder() -> SourceDecoder:
    source = load_source(SOURCE, "shop.yaml").source
    assert source is not None
    schemas = KeptSchemas(Shelf())
    for number in range(4):
        schemas.fetch(number)
    return SourceDecoder(Mapper(source), TouchpointLimits(), schemas)


DECODER: Final = decoder()


def written(record: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(AVRO), record)
    return stream.getvalue()


EVENTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("id", "customer", "type"), st.text(min_size=1, max_size=5)),
        "at": st.just("2026-01-05T09:20:00Z"),
        "when": st.none() | st.integers(-(2**62), 2**62),
        "price": st.binary(max_size=20),
        "tags": st.dictionaries(st.text(max_size=3), st.none() | st.floats() | st.lists(st.text(max_size=3), max_size=3), max_size=3),
    }
)
FIELDS = st.lists(st.tuples(st.integers(1, 10), st.binary(max_size=12)), max_size=6).map(
    lambda fields: b"\0" + b"".join(bytes([number << 3 | 2, len(inner)]) + inner for number, inner in fields)
)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 3), st.binary(max_size=60) | FIELDS)
def test_whatever_the_bytes_nothing_is_raised_and_the_same_comes_of_them_again(number: int, body: bytes) -> None:
    value = b"\0\0\0\0" + bytes([number]) + body
    first = DECODER.items(b"c", value, (), 0, 2**62)
    assert first
    assert first == DECODER.items(b"c", value, (), 0, 2**62)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(0, 200), st.binary(max_size=3))
def test_a_record_that_is_damaged_anywhere_raises_nothing(event: dict[str, Any], place: int, damage: bytes) -> None:
    body = written({**event, "when": event["when"]})
    at = place % (len(body) + 1)
    for broken in (body[:at], body[:at] + damage + body[at:], body[:at] + damage + body[at + 1 :]):
        assert DECODER.items(b"c", b"\0\0\0\0\0" + broken, (), 0, 2**62)


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_what_is_whole_is_read_or_rejected_with_a_reason_that_quotes_no_customer(event: dict[str, Any]) -> None:
    (item,) = DECODER.items(event["customer"].encode(), b"\0\0\0\0\0" + written(event), (), 0, 2**62)
    if isinstance(item, Rejected):
        assert item.reason in ("invalid", "placeholder_id")
