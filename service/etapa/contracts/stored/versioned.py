"""Stored JSON that says its own format: read only in a format that this version knows."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


class FormatOnly(msgspec.Struct):
    """Of a record, the number of its format."""

    format: int


def read_versioned(value: bytes, decode: Callable[[bytes], T], known: int, trouble: Callable[[str], Exception]) -> T:
    """What `decode` makes of `value`, if its `format` is `known`. Raises what `trouble` makes of the reason why it cannot be read."""
    try:
        found = msgspec.json.decode(value, type=FormatOnly).format
        if found == known:
            return decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise trouble(f"cannot be read: {error}") from None
    raise trouble(f"has format {found}; this version reads format {known}")
