"""Stored JSON with a format number, read only if this version knows the format."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


class FormatOnly(msgspec.Struct):
    """The format number of a record."""

    format: int


def read_versioned(value: bytes, decode: Callable[[bytes], T], known: int, trouble: Callable[[str], Exception]) -> T:
    """`value` as decoded by `decode`, if its `format` is `known`. Otherwise raises `trouble(reason)`."""
    try:
        found = msgspec.json.decode(value, type=FormatOnly).format
        if found == known:
            return decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise trouble(f"cannot be read: {error}") from None
    raise trouble(f"has format {found}; this version reads format {known}")
