"""What the stages must be in the end, worked out by the core alone, touchpoint by touchpoint.

There are two such books. A program that follows stream time, as the worker does, has let all timers fire that were due by
its end. One that looks at a customer only when a touchpoint comes has not. Letting the timers of the second book run up to
the stream time of the first must give the first: where no touchpoint is later than the grace, that is promised.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bench.workload.touchpoints import KeyAndValue
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.partitioner import partition_of
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY

Stages = Mapping[str, str]


class Book(NamedTuple):
    """Customer to stage."""

    by_stream_time: Stages
    by_touchpoints: Stages
    changes: int
    """Stage changes in the book by stream time."""


def shipped_program() -> Program:
    return compile_journey(journey_or_raise(SHIPPED_JOURNEY.read_text(), SHIPPED_JOURNEY.name))


def decoded(sent: Iterable[KeyAndValue]) -> list[Touchpoint]:
    """The touchpoints in records that are all in order. Raises `ValueError` when one is not."""
    touchpoints, decoder = [], decoder_within(TouchpointLimits())
    for key, value in sent:
        touchpoint = decoder.decode(key, value, (), None, NEVER)
        if isinstance(touchpoint, Rejected):
            raise ValueError(f"a made-up touchpoint is rejected: {touchpoint.detail}")
        touchpoints.append(touchpoint)
    return touchpoints


def book_of(sent: Sequence[KeyAndValue], partitions: int, wall: int) -> Book:
    """Both books of a topic with so many partitions. Raises `ValueError` when they do not go together."""
    program = shipped_program()
    halls = [Partition(program, None) for _ in range(partitions)]
    customers: dict[str, Customer] = {}
    places: dict[str, Partition] = {}
    for touchpoint in decoded(sent):
        customer_id = touchpoint.customer_id
        if customer_id not in places:
            places[customer_id] = halls[partition_of(customer_id, partitions)]
            places[customer_id].admit(customer_id, None)
        places[customer_id].take(touchpoint, wall)
        customers[customer_id] = touch(program, customers.get(customer_id), touchpoint).customer
    by_touchpoints = {customer_id: customer.stage for customer_id, customer in customers.items()}
    by_stream_time: dict[str, str] = {}
    changes = 0
    for hall in halls:
        if hall.stream_time is not None:
            hall.advance(hall.stream_time)
        work = hall.collect()
        changes += len(work.changes)
        by_stream_time |= {customer_id: customer.stage for customer_id, customer in work.changed.items()}
    for customer_id, customer in customers.items():
        stream_time = places[customer_id].stream_time
        if stream_time is not None:
            run_until(program, customer, stream_time - program.grace)
        if customer.stage != by_stream_time[customer_id]:
            raise ValueError("the two books do not go together")
    return Book(by_stream_time, by_touchpoints, changes)
