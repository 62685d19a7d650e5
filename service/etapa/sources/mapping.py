"""A compiled source: it maps each record to touchpoints. Nothing here raises to the caller, whatever a record holds.

A touchpoint is made directly, not by way of its JSON. A test checks that decoding its JSON would give the same touchpoint.
"""

from typing import Any, Final

import msgspec

from etapa.contracts.incoming.placeholder_ids import beginnings, names_nobody, placeholders
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import LARGEST_INTEGER, SMALLEST_INTEGER, TouchpointLimits
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources.field_values import Unfit, as_text, noun
from etapa.sources.finding import Element, Finders, SharesTooMuch, WholeRecord
from etapa.sources.model import Fields, Source, TouchpointMapping
from etapa.sources.origins import Origin, Refused, Unwanted
from etapa.sources.record_outcome import Mapped, Outcome
from etapa.sources.value_changes import Wanted, origin_of

MAX_EACH: Final = 10_000
"""The most elements of one record; a longer list becomes a dead letter."""
DEEPEST_VALUE: Final = 30
"""How deeply objects and arrays may be nested in a property or trait; the touchpoint and its properties are two more levels."""
WIDEST_BYTE: Final = 24
"""The most bytes of JSON that one byte of a record may become: `1e9` is written as 1000000000.0."""

_encode: Final = msgspec.json.Encoder().encode
_NOTHING: Final[dict[str, Any]] = {}
_WHAT_JSON_CANNOT: Final = "the record holds something that JSON cannot: a number too large, half a character, or too deep a nest"


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
    if touchpoint.properties:
        fields["properties"] = touchpoint.properties
    if touchpoint.traits:
        fields["traits"] = touchpoint.traits
    return _encode(fields)


class Mapper:
    """A source, ready to map records. `pepper` is put before what `sha256` digests; it is required if the source uses `sha256`."""

    def __init__(self, source: Source, pepper: bytes = b"") -> None:
        """Raises `MappingError` when the source needs a pepper and has none."""
        self.source: Final = source
        finders = Finders()
        self._finders: Final = finders
        fields = source.touchpoint
        self._each: Final = None if source.each is None else finders.of(source.each)
        self._id: Final = origin_of(fields.id, finders, pepper)
        self._customer_id: Final = origin_of(fields.customer_id, finders, pepper)
        self._type: Final = origin_of(fields.type, finders, pepper)
        self._occurred_at: Final = origin_of(fields.occurred_at, finders, pepper)
        self._channel: Final = None if fields.channel is None else origin_of(fields.channel, finders, pepper)
        self._properties: Final = FieldsMaker(fields.properties, "properties", finders, pepper)
        self._traits: Final = FieldsMaker(fields.traits, "traits", finders, pepper)
        self._skip: Final = [(f"skip {number}: {when.text}", Wanted(when, finders)) for number, when in enumerate(source.skip, 1)]
        own = source.placeholder_ids
        self._own_placeholders: Final = None if own is None else placeholders(own)
        self._width: Final = WIDEST_BYTE * (5 + self._properties.count + self._traits.count)
        self._constants: Final = 6 * len(_encode(_constants_of(fields))) + 64 * self._width

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
                        items[place] = rejected("invalid", _WHAT_JSON_CANNOT)
                        continue
                    if length > limits.max_bytes:
                        items[place] = _too_large(limits)
        return items

    def outcomes(self, record: Any, limits: TouchpointLimits) -> list[Outcome]:
        """The same, with each touchpoint as JSON."""
        limits = self.limits(limits)
        outcomes: list[Outcome] = []
        for item in self._items(record, limits):
            if not isinstance(item, Touchpoint):
                outcomes.append(item)
                continue
            try:
                json = touchpoint_json(item)
            except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
                outcomes.append(rejected("invalid", _WHAT_JSON_CANNOT))
                continue
            outcomes.append(Mapped(item, json) if len(json) <= limits.max_bytes else _too_large(limits))
        return outcomes

    def explain(self, record: Any, number: int) -> list[tuple[str, Any, str]]:
        """The fields of the touchpoint made from this record (or from its element `number`): name, value, and where it was found."""
        elements = self._elements(record)
        element = elements[number] if isinstance(elements, list) and number < len(elements) else Element(None, number, WholeRecord(record))
        origins: list[tuple[str, Origin]] = [
            ("id", self._id),
            ("customer_id", self._customer_id),
            ("type", self._type),
            ("occurred_at", self._occurred_at),
        ]
        if self._channel is not None:
            origins.append(("channel", self._channel))
        origins += self._properties.origins()
        origins += self._traits.origins()
        rows: list[tuple[str, Any, str]] = []
        for name, origin in origins:
            try:
                value = origin.find(element)
            except (Refused, Unwanted, Unfit, SharesTooMuch):
                value = None
            rows.append((name, value, origin.place_of(element)))
        return rows

    def _items(self, record: Any, limits: TouchpointLimits) -> list[Touchpoint | Rejected | SkippedRecord]:
        elements = self._elements(record)
        if not isinstance(elements, list):
            return [elements]
        return [self._item(element, limits) for element in elements]

    def _elements(self, record: Any) -> list[Element] | Rejected | SkippedRecord:
        if not isinstance(record, dict):
            return rejected("invalid", f"expected an object, found {noun(record)}")
        whole = WholeRecord(record)
        alone = Element(record, 0, whole)
        each = self._each
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

    def _item(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected | SkippedRecord:
        try:
            for rule, wanted in self._skip:
                if wanted.holds(element):
                    return SkippedRecord(rule)
            return self._touchpoint(element, limits)
        except Unwanted as unwanted:
            return SkippedRecord(str(unwanted))
        except (Refused, Unfit) as refusal:
            return rejected("invalid", str(refusal))
        except SharesTooMuch as excess:
            return rejected("too_large", str(excess))
        except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
            return rejected("invalid", _WHAT_JSON_CANNOT)

    def _touchpoint(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected:
        type_ = _text("type", self._type, element, 128)
        identity = _text("id", self._id, element, 256)
        customer_id = _text("customer_id", self._customer_id, element, 256)
        begins = customer_id[0]
        if (begins <= "0" or begins > "z" or begins in limits.placeholder_beginnings) and names_nobody(customer_id, limits.placeholder_ids):
            return rejected(
                "placeholder_id", f"found a placeholder instead of a customer id at {self._customer_id.places()}, such as null or 0"
            )
        try:
            at = self._occurred_at.time(element)
        except Refused as refusal:
            raise Refused(f"occurred_at: {refusal}") from None
        if at is None:
            raise Refused(f"occurred_at: expected a time, found nothing at {self._occurred_at.places()}")
        channel: str | None = None
        if self._channel is not None:
            try:
                found = self._channel.find(element)
                if found is not None and found != "":
                    channel = as_text(found)
            except (Refused, Unfit) as refusal:
                raise Refused(f"channel: {refusal}") from None
            if channel is not None and len(channel) > 128:
                raise Refused("channel has more than 128 characters")
        return Touchpoint(identity, customer_id, type_, at, channel, self._properties.make(element), self._traits.make(element))


class FieldsMaker:
    """Makes properties or traits. `name` is their name in messages."""

    def __init__(self, fields: Fields, name: str, finders: Finders, pepper: bytes) -> None:
        self._name: Final = name
        self._spread: Final = [origin_of(each, finders, pepper) for each in fields.spread]
        self._single: Final = [(key, origin_of(each, finders, pepper)) for key, each in fields.single.items()]
        self.count: Final = len(self._spread) + len(self._single)
        """Of origins."""

    def origins(self) -> list[tuple[str, Origin]]:
        """Each origin with the name of its field."""
        return [(f"{self._name}.*", origin) for origin in self._spread] + [(f"{self._name}.{key}", origin) for key, origin in self._single]

    def make(self, element: Element) -> dict[str, Any]:
        """The values by name. Raises like `Origin.find`."""
        if not self.count:
            return _NOTHING
        made: dict[str, Any] = {}
        for origin in self._spread:
            found = origin.find(element)
            if isinstance(found, dict):
                made.update(found)
            elif found is not None:
                raise Refused(f"{self._name}: expected an object at {origin.places()}, found {noun(found)}")
        for key, origin in self._single:
            try:
                value = origin.find(element)
            except Refused as refusal:
                raise Refused(f"{self._name}.{key}: {refusal}") from None
            if value is not None:
                made[key] = value
        for value in made.values():
            if type(value) is not str:
                self._check(value)
        return made

    def _check(self, value: Any) -> None:
        kind = type(value)
        if kind is int:
            if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
                raise Refused(f"an integer in {self._name} does not fit 64 bits")
        elif kind is dict or kind is list:
            self._check_nested(value, DEEPEST_VALUE)

    def _check_nested(self, value: Any, levels: int) -> None:
        if levels == 0:
            raise Refused(f"objects and arrays in {self._name} are nested more than {DEEPEST_VALUE} deep")
        for inner in value.values() if isinstance(value, dict) else value:
            kind = type(inner)
            if kind is dict or kind is list:
                self._check_nested(inner, levels - 1)
            elif kind is int and not SMALLEST_INTEGER <= inner <= LARGEST_INTEGER:
                raise Refused(f"an integer in {self._name} does not fit 64 bits")


def _text(field: str, origin: Origin, element: Element, longest: int) -> str:
    try:
        value = origin.find(element)
        if value is None or value == "":
            raise Refused(f"expected text, found nothing at {origin.places()}")
        text = value if isinstance(value, str) else as_text(value)
    except (Refused, Unfit) as refusal:
        raise Refused(f"{field}: {refusal}") from None
    if len(text) > longest:
        raise Refused(f"{field} has more than {longest} characters")
    return text


def _too_large(limits: TouchpointLimits) -> Rejected:
    return rejected("too_large", f"the touchpoint would have more than {limits.max_bytes} bytes")


def _constants_of(fields: TouchpointMapping) -> str:
    """A text at least as long as all constants and names that may get into a touchpoint in addition to the record's contents."""
    return repr(fields)
