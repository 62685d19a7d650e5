"""Schemas in a registry, as needed for reading records that were written with them.

Such a record starts with a byte 0 and the number of its schema, in four bytes.
"""

from typing import Any, Final, Protocol

from etapa.contracts.incoming.rejected import Rejected
from etapa.errors import EtapaError

FRAME: Final = 5
"""How many bytes precede a record."""


class SchemaNeeded(EtapaError):
    """A record cannot be read before the schema with this number is loaded."""

    def __init__(self, number: int) -> None:
        super().__init__(f"schema {number} is not loaded yet")
        self.number = number


class SchemasAway(EtapaError):
    """The registry does not deliver the schema with this number, for a reason that may be temporary. Says nothing about the record."""

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(f"schema {number} cannot be loaded: {detail}")
        self.number = number


class SchemaReader(Protocol):
    """Reads records of one schema."""

    @property
    def kind(self) -> str:
        """The kind of schema: `avro`, `protobuf` or `json`."""

    def read(self, body: bytes) -> Any:
        """The record in `body` as JSON data, or a `Rejected`. Never raises, whatever the bytes are."""


class Schemas(Protocol):
    """The schemas of a registry, with a bounded cache."""

    def reader(self, number: int) -> SchemaReader | Rejected:
        """The reader for a schema; `Rejected` if the schema does not exist or cannot be used. Raises `SchemaNeeded`."""

    def fetch(self, number: int) -> None:
        """Load the schema. Blocks until the registry answers. Raises `SchemasAway`."""

    async def learn(self, number: int) -> None:
        """The same without blocking."""


def schema_number(value: bytes) -> int | None:
    """The number of the schema that a record names; none if it is not framed for a registry."""
    return int.from_bytes(value[1:FRAME], "big") if len(value) > FRAME and value[0] == 0 else None
