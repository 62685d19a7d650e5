"""Triggers that wait for the end of a quiet time: when the first of them is due, and the second look at it then."""

from etapa.journey.engine.facts.changes import Offer, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.outreach import Held, Outreach
from etapa.journey.engine.judging.campaigns import withdrawn
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program


def with_held(customer: Customer, due: int | None) -> int | None:
    """When the customer's timer strikes, if that of the rules strikes at `due`."""
    outreach = customer.outreach
    if outreach is None or not outreach.held:
        return due
    first = min([held.ends for held in outreach.held])
    return first if due is None or first < due else due


def held_after(customer: Customer, at: int) -> int | None:
    """When the next one is looked at, of those that wait beyond `at`."""
    outreach = customer.outreach
    return None if outreach is None else min([held.ends for held in outreach.held if held.ends > at], default=None)


def release(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Look again at what was held until `at`. Gives whether there was anything."""
    outreach = customer.outreach
    if outreach is None or not outreach.held:
        return False
    over = sorted([held for held in outreach.held if held.ends <= at], key=_end_of)
    if not over:
        return False
    customer.outreach = Outreach(outreach.last, outreach.times, tuple([held for held in outreach.held if held.ends > at]))
    for held in over:
        try:
            offer = _looked_again(program, customer, held)
        except EvaluationFailed as failure:
            happened.failures.append(failure)
            continue
        if offer.trigger is not None and held.ends > customer.clock:
            customer.clock = held.ends
        persona = None if program.personas is None else program.personas.of(customer)
        happened.released.append(Release(customer.id, held.ends, len(happened.changes), held.sequence, offer, persona))
    return True


def _looked_again(program: Program, customer: Customer, held: Held) -> Offer:
    if program.campaigns is None:
        return withdrawn(held)
    try:
        return program.campaigns.look_again(customer, held)
    except Exception as error:
        raise EvaluationFailed(customer.id, "its campaigns", error) from error


def _end_of(held: Held) -> int:
    return held.ends
