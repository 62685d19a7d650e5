"""What two customers remember comes to what one customer would remember who had done all of it."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.identity.remembered import unite_memories
from etapa.journey.language.model import Journey
from etapa.journey.units import HOUR
from tests.reference.made_up import journeys_at_utc, thorough, touchpoints

LOOKS = (0, 1, HOUR, 3 * HOUR, 5 * HOUR + 1, 12 * HOUR, 40 * HOUR, 80 * HOUR)


def renumbered(touchpoint: Touchpoint, number: int) -> Touchpoint:
    return Touchpoint(
        f"e-{number}", touchpoint.customer_id, touchpoint.type, touchpoint.at, touchpoint.channel, touchpoint.properties, touchpoint.traits
    )


def remembering(program: Program, stream: Sequence[Touchpoint]) -> Customer:
    customer = None
    for touchpoint in stream:
        customer = touch(program, customer, touchpoint).customer
    assert customer is not None
    return customer


def truths(program: Program, customer: Customer) -> list[object]:
    """What every condition says of the customer now and later, and when it changes next."""
    conditions = [rule.condition for stage in program.stages.values() for rule in stage.rules]
    return [
        (condition.holds(customer, now, None), condition.rises(customer, now))
        for condition in conditions
        for now in (customer.clock + look for look in LOOKS)
    ]


def as_if_at(customer: Customer, other: Customer) -> Customer:
    """The customer with the stage of the other, since both are to be asked the same."""
    customer.stage, customer.entered_at = other.stage, other.entered_at
    return customer


@thorough
@given(journeys_at_utc(), touchpoints(("kept", "moved"), 20))
def test_united_memories_are_those_of_one_customer(journey: Journey, stream: list[Touchpoint]) -> None:
    program = compile_journey(replace(journey, campaigns=()))
    # At equal times those of the kept customer come first.
    stream = [renumbered(each, place) for place, each in enumerate(sorted(stream, key=lambda each: (each.at, each.customer_id)))]
    ours, theirs = ([each for each in stream if each.customer_id == customer_id] for customer_id in ("kept", "moved"))
    if not ours or not theirs:
        return
    one = remembering(program, stream)
    united = remembering(program, ours)
    unite_memories(program, united, remembering(program, theirs))
    assert (united.clock, united.first_at, united.traits) == (one.clock, one.first_at, one.traits)
    assert truths(program, as_if_at(united, one)) == truths(program, one)
    # What is stored is the same afterwards, and it goes on as one.
    again = decode_state(encode_state(united), "kept")
    again.lay_out(program.keys, program)
    assert truths(program, again) == truths(program, one)
