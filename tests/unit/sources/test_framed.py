"""Values framed for a schema registry, depending on what the source says and whether a registry is configured."""

from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.registry.confluent import Registered
from etapa.registry.kept import KeptSchemas
from etapa.sources.framed import ValueReader
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.model import Decode

VISIT = b"\0\0\0\0\x07\x08home"
TEXT = '{"type": "record", "name": "Visit", "fields": [{"name": "page", "type": "string"}]}'


class Shelf:
    """A registry in memory."""

    def schema(self, number: int) -> Registered:
        return Registered("JSON", "{}") if number == 8 else Registered("AVRO", TEXT)


def read(decode: Decode, value: bytes, *, has_registry: bool = True) -> Any:
    found = ValueReader(decode, JsonRecords(), KeptSchemas(Shelf()) if has_registry else None).read_now(value)
    return found.detail if isinstance(found, Rejected) else found


@pytest.mark.parametrize("decode", ["auto", "avro", "cloudevents"])
def test_it_is_read_by_the_schema_that_it_names(decode: Decode) -> None:
    assert read(decode, VISIT) == {"page": "home"}


def test_plain_json_is_read_beside_it_unless_the_source_says_otherwise() -> None:
    assert read("auto", b'{"page": "home"}') == {"page": "home"}
    assert read("avro", b'{"page": "home"}') == "expected a byte 0 and the number of a schema before the avro, found none"
    assert "it looks like gzip data" in read("avro", b"\x1f\x8bwhatever")


def test_json_of_a_json_schema_needs_no_registry() -> None:
    for decode in ("auto", "json"):
        assert read(decode, b'\0\0\0\0\x08{"a": 1}', has_registry=False) == {"a": 1}
    assert read("auto", b'\0\0\0\0\x08 {"a": 1}') == {"a": 1}


def test_what_is_missing_is_named_with_the_number_of_the_schema() -> None:
    words = "it is framed for a schema registry, with schema 7; "
    assert read("auto", VISIT, has_registry=False) == f"{words}set ETAPA_REGISTRY_URL, or `registry` in the source, to have it read"
    assert (
        read("json", VISIT) == f"{words}leave out `decode: json`, and set ETAPA_REGISTRY_URL, or `registry` in the source, to have it read"
    )


def test_a_schema_of_another_kind_than_the_source_takes_is_named() -> None:
    assert read("protobuf", VISIT) == "expected protobuf, found schema 7, which is of avro"


def test_a_frame_alone_is_no_record() -> None:
    assert read("avro", VISIT[:5]).startswith("expected a byte 0 and the number of a schema")
