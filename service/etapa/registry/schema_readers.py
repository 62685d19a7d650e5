"""Readers for records, by the kind of their schema."""

from typing import Any, Final

import msgspec

from etapa.contracts.incoming.rejected import rejected
from etapa.contracts.incoming.schemas import SchemaReader
from etapa.registry.confluent import Registered
from etapa.registry.refusal import SchemaRefused

LARGEST_TEXT: Final = 4 * 1024 * 1024
"""The most characters of a schema together with all schemas that it refers to."""


def reader_of(registered: Registered) -> SchemaReader:
    """A reader for records of this schema. Raises `SchemaRefused`."""
    from etapa.registry.avro import AvroReader
    from etapa.registry.protobuf import ProtobufReader

    if len(registered.text) + sum(len(text) for _, text in registered.references) > LARGEST_TEXT:
        raise SchemaRefused(f"it has more than {LARGEST_TEXT >> 20} MiB")
    if registered.kind == "AVRO":
        return AvroReader(registered)
    if registered.kind == "PROTOBUF":
        return ProtobufReader(registered)
    if registered.kind == "JSON":
        return JsonReader()
    raise SchemaRefused(f"it is of the kind {registered.kind!r}; Etapa reads AVRO, PROTOBUF and JSON")


class JsonReader:
    """Reads records with a JSON Schema, which are JSON. Validating them was their producer's job."""

    kind = "json"

    def read(self, body: bytes) -> Any:
        """As `SchemaReader.read`."""
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            return rejected("not_json", str(error))
