"""Customers and pages of the ledger as `apply.lua` expects them: packed for its unpacker, or laid out as arguments of Redis commands."""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from etapa.stream.protocol.records import Applied


class Flattened(NamedTuple):
    """Customers as `apply.lua` expects them: the lists go into Redis commands as they are."""

    states: bytes
    """Ids and states in turn, packed (MessagePack)."""
    stages: list[str]
    """Ids and stages in turn, of those customers among them whom the view may show in another stage."""
    timers: list[str]
    """Due times and ids in turn, of those for whom the view may hold another."""
    untimed: list[str]
    """Ids of those without a due time, for whom the view may hold one."""
    erased: list[str]
    """Ids of erased customers; they are in none of the others."""


def flattened(customers: Sequence[Applied]) -> Flattened:
    """Lay out `customers`, each of which occurs once."""
    states: list[bytes] = []
    stages: list[str] = []
    timers: list[str] = []
    untimed: list[str] = []
    erased: list[str] = []
    for one in customers:
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
    return Flattened(packed(states), stages, timers, untimed, erased)


def packed(parts: Sequence[bytes]) -> bytes:
    """A list of texts (MessagePack), whatever bytes they are."""
    pieces: list[bytes] = []
    for part in parts:
        pieces.append(_text_head(len(part)))
        pieces.append(part)
    return _head(0xDD, len(parts)) + b"".join(pieces)


# Packed by hand: bytes are marked as text, since Redis's unpacker knows no other bytes and does not check their content.
_USUAL_LENGTHS: Final = 1024
_head: Final = Struct(">BI").pack
_text_heads: Final = [_head(0xDB, length) for length in range(_USUAL_LENGTHS)]


def _text_head(length: int) -> bytes:
    return _text_heads[length] if length < _USUAL_LENGTHS else _head(0xDB, length)
