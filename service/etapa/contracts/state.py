"""A customer's state as bytes, for `customer-state` and Redis: MessagePack, one array, its first item the format number.

The layout is the field order of `Customer`, but for what can be told without it, since Redis holds it in memory for every
customer: the id, which is the record's key and the hash's field; values at the end that are the usual ones; `clock`, of
which only the distance from `entered_at` is written; and `known`, where it is what the marks say of the version. Whoever
changes any of it raises the format number there, and sees that states of the format before can still be read.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from etapa.contracts.state_format_2 import Format2, StandingInFormat2
from etapa.journey.engine.customer import FORMAT, Customer

Memories = Mapping[int, bytes]
"""Which memories each version of the journey keeps, as `Customer.known` has it: what a partition's marks say."""

NO_MEMORIES: Final[Memories] = MappingProxyType({})


class StateError(Exception):
    """Bytes that are no customer state, or one of a format that this version does not read."""


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """What of a state the view shows beside it. Reading no more than this takes a tenth of the time."""

    version: int
    stage: str
    due: int | None


_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Customer | Format2] = msgspec.msgpack.Decoder(Customer | Format2)
_decode = _decoder.decode
_standing_decoder: msgspec.msgpack.Decoder[Standing | StandingInFormat2] = msgspec.msgpack.Decoder(Standing | StandingInFormat2)
_decode_standing = _standing_decoder.decode


def encode_state(customer: Customer, memories: Memories = NO_MEMORIES) -> bytes:
    """The state as bytes. Whoever reads it must be given the same `memories`, or more."""
    entered_at, version, known = customer.entered_at, customer.version, customer.known
    always = (
        *(FORMAT, version, customer.stage, customer.due, entered_at, customer.clock - entered_at, customer.first_at, customer.sequence),
        *(customer.recent, customer.memory, customer.rule, customer.before),
    )
    traits, outreach, began = customer.traits, customer.outreach, customer.began
    if known and memories.get(version) != known:
        return _encode((*always, traits, outreach, began, known))
    if began:
        return _encode((*always, traits, outreach, began))
    if outreach is not None:
        return _encode((*always, traits, outreach))
    return _encode((*always, traits) if traits else always)


def decode_state(value: bytes, customer_id: str, memories: Memories = NO_MEMORIES) -> Customer:
    """The customer in `value`. Raises `StateError`.

    `memories` are needed by those who judge the customer: what became of it under another version hangs on them.
    """
    try:
        found = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_state(value, error) from None
    if isinstance(found, Format2):
        return found.customer(customer_id)
    found.id = customer_id
    found.clock += found.entered_at
    if not found.known:
        found.known = memories.get(found.version, b"")
    return found


def decode_standing(value: bytes) -> Standing | StandingInFormat2:
    """Version, stage and due time of the customer in `value`. Raises `StateError`, not for all of what `decode_state` does."""
    try:
        return _decode_standing(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_state(value, error) from None


def _no_state(value: bytes, error: Exception) -> StateError:
    # Another format may have another layout, so look at its number before blaming the bytes.
    found = _format_of(value)
    if found is not None and found not in (FORMAT, FORMAT - 1):
        return StateError(f"customer state has format {found}; this version reads formats {FORMAT - 1} and {FORMAT}")
    return StateError(f"not a customer state: {error}")


def _format_of(value: bytes) -> int | None:
    """The first item of an array of anything, if it is a number."""
    try:
        items = msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(items, list) and items and type(items[0]) is int:
        return items[0]
    return None
