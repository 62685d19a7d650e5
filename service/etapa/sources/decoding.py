"""Decodes the worker's records with a source: bytes in, touchpoints out."""

from collections.abc import Sequence
from typing import Final, final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.schemas import Schemas
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import LINK
from etapa.sources.cloud_events import NO_HEADERS, Headers, size_of
from etapa.sources.framed import ValueReader
from etapa.sources.mapping import Mapper


@final
class SourceDecoder(Decoder):
    """Each value is one record of another system: JSON, or encoded with a schema from a registry."""

    def __init__(self, mapper: Mapper, limits: TouchpointLimits, schemas: Schemas | None = None) -> None:
        super().__init__(mapper.limits(limits), makes_several=True)
        self.mapper: Final = mapper
        self._schemas: Final = schemas
        self._is_of_events: Final = mapper.source.decode == "cloudevents"
        self._reader: Final = ValueReader(mapper.source.decode, mapper.json, schemas)

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """Like `Decoder.read`, for a record that holds one touchpoint, or several of one customer: then the first of them.

        Waits for the registry when a schema is not here yet. Raises `SchemasAway`.
        """
        first = self._first(value, NO_HEADERS)
        return first if isinstance(first, Rejected) else self.untimely(first.at, wall, latest) or first

    def customer_of(self, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> str | None:
        """As `Decoder.customer_of`."""
        first = self._first(value, headers)
        return None if isinstance(first, Rejected) else first.customer_id

    def _first(self, value: bytes | None, headers: Headers) -> Touchpoint | Rejected:
        first: Touchpoint | None = None
        for item in self._items(value, headers, waits=True):
            if isinstance(item, Rejected):
                return item
            if isinstance(item, Touchpoint):
                if first is not None and item.customer_id != first.customer_id:
                    return rejected("invalid", "the record holds touchpoints of several customers")
                first = item if first is None else first
        if first is None:
            return rejected("invalid", "the source skips the record")
        return first

    def items(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int, latest: int
    ) -> list[Touchpoint | Rejected | SkippedRecord]:
        """As `Decoder.items`."""
        items = self._items(value, headers, waits=False)
        for place, item in enumerate(items):
            if isinstance(item, Touchpoint):
                if item.at > latest:
                    late = self.untimely(item.at, wall, latest)
                    if late is not None:
                        items[place] = late
                        continue
                # A link finds its people from any partition.
                if item.customer_id.encode("utf-8", "surrogatepass") != key and item.type != LINK:
                    items[place] = _other_key(key)
        return items

    async def learn(self, number: int) -> None:
        """As `Decoder.learn`."""
        if self._schemas is not None:
            await self._schemas.learn(number)

    def _items(self, value: bytes | None, headers: Headers, *, waits: bool) -> list[Touchpoint | Rejected | SkippedRecord]:
        if value is None:
            if not (headers and self._is_of_events):
                return [rejected("invalid", "the record has no value; the source takes objects")]
            # In binary mode an event without data has no value.
            value = b""
        if len(value) > self.max_bytes:
            return [rejected("too_large", f"more than {self.max_bytes} bytes")]
        record = self._reader.read_now(value, headers) if waits else self._reader.read(value, headers)
        if isinstance(record, Rejected):
            return [record]
        size = len(value)
        if headers and self._is_of_events:
            size += size_of(headers)
        return self.mapper.items(record, self.limits, size)


def _other_key(key: bytes | None) -> Rejected:
    found = "the record has no key" if key is None else "the record key is different"
    return rejected(
        "key_mismatch", f"{found}; it must be the customer_id that the source makes, so that the record is in the customer's partition"
    )
