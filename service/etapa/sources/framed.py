"""Reads the values of records: as JSON, or with the registry's schema that they name."""

from typing import Any, Final, final

import msgspec

from etapa.contracts.incoming.odd_bytes import odd_record
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.schemas import FRAME, SchemaNeeded, Schemas, schema_number
from etapa.sources.cloud_events import NO_HEADERS, Headers, attributes_of, is_binary, is_json, text_of
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.model import Decode


@final
class ValueReader:
    """Reads values in the encoding that a source names. `schemas`: None when no registry is set."""

    def __init__(self, decode: Decode, json: JsonRecords, schemas: Schemas | None) -> None:
        self._decode: Final = decode
        self._json: Final = json
        self._schemas: Final = schemas
        self._takes_plain: Final = decode != "avro" and decode != "protobuf"

    def read(self, value: bytes, headers: Headers = NO_HEADERS) -> Any:
        """The record, or a `Rejected`. Raises `SchemaNeeded` and nothing else, whatever the bytes are."""
        if headers and self._decode == "cloudevents" and is_binary(headers):
            return self._event(value, headers)
        return self._value(value)

    def _event(self, value: bytes, headers: Headers) -> Any:
        """An event in binary mode, in the form of structured mode."""
        try:
            event = attributes_of(headers)
        except UnicodeDecodeError:
            return rejected("invalid", "a header of the event is not UTF-8")
        if value:
            framed = value[0] == 0 and len(value) > FRAME
            data = self._value(value) if framed or is_json(event.get("datacontenttype")) else text_of(value)
            if isinstance(data, Rejected):
                return data
            event["data"] = data
        return event

    def _value(self, value: bytes) -> Any:
        if value and value[0] == 0:
            number = schema_number(value)
            if number is not None:
                return self._framed(number, value[FRAME:])
        if not self._takes_plain:
            oddity = odd_record(value)
            looks = "" if oddity is None else f"; it looks like {oddity.looks_like}"
            return rejected("invalid", f"expected a byte 0 and the number of a schema before the {self._decode}, found none{looks}")
        try:
            return self._json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            oddity = odd_record(value)
            return rejected("not_json", str(error) if oddity is None else f"it looks like {oddity.looks_like}; the source takes JSON")

    def read_now(self, value: bytes, headers: Headers = NO_HEADERS) -> Any:
        """Like `read`, but waits for the registry if necessary. Raises `SchemasAway`."""
        while True:
            try:
                return self.read(value, headers)
            except SchemaNeeded as need:
                if self._schemas is not None:
                    self._schemas.fetch(need.number)

    def _framed(self, number: int, body: bytes) -> Any:
        decode, schemas = self._decode, self._schemas
        if body[:1] in (b"{", b"[") and decode in ("json", "auto", "cloudevents"):
            # With JSON Schema the body is plain JSON, so no registry is needed. Avro and Protobuf hardly ever begin like JSON, and then fail.
            try:
                return self._json.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
                pass
        framed = f"it is framed for a schema registry, with schema {number}"
        if decode == "json" or schemas is None:
            say = "" if decode != "json" else "leave out `decode: json`, and "
            return rejected("not_json", f"{framed}; {say}set ETAPA_REGISTRY_URL, or `registry` in the source, to have it read")
        reader = schemas.reader(number)
        if isinstance(reader, Rejected):
            return reader
        if decode in ("avro", "protobuf") and reader.kind != decode:
            return rejected("invalid", f"expected {decode}, found schema {number}, which is of {reader.kind}")
        return reader.read(body)
