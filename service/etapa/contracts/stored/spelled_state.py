"""A customer's state spelled out, value by value, whatever the customer is like. The layout is `StateLayout`; see `state`."""

from typing import Any, Final

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state_layout import Name
from etapa.journey.engine.facts.course import Course, Way
from etapa.journey.engine.facts.customer import FORMAT, Customer

_LARGEST: Final = 2**63
"""MessagePack has no whole numbers from here on that we read."""
_encode: Final = msgspec.msgpack.Encoder().encode


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
    traits = {numbers.get(name, name): [clock - told_at, value] for name, (told_at, value) in customer.traits.items()}
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
