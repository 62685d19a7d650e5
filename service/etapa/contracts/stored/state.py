"""A customer's state as bytes, for `customer-state` and Redis: a MessagePack array whose first item is the format number.

The layout is `StateLayout`: the fields of `Customer` in order. To save memory in Redis it omits what can be derived: the id, which
is the record's key and the hash's field; trailing values that are the defaults; and `known`, if the marks have it for the version.
Times that are often equal are written as differences. Any change to the layout must raise the format number there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from etapa.contracts.stored.state_layout import Numbered, Standing, StateLayout
from etapa.errors import EtapaError
from etapa.journey.engine.facts.customer import FORMAT, Customer

KnownMemories = Mapping[int, bytes]
"""The memories that each version of the journey keeps, as in `Customer.known`; from a partition's marks."""

NO_KNOWN_MEMORIES: Final[KnownMemories] = MappingProxyType({})


class StateError(EtapaError):
    """Bytes that are not a customer state, or are in a format that this version does not read."""


_LARGEST: Final = 2**63
"""MessagePack has no whole numbers from here on that we read."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(StateLayout).decode
_decode_standing: Final = msgspec.msgpack.Decoder(Standing).decode
_decode_numbered: Final = msgspec.msgpack.Decoder(Numbered).decode


def encode_state(customer: Customer, memories: KnownMemories = NO_KNOWN_MEMORIES) -> bytes:
    """The state as bytes. `decode_state` needs the same `memories`, or more."""
    entered_at, clock, before = customer.entered_at, customer.clock, customer.before
    memory: dict[str, Any] = {}
    for place, entry in enumerate(customer.memory):
        if entry is not None:
            memory[customer.keys[place]] = clock - entry if isinstance(entry, int) else entry
    fields: list[Any] = [
        FORMAT,
        customer.version,
        customer.stage,
        customer.due,
        entered_at,
        clock - entered_at,
        entered_at - customer.first_at,
        customer.sequence,
        customer.recent,
        memory,
        customer.rule,
        None if before is None else (before[0], entered_at - before[1], before[2]),
        customer.way,
        customer.visited if customer.visited < _LARGEST else customer.visited.to_bytes((customer.visited.bit_length() + 7) // 8, "little"),
    ]
    tells_what_is_known = customer.known and memories.get(customer.version) != customer.known
    if tells_what_is_known or customer.arrived:
        fields += (customer.traits, customer.outreach, customer.began, customer.arrived)
        if tells_what_is_known:
            fields.append(customer.known)
    elif customer.began:
        fields += (customer.traits, customer.outreach, customer.began)
    elif customer.outreach is not None:
        fields += (customer.traits, customer.outreach)
    elif customer.traits:
        fields.append(customer.traits)
    return _encode(fields)


def decode_state(value: bytes, customer_id: str, memories: KnownMemories = NO_KNOWN_MEMORIES) -> Customer:
    """The customer in `value`. Raises `StateError`.

    `memories` are needed for judging the customer if another version processed it before.
    """
    try:
        found = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_state(value, error) from None
    entered_at = found.entered_at
    clock = entered_at + found.clock
    before = found.before
    return Customer(
        version=found.version,
        stage=found.stage,
        due=found.due,
        entered_at=entered_at,
        clock=clock,
        first_at=entered_at - found.first_at,
        sequence=found.sequence,
        recent=found.recent,
        remembered={key: clock - entry if isinstance(entry, int) else entry for key, entry in found.memory.items()},
        rule=found.rule,
        before=None if before is None else (before[0], entered_at - before[1], before[2]),
        way=found.way,
        visited=found.visited if isinstance(found.visited, int) else int.from_bytes(found.visited, "little"),
        traits=found.traits,
        outreach=found.outreach,
        began=found.began,
        known=found.known or memories.get(found.version, b""),
        arrived=found.arrived,
        id=customer_id,
    )


def decode_standing(value: bytes) -> Standing:
    """Version, stage and due time of the customer in `value`. Raises `StateError`, but checks less than `decode_state`."""
    try:
        return _decode_standing(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_state(value, error) from None


def decode_sequence(value: bytes) -> int:
    """How many stage changes the customer in `value` has made. Raises `StateError`, but checks less than `decode_state`."""
    try:
        return _decode_numbered(value).sequence
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_state(value, error) from None


def _no_state(value: bytes, error: Exception) -> StateError:
    # Another format may have another layout, so check its number before blaming the bytes.
    found = _format_of(value)
    if found is not None and found != FORMAT:
        return StateError(f"customer state has format {found}; this version reads format {FORMAT}")
    return StateError(f"not a customer state: {error}")


def _format_of(value: bytes) -> int | None:
    """The first item of the array, if it is a number."""
    try:
        items = msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(items, list) and items and type(items[0]) is int:
        return items[0]
    return None
