"""Stored JSON with a format number, read only if this version knows the format."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from etapa.contracts.json_reading import read_json

T = TypeVar("T")


class FormatOnly(msgspec.Struct):
    """The format number of a record."""

    format: int


_decode_format = msgspec.json.Decoder(FormatOnly).decode


def read_versioned(value: bytes, decode: Callable[[bytes], T], known: int, trouble: Callable[[str], Exception]) -> T:
    """`value` as decoded by `decode`, if its `format` is `known`. Otherwise raises `trouble(reason)`."""
    try:
        found = read_json(_decode_format, value).format
        if found == known:
            return read_json(decode, value)
    except msgspec.DecodeError as error:
        raise trouble(f"cannot be read: {error}") from None
    raise trouble(f"has format {found}; this version reads format {known}")
