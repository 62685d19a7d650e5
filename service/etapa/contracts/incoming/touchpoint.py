"""Decodes a record of `touchpoints` to the core's `Touchpoint`, or gives the reason why not.

Anybody may have written these bytes, and this runs for every touchpoint: one parse, straight into typed data, with a
handful of cheap checks around it. Nothing here raises.

Accepted beyond RFC 3339 and the schema: `t` and `z` in lower case, a space in place of `T`, an offset without its
colon, `null` for an optional field. Decimals beyond the microsecond are rounded, halves upwards. If a key appears
twice in one object, the last one counts. There are no leap seconds: second 60 is refused.
"""

import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import msgspec
from msgspec.structs import astuple

from etapa.contracts.incoming.decoder import Decoder, keyed
from etapa.contracts.incoming.link import read_link
from etapa.contracts.incoming.odd_bytes import odd_record
from etapa.contracts.incoming.placeholder_ids import names_nobody
from etapa.contracts.incoming.quick_reader import Fields, new_rows, quick_reader
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint_message import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    FlatTouchpointMessage,
    PlainTouchpointMessage,
    TouchpointLimits,
    TouchpointMessage,
)
from etapa.contracts.incoming.wrong_fields import NOTHING_BUT_NO_CUSTOMER, ONE_OBJECT, wrong_fields
from etapa.contracts.rfc3339 import EARLIEST, LATEST, microseconds_of
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import LINK

if TYPE_CHECKING:
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows

DEEPEST = 32
"""How deep objects and arrays may be nested in a touchpoint, counting the touchpoint itself."""


_quick_reader: Final = quick_reader
_new_rows: Final = new_rows
_decode: Final = msgspec.json.Decoder(TouchpointMessage).decode
_fields_of: Final = astuple
_decode_plain: Final = msgspec.json.Decoder(PlainTouchpointMessage).decode
_decode_flat: Final = msgspec.json.Decoder(FlatTouchpointMessage).decode
_NOTHING: Final[dict[str, Any]] = {}

_MOST_NAMES: Final = 32
"""With more properties to be kept, all are kept: the quick reader compares names one by one."""

_NESTED_IN_A_ROW: Final = 64
"""Touchpoints after a nested one that are not first read as if they were flat: most senders nest always or never."""


@final
class JsonDecoder(Decoder):
    """Each value is one JSON object, as in `schemas/touchpoint.schema.json`.

    `properties`: names of those that anybody reads; none: any of them may be read. What a touchpoint must not hold is the same for all.
    """

    def __init__(self, limits: TouchpointLimits, properties: tuple[str, ...] | None = None) -> None:
        super().__init__(limits)
        self._properties: Final = None if properties is None or len(properties) > _MOST_NAMES else properties
        self._perhaps_nested = 0
        """How many of the next touchpoints to expect nested values in. It only saves time: the result is always the same."""
        self._beginnings: Final = bytes(chr(code) in self.usual_beginnings for code in range(128))

    def read(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        """See `Decoder.read`."""
        touchpoint = self._quickly(None, value, latest)
        return self._carefully(value, wall, latest) if touchpoint is None else touchpoint

    def decode(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], wall: int | None, latest: int
    ) -> Touchpoint | Rejected:
        """See `Decoder.decode`."""
        touchpoint = None if key is None else self._quickly(key, value, latest)
        return keyed(self._carefully(value, wall, latest), key) if touchpoint is None else touchpoint

    def rows(self, most: int) -> "TouchpointRows | None":
        """See `Decoder.rows`."""
        return None if _new_rows is None else _new_rows(self._beginnings, self._properties, most)

    def add_row(self, rows: "TouchpointRows", key: bytes | None, value: bytes | None, latest: Any, earliest: Any) -> bool:  # only compiled
        """See `Decoder.add_row`."""
        if key is None or value is None or len(value) > self.max_bytes or self._perhaps_nested:
            return False
        return rows.add(value, key, latest, earliest)

    def add_rows(  # only compiled
        self, rows: "TouchpointRows", content: bytes, places: bytes, start: int, stop: int, wall: int, earliest: int, size: int
    ) -> int:
        """See `Decoder.add_rows`."""
        if self._perhaps_nested:
            return 0
        return rows.add_all(content, places, start, stop, (wall, self.max_ahead, earliest), (self.max_bytes, size))

    def _quickly(self, key: bytes | None, value: bytes | None, latest: int) -> Touchpoint | None:
        """The touchpoint, if it is written as most are, nothing is wrong with it, and its customer is the key, if there is one."""
        read = _quick_reader
        if read is None or value is None or len(value) > self.max_bytes or self._perhaps_nested:
            return None
        fields = read(value, key, self._beginnings, self._properties)
        if fields is None:
            return None
        touchpoint = touchpoint_of(fields)
        return None if touchpoint.at > latest else touchpoint

    def _carefully(self, value: bytes | None, wall: int | None, latest: int) -> Touchpoint | Rejected:
        if value is None:
            return rejected("invalid", "the record has no value; a touchpoint is a JSON object")
        if len(value) > self.max_bytes:
            return rejected("too_large", f"more than {self.max_bytes} bytes")
        is_flat = False
        try:
            if self._perhaps_nested == 0:
                message: TouchpointMessage = _decode_flat(value)
                is_flat = True
            else:
                self._perhaps_nested -= 1
                message = _decode_plain(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            read = _read_with_care(value, self.limits.placeholder_ids)
            if isinstance(read, Rejected):
                return read
            message = read
        identity, customer_id, type_, occurred_at, channel, properties, traits = _fields_of(message)
        if customer_id[0] not in self.usual_beginnings and names_nobody(customer_id, self.limits.placeholder_ids):
            return _PLACEHOLDER
        if not is_flat:
            wrong = self._wrong_inside(value, properties, traits)
            if wrong is not None:
                return wrong
        at = microseconds_of(occurred_at)
        if at > latest or not EARLIEST <= at <= LATEST:
            late = self.untimely(at, wall, latest)
            if late is not None:
                return late
        if type_ == LINK:
            return read_link(value, identity, customer_id, at, self.limits)
        return touchpoint_of((identity, customer_id, type_, at, channel, properties, traits))

    def _wrong_inside(self, value: bytes, properties: dict[str, Any] | None, traits: dict[str, Any] | None) -> Rejected | None:
        """What is wrong with nested values, which the decoder has not checked."""
        if (properties and _holds_nested(properties)) or (traits and _holds_nested(traits)):
            self._perhaps_nested = _NESTED_IN_A_ROW
            if _nests_too_deep(value):
                return _TOO_DEEP
            if _outsized(properties) or _outsized(traits):
                return rejected("invalid", "an integer in properties or traits does not fit 64 bits")
        return None


def touchpoint_of(fields: Fields) -> Touchpoint:
    """The touchpoint with these fields."""
    identity, customer_id, type_, at, channel, properties, traits = fields
    return Touchpoint(
        identity,
        customer_id,
        type_,
        at,
        channel,
        _NOTHING if properties is None else properties,
        _NOTHING if traits is None else traits,
    )


def decode_touchpoint(key: bytes | None, value: bytes | None, limits: TouchpointLimits, wall: int | None) -> Touchpoint | Rejected:
    """The touchpoint in one record of JSON, or why the record cannot be used. Never raises.

    `wall` is the wall clock in microseconds; with none, a touchpoint may be any distance ahead.
    """
    return JsonDecoder(limits).decode(key, value, (), wall, NEVER if wall is None else wall + limits.max_ahead)


def read_touchpoint(value: bytes | None, limits: TouchpointLimits, wall: int | None) -> Touchpoint | Rejected:
    """Like `decode_touchpoint`, for a bare value, such as a line of a file."""
    return JsonDecoder(limits).read(value, wall, NEVER if wall is None else wall + limits.max_ahead)


def _read_with_care(value: bytes, placeholder_ids: frozenset[str]) -> TouchpointMessage | Rejected:
    """A message that may have nested values and unknown fields, or what is wrong with it."""
    # The parser is recursive, even in what it skips.
    if _nests_too_deep(value):
        return _TOO_DEEP
    try:
        # But it does not look into strings there.
        if not value.isascii():
            value.decode()
        return _decode(value)
    except msgspec.ValidationError as error:
        wrong = wrong_fields(value) or str(error)
        return _PLACEHOLDER if wrong == NOTHING_BUT_NO_CUSTOMER and placeholder_ids else rejected("invalid", wrong)
    except msgspec.DecodeError as error:
        if _says_not_a_number(value):
            return rejected("invalid", "NaN and Infinity are not JSON; leave the field out or write null")
        oddity = odd_record(value)
        return rejected("not_json", str(error) if oddity is None else f"it looks like {oddity.looks_like}; {ONE_OBJECT}")
    except UnicodeDecodeError as error:
        oddity = odd_record(value)
        looks = "" if oddity is None else f"; it looks like {oddity.looks_like}"
        return rejected("not_json", f"not UTF-8: {error.reason} (byte {error.start}){looks}")


# A string, up to its end or to the end of the text if it is never closed. Possessive, so that time stays linear.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_PLACEHOLDER = rejected(
    "placeholder_id", "the customer_id names nobody: it is a placeholder such as null or 0; send the customer's own id, or nothing"
)
_TOO_DEEP = rejected("invalid", f"objects and arrays are nested more than {DEEPEST} deep")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _nests_too_deep(value: bytes) -> bool:
    """Whether brackets outside strings are nested too deep, in time linear in the length."""
    if value.count(b"{") + value.count(b"[") <= DEEPEST:
        return False
    brackets = _STRING.sub(b"", value).translate(None, _NOT_BRACKETS)
    return any(depth > DEEPEST for depth in accumulate(map(_STEP.__getitem__, brackets)))


def _holds_nested(values: dict[str, Any]) -> bool:
    for value in values.values():  # noqa: SIM110 - a generator would double the cost
        if isinstance(value, (dict, list)):
            return True
    return False


def _outsized(value: Any) -> bool:
    """Whether an integer somewhere inside does not fit 64 bits. The decoder checked only the first level."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return kind is int and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER
    for inner in value:  # noqa: SIM110 - a generator a level would double the cost
        if type(inner) is not str and _outsized(inner):
            return True
    return False


class _NotANumber(Exception):
    pass


def _meet_constant(name: str) -> NoReturn:
    raise _NotANumber(name)


def _says_not_a_number(value: bytes) -> bool:
    """Whether JSON is malformed because it contains NaN or Infinity, as many JSON writers produce by default."""
    if b"NaN" not in value and b"Infinity" not in value:
        return False
    try:
        json.loads(value, parse_constant=_meet_constant)
    except _NotANumber:
        return True
    except ValueError:
        pass
    return False
