"""A customer's state as bytes, for `customer-state` and Redis: a MessagePack array whose first item is the format number.

The layout is `StateLayout`: the fields of `Customer` in order. To save memory in Redis it omits what can be derived: the id, which
is the record's key and the hash's field; trailing values that are the defaults; and what the mark says for all states of the partition
(see `in_common`), such as names, in place of which there are numbers. The stage is always named, so that anybody can read it.
Times that are often equal are written as differences. Any change to the layout must raise the format number there.
"""

from typing import Any, Final

import msgspec

from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.state_layout import Name, Numbered, Standing, StateLayout, StoredCourse
from etapa.contracts.stored.written_states import write_states
from etapa.errors import EtapaError
from etapa.journey.engine.facts.course import Course
from etapa.journey.engine.facts.customer import FORMAT, Customer


class StateError(EtapaError):
    """Bytes that are not a customer state, or are in a format that this version does not read."""


_decode: Final = msgspec.msgpack.Decoder(StateLayout).decode
_decode_standing: Final = msgspec.msgpack.Decoder(Standing).decode
_decode_numbered: Final = msgspec.msgpack.Decoder(Numbered).decode


def encode_state(customer: Customer, common: InCommon = NOTHING_IN_COMMON) -> bytes:
    """The state as bytes. `decode_state` needs the same `common`, or one with more in it."""
    [(_, state)] = write_states([customer], 0, 1, common).pairs()
    return state


def decode_state(value: bytes, customer_id: str, common: InCommon = NOTHING_IN_COMMON) -> Customer:
    """The customer in `value`. Raises `StateError`, also if it refers to names that `common` does not have."""
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
        remembered={_name(key, common): clock - entry if isinstance(entry, int) else entry for key, entry in found.memory.items()},
        rule=_name_or_none(found.rule, common),
        before=None if before is None else (_name(before[0], common), entered_at - before[1], _name_or_none(before[2], common)),
        way=found.way if isinstance(found.way, int) else _course(found.way, common),
        visited=found.visited if isinstance(found.visited, int) else int.from_bytes(found.visited, "little"),
        traits={_name(name, common): _trait(entry, clock) for name, entry in found.traits.items()},
        outreach=found.outreach,
        began={_name(key, common): since for key, since in found.began.items()},
        known=found.known or common.memories.get(found.version, b""),
        arrived=found.arrived,
        id=customer_id,
    )


def _name(told: Name, common: InCommon) -> str:
    if isinstance(told, str):
        return told
    if 0 <= told < len(common.names):
        return common.names[told]
    raise StateError(f"the customer state refers to name {told}, and the mark has {len(common.names)} names: they do not belong together")


def _name_or_none(told: Name | None, common: InCommon) -> str | None:
    return None if told is None else _name(told, common)


def _course(told: StoredCourse, common: InCommon) -> Course:
    detour = told.detour
    return Course(
        way=told.way,
        persona=_name_or_none(told.persona, common),
        ideal=told.ideal,
        matched=told.matched,
        furthest=told.furthest,
        taken=told.taken,
        detour=None
        if detour is None
        else (
            _name_or_none(detour[0], common),
            _name(detour[1], common),
            _name(detour[2], common),
            _name_or_none(detour[3], common),
        ),
    )


def _trait(entry: list[Any], clock: int) -> list[Any]:
    if len(entry) != 2 or not isinstance(entry[0], int):
        raise StateError(f"not a customer state: a trait is {entry!r:.40}, which is not a time and a value")
    entry[0] = clock - entry[0]
    return entry


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
