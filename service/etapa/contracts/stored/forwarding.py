"""A forwarding address: what `customer-state` and the view hold in place of a state once a customer lives at another place.

A MessagePack array whose first item is 0, which is no format number of a state; then the fields of `ForwardingAddress`.
"""

from typing import Final

import msgspec

from etapa.contracts.stored.state import StateError, decode_sequence, decode_standing
from etapa.contracts.stored.state_layout import Standing

_PREFIX: Final = b"\x94\x00"
"""An array of four items, the first of which is 0."""
NO_STAGE: Final = ""
"""Who has left is in no stage."""


class ForwardingAddress(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=0):
    """The partition to which the customer has moved."""

    place: int
    sequence: int = 0
    """The number of the customer's last stage change before. The next one follows at the new place."""
    customer_id: str | None = None
    """The id under which the customer is kept there; none: the same as here. See `is_placeholder`."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(ForwardingAddress).decode


def encode_forwarding(address: ForwardingAddress) -> bytes:
    """The address as bytes."""
    return _encode(address)


def is_forwarding(value: bytes) -> bool:
    """Whether these bytes are an address, and no state."""
    return value.startswith(_PREFIX)


def decode_forwarding(value: bytes) -> ForwardingAddress:
    """The address in `value`. Raises `StateError`."""
    try:
        return _decode(value)
    except msgspec.DecodeError as error:
        raise StateError(f"not a forwarding address: {error}") from None


def is_placeholder(customer_id: str, address: ForwardingAddress) -> bool:
    """Whether this stands for somebody who lives here under this id, and has no state yet: a link has named it, and no touchpoint came."""
    return address.customer_id == customer_id


def standing_of(value: bytes) -> Standing:
    """Version, stage and due time of the customer in a state; who has left is in no stage, and nothing is due. Raises `StateError`."""
    return Standing(0, NO_STAGE, None) if is_forwarding(value) else decode_standing(value)


def sequence_of(value: bytes) -> int:
    """How many stage changes the customer had made, by a state or by a forwarding address. Raises `StateError`."""
    return decode_forwarding(value).sequence if is_forwarding(value) else decode_sequence(value)
