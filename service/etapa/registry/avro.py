"""Reading Avro records with a schema from a registry."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import fastavro
from fastavro._read_py import schemaless_reader as careful_reader

from etapa.contracts.incoming.rejected import rejected
from etapa.registry.avro_bounds import may_hold_itself
from etapa.registry.confluent import Registered
from etapa.registry.refusal import SchemaRefused
from etapa.sources.typed_files import plain

_Read = Callable[[BytesIO, Any, None], Any]


class AvroReader:
    """Reads records of one schema. Logical types become what JSON would hold: times as RFC 3339, decimals as numbers."""

    kind: Final = "avro"

    def __init__(self, registered: Registered) -> None:
        """Raises `SchemaRefused`."""
        named: dict[str, Any] = {}
        try:
            for _, text in registered.references:
                fastavro.parse_schema(json.loads(text), named_schemas=named)
            self._schema = fastavro.parse_schema(json.loads(registered.text), named_schemas=named)
        except Exception as error:  # noqa: BLE001 - a schema is foreign input: it is refused, whatever parsing it raises
            raise SchemaRefused(f"it is not an Avro schema: {type(error).__name__}: {error}") from None
        # The compiled reader does not check depth: a record nested deeply enough would crash the process.
        self._read: _Read = careful_reader if may_hold_itself(self._schema, named) else fastavro.schemaless_reader

    def read(self, body: bytes) -> Any:
        """As `SchemaReader.read`."""
        stream = BytesIO(body)
        try:
            record = plain(self._read(stream, self._schema, None))
        except Exception as error:  # noqa: BLE001 - damaged data raises what reading it raises
            return rejected("invalid", f"the record does not fit its Avro schema: {type(error).__name__}")
        left = len(body) - stream.tell()
        return rejected("invalid", f"the record does not fit its Avro schema: {left} bytes are left over") if left else record
