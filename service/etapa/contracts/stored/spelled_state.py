"""A customer's state spelled out, value by value, whatever the customer is like. The layout is `StateLayout`; see `state`."""

from typing import Any, Final

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state_layout import Name
from etapa.journey.engine.facts.course import Course
from etapa.journey.engine.facts.customer import FORMAT, Customer

_LARGEST: Final = 2**63
"""MessagePack has no whole numbers from here on that we read."""
_encode: Final = msgspec.msgpack.Encoder().encode


def spelled_out(customer: Customer, common: InCommon) -> bytes:
    """The same, whatever the customer is like."""
    numbers = common.numbers
    entered_at, clock, way, told = customer.entered_at, customer.clock, customer.way, customer.told
    rule, stage_before, rule_before = customer.rule, customer.stage_before, customer.rule_before
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
        None if rule is None else numbers.get(rule, rule),
        None
        if stage_before is None
        else (numbers.get(stage_before, stage_before), entered_at - customer.entered_at_before, _told(rule_before, common)),
        way if isinstance(way, int) else _course_told(way, common),
        customer.visited if customer.visited < _LARGEST else customer.visited.to_bytes((customer.visited.bit_length() + 7) // 8, "little"),
    ]
    traits: dict[Name, Any] = {}
    if told:
        for name, place in customer.trait_places.items():
            traits[numbers.get(name, name)] = [clock - told[place], told[place + 1]]
    began: dict[Name, tuple[int, int]] = {}
    if customer.began:
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


def _course_told(course: Course, common: InCommon) -> list[Any]:
    """The usual values at its end are left out."""
    told: list[Any] = [course.way, _told(course.persona, common)]
    if course[2:] != _ON_COURSE:
        told += (course.ideal, course.matched, course.furthest, course.taken)
        if course.detour is not None:
            told.append([_told(name, common) for name in course.detour])
    return told


_ON_COURSE: Final = Course(0)[2:]
