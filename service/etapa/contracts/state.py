"""A customer's state as bytes, for `customer-state` and Redis: MessagePack, one array, its first item the format number.

The layout is the field order of `Customer`. Whoever changes it raises the format number there.
"""

import msgspec

from etapa.journey.engine.customer import FORMAT, Customer


class StateError(Exception):
    """Bytes that are no customer state, or one of a format that this version does not read."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Customer).decode


def encode_state(customer: Customer) -> bytes:
    """The state as bytes."""
    return _encode(customer)


def decode_state(value: bytes) -> Customer:
    """The customer in `value`. Raises `StateError`."""
    try:
        customer = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Another format may have another layout, so look at its number before blaming the bytes.
        found = _format_of(value)
        if found is not None and found != FORMAT:
            raise _another_format(found) from None
        raise StateError(f"not a customer state: {error}") from None
    if customer.format != FORMAT:
        raise _another_format(customer.format)
    return customer


def _another_format(found: int) -> StateError:
    return StateError(f"customer state has format {found}; this version reads format {FORMAT}")


def _format_of(value: bytes) -> int | None:
    """The first item of an array of anything, if it is a number."""
    try:
        items = msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(items, list) and items and type(items[0]) is int:
        return items[0]
    return None
