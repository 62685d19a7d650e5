"""What waits for its time: triggers for the end of a quiet time, and open goals. When the first is due, and the second look at a trigger."""

from etapa.journey.engine.facts.changes import Offer, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.facts.outreach import Held, Outreach
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import withdrawn
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program


def with_waiting(program: Program, customer: Customer, due: int | None, now: int) -> int | None:
    """When the customer's timer strikes after `now`, if that of the rules strikes at `due`: triggers are held, and goals are open."""
    outreach = customer.outreach
    if outreach is None or not (outreach.held or outreach.goals):
        return due
    first = program.goals.next_after(customer, now) if outreach.goals else NEVER
    for held in outreach.held:
        first = min(first, held.ends)
    if due is not None:
        first = min(first, due)
    return first if first <= END_OF_TIME else None


def held_after(customer: Customer, at: int) -> int | None:
    """When the next trigger that is held beyond `at` is looked at, or the next goal runs out."""
    outreach = customer.outreach
    if outreach is None:
        return None
    ends = [held.ends for held in outreach.held] + [goal.ends for goal in outreach.goals]
    return min([end for end in ends if at < end <= END_OF_TIME], default=None)


def release(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Look again at what was held until `at`. Gives whether there was anything."""
    outreach = customer.outreach
    if outreach is None or not outreach.held:
        return False
    over = sorted([held for held in outreach.held if held.ends <= at], key=_end_of)
    if not over:
        return False
    customer.outreach = Outreach(outreach.last, outreach.times, tuple([held for held in outreach.held if held.ends > at]), outreach.goals)
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


def strike_waiting(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Let goals run out and be met, and look again at what was held. Gives whether the timer may have been for these."""
    had_goals = customer.outreach is not None and len(customer.outreach.goals) > 0
    if had_goals:
        program.goals.strike(customer, at, happened)
    return release(program, customer, at, happened) or had_goals


def judge_goals_anew(program: Program, customer: Customer, now: int) -> None:
    """Judge the conditions of open goals as at their opening."""
    try:
        program.goals.judge_anew(customer, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, "its goals", error) from error


def see_goals(program: Program, customer: Customer, touchpoint: Touchpoint, now: int, happened: Happened) -> None:
    """A touchpoint has been remembered, which may meet goals."""
    try:
        program.goals.see(customer, touchpoint, now, happened.outcomes)
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
