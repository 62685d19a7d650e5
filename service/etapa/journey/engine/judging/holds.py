"""What waits for its time: triggers held until a quiet time ends, and open goals. When the next is due, and releasing held triggers."""

from etapa.journey.engine.facts.changes import Offer, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.outreach import Held, Outreach
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import withdrawn
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program


def with_waiting(program: Program, customer: Customer, due: int, now: int) -> int:
    """When the customer's timer next fires after `now`: at `due`, the rules' time, or earlier for a held trigger or an open goal."""
    if customer.is_at_rest:
        return due
    outreach = customer.outreach
    if outreach is None or not (outreach.held or outreach.goals):
        customer.is_at_rest = True
        return due
    first = min(due, program.goals.next_after(customer, now)) if outreach.goals else due
    for held in outreach.held:
        first = min(first, held.ends)
    return first


def held_after(customer: Customer, at: int) -> int:
    """When the next trigger held beyond `at` is checked again, or the next goal runs out; `NEVER` if there is none."""
    outreach = customer.outreach
    if outreach is None:
        return NEVER
    ends = [held.ends for held in outreach.held] + [goal.ends for goal in outreach.goals]
    return min([end for end in ends if end > at], default=NEVER)


def release(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Check again the triggers held until `at`. Returns whether there were any."""
    outreach = customer.outreach
    if outreach is None or not outreach.held:
        return False
    over = sorted([held for held in outreach.held if held.ends <= at], key=_end_of)
    if not over:
        return False
    left = tuple([held for held in outreach.held if held.ends > at])
    customer.outreach = Outreach(outreach.last, outreach.times, left, outreach.goals, outreach.groups)
    for held in over:
        persona = None if program.personas is None else program.personas.of(customer)
        try:
            offer = _looked_again(program, customer, held, persona)
        except EvaluationFailed as failure:
            happened.add_failure(failure)
            continue
        if offer.trigger is not None and held.ends > customer.clock:
            customer.clock = held.ends
        happened.add_release(Release(customer.id, held.ends, len(happened.changes), held.sequence, offer, persona))
    return True


def fire_waiting(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Let goals run out or be met, and check held triggers again. Returns whether the timer may have been for these."""
    if customer.is_at_rest:
        return False
    had_goals = customer.outreach is not None and len(customer.outreach.goals) > 0
    if had_goals:
        program.goals.fire(customer, at, happened)
    return release(program, customer, at, happened) or had_goals


def judge_goals_again(program: Program, customer: Customer, now: int) -> None:
    """Judge the conditions of open goals as at their opening."""
    try:
        program.goals.judge_again(customer, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, "its goals", error) from error


def see_goals(program: Program, customer: Customer, touchpoint: Touchpoint, now: int, happened: Happened) -> None:
    """Judge the goals after a touchpoint has been remembered."""
    try:
        program.goals.see(customer, touchpoint, now, happened)
    except Exception as error:
        raise EvaluationFailed(customer.id, "its goals", error) from error


def _looked_again(program: Program, customer: Customer, held: Held, persona: str | None) -> Offer:
    if program.campaigns is None:
        return withdrawn(held)
    try:
        return program.campaigns.look_again(customer, held, persona)
    except Exception as error:
        raise EvaluationFailed(customer.id, "its campaigns", error) from error


def _end_of(held: Held) -> int:
    return held.ends
