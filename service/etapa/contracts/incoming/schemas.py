"""Schemas that records are written by and that a registry keeps: what whoever reads such records needs of them.

Before such a record stand a byte 0 and the number of its schema, in four bytes.
"""

from typing import Any, Final, Protocol

from etapa.contracts.incoming.rejected import Rejected
from etapa.errors import EtapaError

FRAME: Final = 5
"""Bytes before a record."""


class SchemaNeeded(EtapaError):
    """A record cannot be read before the schema of this number is there."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the schema {number} is not there yet")
        self.number = number


class SchemasAway(EtapaError):
    """The registry does not give the schema of this number, for a reason that may pass. Says nothing about the record."""

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(f"the schema {number} cannot be had: {detail}")
        self.number = number


class SchemaReader(Protocol):
    """Reads records of one schema."""

    @property
    def kind(self) -> str:
        """What it is a schema of: `avro`, `protobuf` or `json`."""

    def read(self, body: bytes) -> Any:
        """The record in `body`, as JSON would have it, or a `Rejected`. Never raises, whatever the bytes are."""


class Schemas(Protocol):
    """The schemas of a registry. Those that were asked for are kept, within bounds."""

    def reader(self, number: int) -> SchemaReader | Rejected:
        """What reads records of the schema; `Rejected` when there is no such schema, or none that can be used. Raises `SchemaNeeded`."""

    def fetch(self, number: int) -> None:
        """Have the schema there. Waits for the registry. Raises `SchemasAway`."""

    async def learn(self, number: int) -> None:
        """The same, for who must not be held up."""


def schema_number(value: bytes) -> int | None:
    """The number of the schema that a record names; none when it is not framed for a registry."""
    return int.from_bytes(value[1:FRAME], "big") if len(value) > FRAME and value[0] == 0 else None
