"""A compiled source: it maps each record to touchpoints. Nothing here raises to the caller, whatever a record holds.

A touchpoint is made directly, not by way of its JSON. A test checks that decoding its JSON would give the same touchpoint.
"""

from typing import Any, Final

import msgspec

from etapa.contracts.incoming.placeholder_ids import beginnings, placeholders
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.language.model import LINK
from etapa.sources.field_values import Unfit, noun
from etapa.sources.finding import Element, Finders, SharesTooMuch, WholeRecord
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.model import Source, TouchpointMapping
from etapa.sources.origins import Refused, Unwanted
from etapa.sources.record_outcome import Mapped, Outcome
from etapa.sources.touchpoint_maker import WHAT_JSON_CANNOT, TouchpointMaker

MAX_EACH: Final = 10_000
"""The most elements of one record; a longer list becomes a dead letter."""
WIDEST_BYTE: Final = 24
"""The most bytes of JSON that one byte of a record may become: `1e9` is written as 1000000000.0."""

_NO_RECORD: Final = WholeRecord(None)
_encode: Final = msgspec.json.Encoder().encode


def touchpoint_json(touchpoint: Touchpoint) -> bytes:
    """A touchpoint as JSON, as `schemas/touchpoint.schema.json` describes it."""
    fields: dict[str, Any] = {
        "id": touchpoint.id,
        "customer_id": touchpoint.customer_id,
        "type": touchpoint.type,
        "occurred_at": format_time(touchpoint.at),
    }
    if touchpoint.channel is not None:
        fields["channel"] = touchpoint.channel
    if touchpoint.type == LINK:
        fields[SAME_AS] = touchpoint.properties[SAME_AS]
    elif touchpoint.properties:
        fields["properties"] = touchpoint.properties
    if touchpoint.traits:
        fields["traits"] = touchpoint.traits
    return _encode(fields)


class Mapper:
    """A source, ready to map records. `pepper` is put before what `sha256` digests; it is required if the source uses `sha256`."""

    def __init__(self, source: Source, pepper: bytes = b"") -> None:
        """Raises `MappingError` when the source needs a pepper and has none."""
        self.source: Final = source
        self.json: Final = JsonRecords(source)
        """What decodes its records."""
        self._whole: Final = TouchpointMaker(source, Finders(), pepper)
        parts = self.json.finders
        self._of_parts: Final = None if parts is None else TouchpointMaker(source, parts, pepper)
        own = source.placeholder_ids
        self._own_placeholders: Final = None if own is None else placeholders(own)
        self._width: Final = WIDEST_BYTE * (5 + self._whole.count)
        self._constants: Final = 6 * len(_encode(_constants_of(source.touchpoint))) + 64 * self._width

    def limits(self, limits: TouchpointLimits) -> TouchpointLimits:
        """The limits for records of this source, which may have its own list of placeholder ids."""
        own = self._own_placeholders
        if own is None:
            return limits
        return msgspec.structs.replace(limits, placeholder_ids=own, placeholder_beginnings=beginnings(own))

    def items(self, record: Any, limits: TouchpointLimits, size: int) -> list[Touchpoint | Rejected | SkippedRecord]:
        """The outcomes of a record (decoded as from JSON): of the record itself, or of each element of the list that the source names.

        `limits` must come from `self.limits`. `size` is the record's size in bytes; thanks to it, most touchpoints need not be encoded to
        check that they are not too large.
        """
        items = self._items(record, limits)
        if size * self._width + self._constants > limits.max_bytes:
            for place, item in enumerate(items):
                if isinstance(item, Touchpoint):
                    try:
                        length = len(touchpoint_json(item))
                    except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
                        items[place] = rejected("invalid", WHAT_JSON_CANNOT)
                        continue
                    if length > limits.max_bytes:
                        items[place] = _too_large(limits)
        return items

    def outcomes(self, record: Any, limits: TouchpointLimits) -> list[Outcome]:
        """The same, with each touchpoint as JSON."""
        return [outcome for outcomes in self.outcomes_by_element(record, limits) for outcome in outcomes]

    def outcomes_by_element(self, record: Any, limits: TouchpointLimits) -> list[list[Outcome]]:
        """The same, for each element of the record: usually one, and two if it also holds a link."""
        limits = self.limits(limits)
        maker = self._maker_for(record)
        elements = self._elements(record, maker)
        if not isinstance(elements, list):
            return [[elements]]
        return [self._written(maker.all_made(element, limits), limits) for element in elements]

    def _written(self, items: list[Touchpoint | Rejected | SkippedRecord], limits: TouchpointLimits) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for item in items:
            if not isinstance(item, Touchpoint):
                outcomes.append(item)
                continue
            try:
                json = touchpoint_json(item)
            except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
                outcomes.append(rejected("invalid", WHAT_JSON_CANNOT))
                continue
            outcomes.append(Mapped(item, json) if len(json) <= limits.max_bytes else _too_large(limits))
        return outcomes

    def explain(self, record: Any, number: int) -> list[tuple[str, Any, str]]:
        """The fields of the touchpoint made from this record (or from its element `number`): name, value, and where it was found."""
        maker = self._maker_for(record)
        elements = self._elements(record, maker)
        element = elements[number] if isinstance(elements, list) and number < len(elements) else Element(None, number, WholeRecord(record))
        rows: list[tuple[str, Any, str]] = []
        for name, origin in maker.origins():
            try:
                value = origin.find(element)
            except (Refused, Unwanted, Unfit, SharesTooMuch):
                value = None
            rows.append((name, value, origin.place_of(element)))
        return rows

    def _items(self, record: Any, limits: TouchpointLimits) -> list[Touchpoint | Rejected | SkippedRecord]:
        maker = self._maker_for(record)
        elements = self._elements(record, maker)
        if not isinstance(elements, list):
            return [elements]
        if not maker.makes_links:
            return [maker.made(element, limits) for element in elements]
        return [item for element in elements for item in maker.all_made(element, limits)]

    def _maker_for(self, record: Any) -> TouchpointMaker:
        of_parts = self._of_parts
        return self._whole if of_parts is None or type(record) is not tuple else of_parts

    def _elements(self, record: Any, maker: TouchpointMaker) -> list[Element] | Rejected | SkippedRecord:
        if maker is self._whole and not isinstance(record, dict):
            return rejected("invalid", f"expected an object, found {noun(record)}")
        if maker is self._of_parts:
            # No path of such a source leads to the record around an element.
            return [Element(record, 0, _NO_RECORD)]
        whole = WholeRecord(record)
        alone = Element(record, 0, whole)
        each = maker.each
        if each is None or self.source.each is None:
            return [alone]
        found = each.find(alone)
        text = self.source.each.text
        if not isinstance(found, list):
            return rejected("invalid", f"expected a list at `{text}`, found {noun(found)}")
        if not found:
            return SkippedRecord(f"`{text}` is empty")
        if len(found) > MAX_EACH:
            return rejected("too_large", f"at most {MAX_EACH} elements at `{text}` are taken, found {len(found)}")
        return [Element(value, number, whole) for number, value in enumerate(found)]


def _too_large(limits: TouchpointLimits) -> Rejected:
    return rejected("too_large", f"the touchpoint would have more than {limits.max_bytes} bytes")


def _constants_of(fields: TouchpointMapping) -> str:
    """A text at least as long as all constants and names that may get into a touchpoint in addition to the record's contents."""
    return repr(fields)
