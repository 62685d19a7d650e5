"""CloudEvents in Kafka: the whole event in the value (structured mode), or attributes in headers and data in the value (binary mode).

Both give the event in its JSON format. This follows CloudEvents' Kafka protocol binding, version 1.0.2.
"""

from collections.abc import Sequence
from typing import Any, Final

from etapa.contracts.incoming.rejected import rejected

Headers = Sequence[tuple[str, bytes | None]]
NO_HEADERS: Final[Headers] = ()

PREFIX: Final = "ce_"
"""Prefix of the headers that hold attributes."""
_CONTENT_TYPE: Final = "content-type"
_STRUCTURED: Final = "application/cloudevents"


def is_binary(headers: Headers) -> bool:
    """Whether these headers hold the attributes of an event."""
    is_found = False
    for name, value in headers:
        if name == _CONTENT_TYPE and value is not None and value.lower().startswith(_STRUCTURED.encode()):
            return False
        if name.startswith(PREFIX):
            is_found = True
    return is_found


def attributes_of(headers: Headers) -> dict[str, Any]:
    """The attributes of an event in binary mode; if one is there twice, the last counts. Raises `UnicodeDecodeError`."""
    found: dict[str, Any] = {}
    for name, value in headers:
        if value is None:
            continue
        if name.startswith(PREFIX):
            found[name[len(PREFIX) :]] = value.decode()
        elif name == _CONTENT_TYPE:
            found["datacontenttype"] = value.decode()
    return found


def size_of(headers: Headers) -> int:
    """Size of the headers' contents in bytes."""
    size = 0
    for _, value in headers:
        if value is not None:
            size += len(value)
    return size


def is_json(content_type: object) -> bool:
    """Whether data of this media type is JSON; without a media type it is."""
    if not isinstance(content_type, str):
        return True
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def text_of(value: bytes) -> Any:
    """Data that is not JSON: text, or a `Rejected`."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return rejected("invalid", "the event's data is neither JSON nor text, and is not framed for a schema registry")
