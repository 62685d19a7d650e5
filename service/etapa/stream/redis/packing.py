"""Customers and pages of the ledger as `apply.lua` expects them: packed for its unpacker, to be laid out as arguments of Redis commands."""

from collections.abc import Sequence
from typing import NamedTuple

from etapa.contracts.stored.packed_texts import packed_bytes, packed_list, packed_texts
from etapa.contracts.stored.written_states import WrittenStates
from etapa.stream.protocol.records import Applied
from etapa.stream.protocol.stored_customers import ShownCustomers


class Flattened(NamedTuple):
    """Customers as `apply.lua` expects them: lists (MessagePack) that go into Redis commands as they are."""

    states: bytes
    """Ids and states in turn."""
    stages: bytes
    """Ids and stages in turn, of those customers among them whom the view may show in another stage."""
    timers: bytes
    """Due times and ids in turn, of those for whom the view may hold another."""
    untimed: bytes
    """Ids of those without a due time, for whom the view may hold one."""
    erased: bytes
    """Ids of erased customers; they are in none of the others."""


def flattened(customers: Sequence[Applied]) -> Flattened:
    """Lay out `customers`, each of which occurs once."""
    if isinstance(customers, ShownCustomers):
        return _flattened(customers.portions, customers.others)
    return _flattened([], customers)


def _flattened(portions: list[WrittenStates], others: Sequence[Applied]) -> Flattened:
    states: list[bytes] = []
    stages: list[str] = []
    timers: list[str] = []
    untimed: list[str] = []
    erased: list[str] = []
    for one in others:
        customer_id = one.customer_id
        state = one.state
        if state is None:
            erased.append(customer_id)
            continue
        states.append(customer_id.encode())
        states.append(state)
        if one.moved:
            stages.append(customer_id)
            stages.append(one.stage)
        if one.rescheduled:
            due = one.due
            if due is None:
                untimed.append(customer_id)
            else:
                timers.append(str(due))
                timers.append(customer_id)
    return Flattened(
        packed_list([*[each.states for each in portions], packed_bytes(states)]),
        packed_list([*[each.stages for each in portions], packed_texts(stages)]),
        packed_list([*[each.timers for each in portions], packed_texts(timers)]),
        packed_list([*[each.untimed for each in portions], packed_texts(untimed)]),
        packed_list([packed_texts(erased)]),
    )


def packed(parts: Sequence[bytes]) -> bytes:
    """A list of texts (MessagePack), whatever bytes they are."""
    return packed_list([packed_bytes(parts)])
