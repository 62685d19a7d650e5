"""Reading JSON that somebody else wrote: one error, whatever is wrong with the bytes."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_json(decode: Callable[[bytes], T], value: bytes) -> T:
    """What msgspec's `decode` makes of `value`. Raises `msgspec.DecodeError`, also where msgspec raises `UnicodeDecodeError` or `RecursionError`."""
    try:
        return decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
