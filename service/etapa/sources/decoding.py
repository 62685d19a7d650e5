"""A source as the worker reads it: bytes of a record in, what comes of it out."""

from collections.abc import Sequence
from typing import Final, final

import msgspec

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.odd_bytes import odd_record
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources.mapping import Mapper

_decode: Final = msgspec.json.Decoder().decode


@final
class SourceDecoder(Decoder):
    """A value is one JSON record of another system."""

    def __init__(self, mapper: Mapper, limits: TouchpointLimits) -> None:
        super().__init__(mapper.limits(limits), makes_several=True)
        self.mapper: Final = mapper

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """As `Decoder.read`, of a record that is one touchpoint, or several of one customer: then the first of them."""
        first: Touchpoint | None = None
        for item in self._items(value):
            if isinstance(item, Rejected):
                return item
            if isinstance(item, Touchpoint):
                if first is not None and item.customer_id != first.customer_id:
                    return rejected("invalid", "the record holds touchpoints of several customers")
                first = item if first is None else first
        if first is None:
            return rejected("invalid", "the source skips the record")
        return self.untimely(first.at, wall, latest) or first

    def items(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int, latest: int
    ) -> list[Touchpoint | Rejected | SkippedRecord]:
        """As `Decoder.items`."""
        items = self._items(value)
        for place, item in enumerate(items):
            if isinstance(item, Touchpoint):
                if item.at > latest:
                    late = self.untimely(item.at, wall, latest)
                    if late is not None:
                        items[place] = late
                        continue
                if item.customer_id.encode(errors="surrogatepass") != key:
                    items[place] = _other_key(key)
        return items

    def _items(self, value: bytes | None) -> list[Touchpoint | Rejected | SkippedRecord]:
        if value is None:
            return [rejected("invalid", "the record has no value; the source takes JSON objects")]
        if len(value) > self.max_bytes:
            return [rejected("too_large", f"more than {self.max_bytes} bytes")]
        try:
            record = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            oddity = odd_record(value)
            return [rejected("not_json", str(error) if oddity is None else f"it looks like {oddity.looks_like}; the source takes JSON")]
        return self.mapper.items(record, self.limits, len(value))


def _other_key(key: bytes | None) -> Rejected:
    found = "the record has no key" if key is None else "the record key is another"
    return rejected(
        "key_mismatch", f"{found}; it must be the customer_id that the source makes, so that the record is in the customer's partition"
    )
