"""A customer's state as bytes, for `customer-state` and Redis: a MessagePack array whose first item is the format number.

The layout is `StateLayout`: the fields of `Customer` in order. To save memory in Redis it omits what can be derived: the id, which
is the record's key and the hash's field; trailing values that are the defaults; and what the mark says for all states of the partition
(see `in_common`), such as names, in place of which there are numbers. The stage is always named, so that anybody can read it.
Times that are often equal are written as differences. Any change to the layout must raise the format number there.
"""

from typing import Any, Final

import msgspec

from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.quick_writer import quick_writer
from etapa.contracts.stored.state_layout import Name, Numbered, Standing, StateLayout, StoredCourse
from etapa.errors import EtapaError
from etapa.journey.engine.facts.course import Course, Way
from etapa.journey.engine.facts.customer import FORMAT, Customer


class StateError(EtapaError):
    """Bytes that are not a customer state, or are in a format that this version does not read."""


_QUICK: Final = quick_writer
_LARGEST: Final = 2**63
"""MessagePack has no whole numbers from here on that we read."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(StateLayout).decode
_decode_standing: Final = msgspec.msgpack.Decoder(Standing).decode
_decode_numbered: Final = msgspec.msgpack.Decoder(Numbered).decode


def encode_state(customer: Customer, common: InCommon = NOTHING_IN_COMMON) -> bytes:
    """The state as bytes. `decode_state` needs the same `common`, or one with more in it."""
    tells_what_is_known = customer.known and common.memories.get(customer.version) != customer.known
    quick = _QUICK
    if quick is not None and not tells_what_is_known and not customer.began and not customer.arrived:
        outreach = customer.outreach
        written: bytes | None = quick(
            FORMAT,
            common.numbers,
            customer.version,
            customer.stage,
            customer.due,
            customer.entered_at,
            customer.clock,
            customer.first_at,
            customer.sequence,
            customer.recent,
            customer.memory,
            customer.keys,
            customer.rule,
            customer.before,
            customer.way,
            customer.visited,
            customer.traits,
            None if outreach is None else _encode(outreach),
        )
        if written is not None:
            return written
    return spelled_out(customer, common)


def spelled_out(customer: Customer, common: InCommon) -> bytes:
    """The same, whatever the customer is like."""
    numbers = common.numbers
    entered_at, clock, before, rule = customer.entered_at, customer.clock, customer.before, customer.rule
    memory: dict[Name, Any] = {}
    for place, entry in enumerate(customer.memory):
        if entry is not None:
            key = customer.keys[place]
            memory[numbers.get(key, key)] = clock - entry if isinstance(entry, int) else entry
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
        _told(rule, common),
        None if before is None else (_told(before[0], common), entered_at - before[1], _told(before[2], common)),
        _course_told(customer.way, common),
        customer.visited if customer.visited < _LARGEST else customer.visited.to_bytes((customer.visited.bit_length() + 7) // 8, "little"),
    ]
    traits = {numbers.get(name, name): [clock - entry[0], *entry[1:]] for name, entry in customer.traits.items()}
    began = {numbers.get(key, key): since for key, since in customer.began.items()}
    tells_what_is_known = customer.known and common.memories.get(customer.version) != customer.known
    if tells_what_is_known or customer.arrived:
        fields += (traits, customer.outreach, began, customer.arrived)
        if tells_what_is_known:
            fields.append(customer.known)
    elif began:
        fields += (traits, customer.outreach, began)
    elif customer.outreach is not None:
        fields += (traits, customer.outreach)
    elif traits:
        fields.append(traits)
    return _encode(fields)


def _told(name: str | None, common: InCommon) -> Name | None:
    return None if name is None else common.numbers.get(name, name)


def _course_told(course: Way, common: InCommon) -> int | list[Any]:
    """The usual values at its end are left out."""
    if isinstance(course, int):
        return course
    told: list[Any] = [course.way, _told(course.persona, common)]
    if course[2:] != _ON_COURSE:
        told += (course.ideal, course.matched, course.furthest, course.taken)
        if course.detour is not None:
            told.append([_told(name, common) for name in course.detour])
    return told


_ON_COURSE: Final = Course(0)[2:]


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
    if not entry or not isinstance(entry[0], int):
        raise StateError(f"not a customer state: a trait is {entry!r:.40}, which does not begin with a time")
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
