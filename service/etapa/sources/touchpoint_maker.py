"""Touchpoints made of records, or of elements of them, by one source and one way to find values. Nothing here raises to the caller."""

from typing import Any, Final, final

from etapa.contracts.incoming.link import LONGEST_ID, link_between
from etapa.contracts.incoming.placeholder_ids import names_nobody
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import LARGEST_INTEGER, SMALLEST_INTEGER, TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import LINK
from etapa.sources.field_values import Unfit, as_text, is_missing, noun
from etapa.sources.finding import Element, Finder, Finders, SharesTooMuch
from etapa.sources.language.model import Fields, Link, Source
from etapa.sources.origins import Origin, Refused, Unwanted
from etapa.sources.value_changes import Wanted, origin_of

DEEPEST_VALUE: Final = 30
"""How deeply objects and arrays may be nested in a property or trait; the touchpoint and its properties are two more levels."""
WHAT_JSON_CANNOT: Final = "the record holds something that JSON cannot: a number too large, half a character, or too deep a nest"

_NOTHING: Final[dict[str, Any]] = {}


class TouchpointMaker:
    """Makes a touchpoint of an element. `pepper` is put before what `sha256` digests."""

    def __init__(self, source: Source, finders: Finders, pepper: bytes) -> None:
        """Raises `MappingError` when the source needs a pepper and has none."""
        fields = source.touchpoint
        self.each: Final[Finder | None] = None if source.each is None else finders.of(source.each)
        """What finds the list that the source names."""
        self._id: Final = origin_of(fields.id, finders, pepper)
        self._customer_id: Final = origin_of(fields.customer_id, finders, pepper)
        self._type: Final = origin_of(fields.type, finders, pepper)
        self._occurred_at: Final = origin_of(fields.occurred_at, finders, pepper)
        self._channel: Final = None if fields.channel is None else origin_of(fields.channel, finders, pepper)
        self._properties: Final = FieldsMaker(fields.properties, "properties", finders, pepper)
        self._traits: Final = FieldsMaker(fields.traits, "traits", finders, pepper)
        self._skip: Final = [(f"skip {number}: {when.text}", Wanted(when, finders)) for number, when in enumerate(source.skip, 1)]
        link = source.link
        self._link: Final = None if link is None else LinkMaker(link, finders, pepper, self._id, self._occurred_at)
        self.makes_links: Final = link is not None
        self.count: Final = self._properties.count + self._traits.count
        """Of origins of properties and traits."""

    def origins(self) -> list[tuple[str, Origin]]:
        """Each origin with the name of its field."""
        origins: list[tuple[str, Origin]] = [
            ("id", self._id),
            ("customer_id", self._customer_id),
            ("type", self._type),
            ("occurred_at", self._occurred_at),
        ]
        if self._channel is not None:
            origins.append(("channel", self._channel))
        return origins + self._properties.origins() + self._traits.origins()

    def made(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected | SkippedRecord:
        """The outcome of an element."""
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
            return rejected("invalid", WHAT_JSON_CANNOT)

    def all_made(self, element: Element, limits: TouchpointLimits) -> list[Touchpoint | Rejected | SkippedRecord]:
        """The outcome of an element, and the link in it if there is one. A record that is skipped may still hold a link."""
        item = self.made(element, limits)
        link = self._link_in(element, limits)
        if link is None:
            return [item]
        if isinstance(item, SkippedRecord):
            return [link]
        if isinstance(link, Rejected) and link.reason == "not_linked":
            # The record itself is taken, so a dead letter of it would be of no use.
            return [item, SkippedRecord("link: the journey has no `identity`")]
        return [item, link]

    def _link_in(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected | None:
        try:
            return None if self._link is None else self._link.of(element, limits)
        except Unwanted:
            return None
        except (Refused, Unfit) as refusal:
            return rejected("invalid", f"link: {refusal}")
        except SharesTooMuch as excess:
            return rejected("too_large", str(excess))
        except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
            return rejected("invalid", WHAT_JSON_CANNOT)

    def _touchpoint(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected:
        type_ = _text("type", self._type, element, 128)
        if type_ == LINK:
            raise Refused(f"type: `{LINK}` is no type of records; `link` says which of them join two ids")
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
                if not is_missing(found):
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
        alone = not self._spread
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
                if alone and type(value) is not str:
                    self._check(value)
        if not alone:
            # A single value may have replaced one of these.
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


@final
class LinkMaker:
    """A source's `link`, compiled. `identity` and `occurred_at` are those of the touchpoint."""

    __slots__ = ("_customer_id", "_identity", "_occurred_at", "_same_as", "_when")

    def __init__(self, link: Link, finders: Finders, pepper: bytes, identity: Origin, occurred_at: Origin) -> None:
        self._when: Final = None if link.when is None else Wanted(link.when, finders)
        self._customer_id: Final = origin_of(link.customer_id, finders, pepper)
        self._same_as: Final = origin_of(link.same_as, finders, pepper)
        self._identity: Final = identity
        self._occurred_at: Final = occurred_at

    def of(self, element: Element, limits: TouchpointLimits) -> Touchpoint | Rejected | None:
        """The link in a record, or why it cannot be used. None: there is none, or it lacks one of two different ids.

        Raises like `Origin.find`.
        """
        if self._when is not None and not self._when.holds(element):
            return None
        found = self._customer_id.find(element), self._same_as.find(element)
        if any(is_missing(each) for each in found) or found[0] == found[1]:
            return None
        customer_id = _text("customer_id", self._customer_id, element, LONGEST_ID)
        same_as = _text("same_as", self._same_as, element, LONGEST_ID)
        if names_nobody(customer_id, limits.placeholder_ids):
            return rejected("placeholder_id", f"link: found a placeholder instead of a customer id at {self._customer_id.places()}")
        at = self._occurred_at.time(element)
        if at is None:
            raise Refused(f"occurred_at: expected a time, found nothing at {self._occurred_at.places()}")
        return link_between(_text("id", self._identity, element, LONGEST_ID), customer_id, same_as, at, limits)


def _text(field: str, origin: Origin, element: Element, longest: int) -> str:
    """The text of a field that is required. Raises `Refused`."""
    try:
        value = origin.find(element)
        if is_missing(value):
            raise Refused(f"expected text, found nothing at {origin.places()}")
        text = value if isinstance(value, str) else as_text(value)
    except (Refused, Unfit) as refusal:
        raise Refused(f"{field}: {refusal}") from None
    if len(text) > longest:
        raise Refused(f"{field} has more than {longest} characters")
    return text
