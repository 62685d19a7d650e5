"""Records read by the schemas that they were written with."""

import io
import json
from typing import Any

import fastavro
import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.schemas import SchemaReader
from etapa.registry.confluent import Registered
from etapa.registry.protobuf import MOST_MEMORY, ProtobufReader
from etapa.registry.refusal import SchemaRefused
from etapa.registry.schema_readers import reader_of

PROTO = """syntax = "proto3"; package shop;
import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto"; import "parts/money.proto";
message Refund { string id = 1; }
message Order {
  string id = 1; google.protobuf.Timestamp at = 2; Money total = 3; repeated Line lines = 4; Status status = 5; optional int64 age = 6;
  map<string, int32> tags = 7; google.protobuf.Struct more = 8; bool gift = 9; google.protobuf.Int64Value points = 10; uint64 large = 11;
  oneof way { string shop = 12; string web = 13; }
  message Line { string sku = 1; double weight = 2; Order again = 3; }
  enum Status { NEW = 0; PAID = 1; }
}"""
MONEY = 'syntax = "proto3"; package shop; message Money { int64 cents = 1; string currency = 2; }'
SHOP = Registered("PROTOBUF", PROTO, (("parts/money.proto", MONEY),))


def avro(schema: Any) -> SchemaReader:
    return reader_of(Registered("AVRO", json.dumps(schema)))


def record_type(**fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}


def written(schema: Any, record: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
    return stream.getvalue()


@pytest.fixture(scope="module")
def shop() -> ProtobufReader:
    return ProtobufReader(SHOP)


def test_avro_is_read_as_json_would_have_it() -> None:
    schema = record_type(
        at={"type": "long", "logicalType": "timestamp-millis"},
        price={"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
        name=["null", "string"],
        tags={"type": "map", "values": {"type": "array", "items": "int"}},
    )
    body = b"\xc0\xdb\xb7\xe1\xc9\x5b" + b"\x04\x04\xe2" + b"\x02\x04hi" + b"\x02\x02a\x04\x02\x04\x00\x00"
    found = avro(schema).read(body)
    assert found == {"at": found["at"], "price": 12.5, "name": "hi", "tags": {"a": [1, 2]}}
    assert found["at"].endswith("Z")


@pytest.mark.parametrize("body", [b"", b"\x08hom", b"\x08home!", b"\x7f", b"\xff" * 30, b"\x08\xff\xff\xff\xff"])
def test_what_is_not_avro_of_its_schema_is_a_dead_letter(body: bytes) -> None:
    found = avro(record_type(page="string")).read(body)
    assert isinstance(found, Rejected)
    assert found.reason == "invalid"


def test_a_record_that_is_nested_a_million_deep_is_a_dead_letter_and_ends_nothing() -> None:
    reader = avro({"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]})
    assert reader.read(b"\x02\x02\x00") == {"n": {"n": {"n": None}}}
    assert isinstance(reader.read(b"\x02" * 1_000_000 + b"\x00"), Rejected)


def test_an_array_of_what_takes_no_bytes_is_refused() -> None:
    for items in ("null", {"type": "fixed", "name": "F", "size": 0}, {"type": "record", "name": "E", "fields": []}):
        with pytest.raises(SchemaRefused, match="no bytes"):
            avro(record_type(many={"type": "array", "items": items}))
    nothing = {"type": "record", "name": "E", "fields": [{"name": f"f{n}", "type": "null"} for n in range(200)]}
    with pytest.raises(SchemaRefused, match="more than 100 values of `E`"):
        avro(record_type(many={"type": "array", "items": ["int", nothing]}))


def test_a_count_that_the_bytes_cannot_hold_is_found_out_at_once() -> None:
    reader = avro(record_type(many={"type": "array", "items": "boolean"}))
    assert isinstance(reader.read(b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x01"), Rejected)


def test_protobuf_is_read_by_names_and_with_defaults(shop: ProtobufReader) -> None:
    order = shop.message("shop.Order")
    order.id, order.status, order.total.cents, order.tags["a"], order.large, order.web = "o-1", 1, 2**40, 3, 2**63, "x"
    order.at.FromJsonString("2026-01-05T09:20:00.5Z")
    order.lines.add(sku="s", weight=float("inf"))
    order.more.update({"deep": [1, None]})
    order.points.value = 2**53 + 1
    assert shop.read(b"\x02\x02" + order.SerializeToString()) == {
        "id": "o-1", "at": "2026-01-05T09:20:00.500Z", "total": {"cents": 2**40, "currency": ""}, "lines": [{"sku": "s", "weight": None}],
        "status": "PAID", "tags": {"a": 3}, "more": {"deep": [1, None]}, "gift": False, "points": 2**53 + 1, "large": 2**63, "web": "x",
    }  # fmt: skip


def test_the_message_is_named_by_its_place(shop: ProtobufReader) -> None:
    assert shop.read(b"\x00\x0a\x01r") == shop.read(b"\x02\x00\x0a\x01r") == {"id": "r"}
    assert shop.read(b"\x04\x02\x00\x0a\x01s") == {"sku": "s", "weight": 0.0}
    for body in (b"", b"\x01\x0a", b"\x02\x06", b"\x02\x01", b"\xff" * 12, b"\x02", b"\x00\x0a\x05r"):
        assert isinstance(shop.read(body), Rejected)


def test_a_protobuf_record_that_would_come_to_gigabytes_is_a_dead_letter(shop: ProtobufReader) -> None:
    lines = b"\x22\x00" * 260_000
    found = shop.read(b"\x02\x02" + lines)
    assert isinstance(found, Rejected)
    assert found.reason == "too_large"
    fields = " ".join(f"int64 f{n} = {n};" for n in range(1, 1001))
    wide = ProtobufReader(Registered("PROTOBUF", f'syntax = "proto3"; message All {{ repeated One one = 1; }} message One {{ {fields} }}'))
    found = wide.read(b"\x00" + b"\x0a\x00" * 50_000)
    assert isinstance(found, Rejected)
    assert f"more than {MOST_MEMORY // 4000} bytes" in found.detail


def test_a_message_nested_deeper_than_protobuf_goes_is_a_dead_letter(shop: ProtobufReader) -> None:
    body = b""
    for _ in range(200):
        body = b"\x22" + _varint(len(inner := b"\x1a" + _varint(len(body)) + body)) + inner
    assert isinstance(shop.read(b"\x02\x02" + body), Rejected)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "google/protobuf/any.proto", "a\nb", ""])
def test_a_reference_never_leaves_its_folder(name: str) -> None:
    with pytest.raises(SchemaRefused, match="cannot be a file name"):
        reader_of(Registered("PROTOBUF", PROTO, ((name, MONEY),)))


def test_a_schema_that_imports_what_is_not_there_says_what(shop: ProtobufReader) -> None:
    with pytest.raises(SchemaRefused, match=r"parts/money\.proto"):
        reader_of(Registered("PROTOBUF", PROTO))


def test_json_is_json() -> None:
    reader = reader_of(Registered("JSON", "{}"))
    assert reader.read(b'{"a": 1}') == {"a": 1}
    assert isinstance(reader.read(b"{"), Rejected)


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])
