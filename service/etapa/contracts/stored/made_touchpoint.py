"""A touchpoint that a source made of a record, as it is forwarded to another partition: a MessagePack array of its fields."""

from typing import Any, Final

import msgspec

from etapa.contracts.stored.transfer import TransferError
from etapa.journey.engine.facts.touchpoint import Touchpoint

_Fields = tuple[str, str, str, int, str | None, dict[str, Any], dict[str, Any]]

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Fields).decode


def encode_made(touchpoint: Touchpoint) -> bytes | None:
    """The touchpoint as bytes; none if it holds what no message can, such as half a character."""
    fields: _Fields = (
        touchpoint.id,
        touchpoint.customer_id,
        touchpoint.type,
        touchpoint.at,
        touchpoint.channel,
        touchpoint.properties,
        touchpoint.traits,
    )
    try:
        return _encode(fields)
    except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
        return None


def decode_made(value: bytes) -> Touchpoint:
    """The touchpoint in `value`. Raises `TransferError`."""
    try:
        return Touchpoint(*_decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TransferError(f"a touchpoint that was forwarded cannot be read: {error}") from None
