"""Customers' states, many at once, as they are handed on: no object stands for a customer until somebody asks for one."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.packed_texts import PackedTexts, long_texts_of, packed_bytes, packed_texts
from etapa.contracts.stored.quick_writer import quick_writer
from etapa.contracts.stored.spelled_state import spelled_out
from etapa.journey.engine.facts.customer import FORMAT, Customer
from etapa.journey.engine.facts.outreach import STRUCTS


class WrittenStates(NamedTuple):
    """The states of some customers, in order, and what the view is to know of them."""

    states: PackedTexts
    """Ids and states in turn, all of them long texts."""
    stages: PackedTexts
    """Ids and stages in turn, of those whom the view may show in another stage."""
    timers: PackedTexts
    """Due times and ids in turn, of those for whom the view may hold another."""
    untimed: PackedTexts
    """Ids of those without a due time, for whom the view may hold one."""

    @property
    def customers(self) -> int:
        """How many these are."""
        return self.states.number // 2

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """The id and the state of each."""
        parts = long_texts_of(self.states)
        return list(zip(parts[::2], parts[1::2], strict=True))


def write_states(customers: list[Customer], start: int, stop: int, common: InCommon) -> WrittenStates:
    """Those from `start` to before `stop`, as they are now. `decode_state` needs the same `common`, or one with more in it."""
    quick = _WRITER
    if quick is None:
        return spelled_states(customers[start:stop], common)
    quick.start(customers, start, common, common.numbers)
    add: Any = quick.add
    version, known, is_known = -1, b"", False
    for position in range(start, stop):
        customer = customers[position]
        if customer.version != version or customer.known is not known:
            version, known = customer.version, customer.known
            is_known = not known or common.memories.get(version) == known
        add(
            customer,
            is_known and not customer.began and not customer.arrived,
            customer.id,
            version,
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
            customer.stage_before,
            customer.entered_at_before,
            customer.rule_before,
            customer.way,
            customer.visited,
            customer.told,
            customer.trait_places,
            customer.outreach,
            customer.moved,
            customer.rescheduled,
        )
    told = quick.finish()
    return WrittenStates(
        PackedTexts(told[0], told[1]), PackedTexts(told[2], told[3]), PackedTexts(told[4], told[5]), PackedTexts(told[6], told[7])
    )


def spelled_states(customers: Sequence[Customer], common: InCommon) -> WrittenStates:
    """The same, spelled out."""
    states: list[bytes] = []
    stages: list[str] = []
    timers: list[str] = []
    untimed: list[str] = []
    for customer in customers:
        states.append(customer.id.encode())
        states.append(spelled_out(customer, common))
        if customer.moved:
            stages += (customer.id, customer.stage)
        if customer.rescheduled:
            due = customer.due
            if due is None:
                untimed.append(customer.id)
            else:
                timers += (str(due), customer.id)
    return WrittenStates(packed_bytes(states), packed_texts(stages), packed_texts(timers), packed_texts(untimed))


_WRITER: Final = None if quick_writer is None else quick_writer(FORMAT, STRUCTS, spelled_out)
