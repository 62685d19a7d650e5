"""What is wrong with a JSON value that should be a touchpoint, in words: all fields at once, and which system's event it looks like.

Runs only for values already refused, so it may be slow. It names our fields, and other systems' fields listed here; it never
quotes a value or any other name.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from etapa.contracts.incoming.touchpoint_message import LARGEST_INTEGER, SMALLEST_INTEGER

A_TIME: Final = "such as 2026-11-21T10:00:00Z"
ONE_OBJECT: Final = "a touchpoint is one JSON object"
NOTHING_BUT_NO_CUSTOMER: Final = "customer_id is empty"
"""The message if nothing else is wrong."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?")

_LONGEST: Final = {"id": 256, "customer_id": 256, "type": 128, "channel": 128}

_OURS: Final = (*_LONGEST, "occurred_at", "properties", "traits")

_MEANT: Final = {
    "id": ("id", "eventid", "messageid", "touchpointid", "insertid", "uuid", "$insertid"),
    "customer_id": (
        *("customerid", "customer", "userid", "user", "clientid", "contactid", "profileid", "distinctid", "visitorid", "userpseudoid"),
        "anonymousid",
    ),
    "type": ("type", "event", "eventname", "eventtype", "touchpointtype"),
    "occurred_at": (
        *("occurredat", "occurred", "timestamp", "time", "eventtime", "eventtimestamp", "happenedat", "createdat", "datecreated", "date"),
        *("datetime", "collectortstamp", "servertimestamp", "ts", "tsms"),
    ),
}
"""Other systems' names for our fields, in lower case, without `_`, `-` and blanks."""

_SEGMENT: Final = "a Segment call"
_SEGMENT_CALLS: Final = ("track", "page", "screen", "identify", "group", "alias")
_LOOKS: Final = (
    ("a CloudEvent", "cloudevents", {"specversion", "source", "type"}),
    (_SEGMENT, "segment", {"messageId", "type"}),
    ("a change event of Debezium", "debezium", {"before", "after", "op"}),
    ("an event of a GA4 export", "ga4", {"event_name", "event_params"}),
    ("an enriched event of Snowplow", "snowplow", {"event_id", "collector_tstamp"}),
    ("a visit of Matomo", "matomo", {"idVisit", "actionDetails"}),
    ("an event of Stripe", "stripe", {"object", "data", "livemode"}),
    ("an order of Shopify", "shopify", {"line_items", "created_at"}),
    ("an order of WooCommerce", "woocommerce", {"date_created", "total"}),
    ("an event of PostHog", "posthog", {"distinct_id", "event"}),
    ("an event of HubSpot", "hubspot", {"subscriptionType", "objectId"}),
)
"""Events recognised by fields that occur together, and the source that reads them. The first match counts."""


def wrong_fields(value: bytes) -> str | None:
    """Everything that is wrong, in one line; none if nothing is found that can be put into words."""
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return "a number is too large: numbers reach to about 1.8e308" if "out of range" in str(error) else None
    if not isinstance(found, dict):
        advice = ": one a record, or one a line (jq -c '.[]' makes lines of a list)" if isinstance(found, list) else ""
        return f"it is {_kind(found)}; {ONE_OBJECT}{advice}"
    wrong = [*_required(found), *_optional(found)]
    if not wrong:
        return None
    for looks, source, fields in _LOOKS:
        if fields <= found.keys():
            what = f"a Segment {found['type']} call" if looks == _SEGMENT and found["type"] in _SEGMENT_CALLS else looks
            return "; ".join([f"this looks like {what}, which the source `{source}` reads", *wrong])
    return "; ".join(wrong)


def _required(found: dict[str, Any]) -> Iterator[str]:
    for name in ("id", "customer_id", "type"):
        if found.get(name) is None:
            yield _missing(name, found)
        elif isinstance(found[name], str):
            yield from _length(name, found[name], 1)
        elif isinstance(found[name], bool | dict | list):
            yield f"{name} is {_kind(found[name])}; it must be text"
        else:
            yield f'{name} is a number; write it as text, in quotes, such as "42"'
    at = found.get("occurred_at")
    if at is None:
        yield _missing("occurred_at", found)
    elif isinstance(at, str):
        yield from _time(at)
    elif isinstance(at, int | float) and not isinstance(at, bool):
        yield f"occurred_at is a number{_unit(at)}; write it as RFC 3339 text with an offset, {A_TIME}"
    else:
        yield f"occurred_at is {_kind(at)}; write it as RFC 3339 text with an offset, {A_TIME}"


def _optional(found: dict[str, Any]) -> Iterator[str]:
    channel = found.get("channel")
    if isinstance(channel, str):
        yield from _length("channel", channel, 0)
    elif channel is not None:
        yield f"channel is {_kind(channel)}; it must be text, or be left out"
    for name in ("properties", "traits"):
        held = found.get(name)
        if isinstance(held, dict):
            if any(type(each) is int and not SMALLEST_INTEGER <= each <= LARGEST_INTEGER for each in held.values()):
                yield f"an integer in {name} does not fit 64 bits"
        elif held is not None:
            yield f"{name} is {_kind(held)}; it must be an object, or be left out"


def _missing(name: str, found: dict[str, Any]) -> str:
    what = f"{name} is null" if name in found else f"{name} is missing"
    others = {_plain(key): key for key in reversed(list(found)) if len(key) <= 32 and key.isascii() and key not in _OURS}
    there = next((others[alias] for alias in _MEANT[name] if alias in others), None)
    return what if there is None else f"{what}: there is {there}; is {name} meant?"


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


def _length(name: str, text: str, least: int) -> Iterator[str]:
    if len(text) < least:
        yield f"{name} is empty"
    elif len(text) > _LONGEST[name]:
        yield f"{name} has more than {_LONGEST[name]} characters"


def _time(text: str) -> Iterator[str]:
    try:
        at = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        yield f"occurred_at {_oddity(text)}, {A_TIME}"
        return
    if at.tzinfo is None:
        yield f"occurred_at has no offset; write it as RFC 3339 with one, {A_TIME}"


def _oddity(text: str) -> str:
    if _DAY.fullmatch(text):
        return "is a day without a time; write a time with an offset"
    if _MOMENT.fullmatch(text):
        return "names a day or a time that does not exist; write an RFC 3339 time with an offset"
    return "is not an RFC 3339 time with an offset"


def _unit(at: float) -> str:
    """The likely unit of a number since 1970: the one that puts it between the years 2001 and 2286."""
    for unit, size in (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        if 10**9 * size <= at < 10**10 * size:
            return f" (apparently of {unit} since 1970)"
    return ""


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
