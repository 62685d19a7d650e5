"""Customers of a batch who stand in buffers are, for those who look at them one by one, what they were."""

import asyncio

from etapa.contracts.stored.in_common import NOTHING_IN_COMMON
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.stream.protocol.batch import Encoded, encode
from etapa.stream.protocol.records import Applied, Outgoing
from etapa.stream.protocol.stored_customers import followed_by
from etapa.stream.redis.packing import flattened


def someone(name: str, due: int | None, *, moved: bool = True, rescheduled: bool = True) -> Customer:
    customer = Customer(version=1, stage=f"stage of {name}", due=due, entered_at=5, clock=5, first_at=0, sequence=1, id=name)
    customer.moved, customer.rescheduled = moved, rescheduled
    return customer


SOME = [
    someone("stays", 7, moved=False, rescheduled=False),
    someone("moves", None, rescheduled=False),
    someone("waits", 1_800_000_000_000_000, moved=False),
    someone("rests", None, moved=False),
    someone("señora", 9),
]


def encoded() -> Encoded:
    async def no_pause() -> None:
        pass

    return asyncio.run(encode({one.id: one for one in SOME}, "j", 1, 2, no_pause, erased=["gone"]))


def test_each_has_a_record_and_is_shown_as_it_is() -> None:
    written = encoded()
    states = [encode_state(one, NOTHING_IN_COMMON) for one in SOME]
    assert list(written.states) == [
        *[Outgoing(one.id.encode(), state) for one, state in zip(SOME, states, strict=True)],
        Outgoing(b"gone", None),
    ]
    assert list(written.applied) == [
        *[
            Applied(one.id, one.stage, one.due, state, moved=one.moved, rescheduled=one.rescheduled)
            for one, state in zip(SOME, states, strict=True)
        ],
        Applied("gone", "", None, None),
    ]
    assert (len(written.states), len(written.applied)) == (6, 6)


def test_redis_is_sent_the_same_whether_they_stand_in_buffers_or_not() -> None:
    applied = encoded().applied
    assert flattened(applied) == flattened(list(applied))


def test_what_follows_comes_after_them_in_both_kinds_of_lists() -> None:
    states, page = encoded().states, Outgoing(b"page", b"1")
    assert list(followed_by(states, [page])) == list(followed_by(list(states), [page])) == [*states, page]
    assert len(states) == 6
