"""Why a customer is in its stage and does not move: every rule out of the stage, judged by the conditions that decide.

Reads a customer and changes nothing. The kinds of conditions put into words what is missing.
"""

from collections.abc import Sequence
from copy import copy
from typing import Final, Literal

import msgspec

from etapa.journey.engine.conditions.condition import AllHold, AnyHolds, CompiledLeaf, Condition, DoesNotHold
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME
from etapa.journey.engine.facts.outreach import Held, OpenGoal
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.classify import carry_over, fire
from etapa.journey.engine.judging.compiled_rule import CompiledRule
from etapa.journey.engine.judging.goals import open_goals
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.language import model
from etapa.journey.language.kinds.condition import Observed

MOST_TURNS: Final = 100
"""How many future changes of a condition's parts, and how many timers that move nobody, are followed."""


class ExplainedCondition(msgspec.Struct, frozen=True):
    """A condition that contains no others, or its negation."""

    condition: str
    """In words, as in the reasons of a stage change: `count(purchase, 90d) >= 3`, `not event(complaint)`."""
    observed: Observed
    holds: bool
    seen: str | None
    """What it looks at, in words; none for `event`."""
    exact: bool
    off_by_at_most: float | None
    """How far off the observed value may be, if it is not exact and a bound is known."""
    missing: str | None
    """What it lacks, in words; none when it holds."""
    changes_at: int | None
    """When its truth changes if nothing happens; none if time alone does not change it."""
    complete_since: tuple[int, int] | None
    """(version, time): its memory is complete only since that version of the journey took the customer over at that time,
    and that matters to it. None: its memory is complete."""


class ExplainedGroup(msgspec.Struct, frozen=True):
    """`all` or `any` of several. A `not` before a group is pushed down into its members."""

    kind: Literal["all", "any"]
    holds: bool
    changes_at: int | None
    members: "tuple[Explained, ...]"


Explained = ExplainedCondition | ExplainedGroup


class ExplainedRule(msgspec.Struct, frozen=True):
    """A rule out of the customer's stage."""

    id: str
    to: str
    when: Explained


class Explanation(msgspec.Struct, frozen=True):
    """Everything that explains a customer's stage at one time. Times are microseconds since 1970."""

    customer: Customer
    """As judged: carried over first if its state is of another journey version."""
    at: int
    """When it is judged."""
    stored_version: int
    """The journey version of the stored state."""
    stored_stage: str
    carried_over: Sequence[StageChange]
    """The changes that the new version's rules make by themselves at the customer's next touchpoint."""
    rules: Sequence[ExplainedRule]
    """In the order in which they are judged."""
    held: Sequence[Held]
    """Campaign triggers held until a quiet time ends, in the order in which they were held."""
    goals: Sequence[OpenGoal]
    """Open campaign goals, in the order in which they were opened."""
    foreseen: Sequence[StageChange]
    """The first moves that the customer's timers will make if nothing happens, at `customer.due` or later; empty if none."""


def explain(program: Program, customer: Customer, now: int) -> Explanation:
    """Judge the rules out of the customer's stage without a touchpoint, at `now` or at the customer's clock if that is later.

    A state of another journey version is carried over first. Raises `EvaluationFailed`.
    """
    judged = copy(customer)
    judged.lay_out(program.keys, program)
    carried: Sequence[StageChange] = ()
    if customer.version != program.version or customer.stage not in program.stages:
        carried = carry_over(program, judged)
    at = max(now, judged.clock)
    conditions = {rule.id: rule.when for rule in program.journey.rules}
    rules = [_explain_rule(rule, conditions[rule.id], judged, at) for rule in program.stages[judged.stage].rules]
    return Explanation(
        customer=judged,
        at=at,
        stored_version=customer.version,
        stored_stage=customer.stage,
        carried_over=carried,
        rules=rules,
        held=_held(judged),
        goals=open_goals(judged),
        foreseen=_foreseen(program, judged),
    )


def _explain_rule(rule: CompiledRule, when: model.Condition, customer: Customer, now: int) -> ExplainedRule:
    try:
        return ExplainedRule(rule.id, rule.to, _explain(when, rule.condition, customer, now, wanted=True))
    except Exception as error:
        raise EvaluationFailed(customer.id, f"rule {rule.id!r}", error) from error


def _explain(written: model.Condition, condition: Condition, customer: Customer, now: int, *, wanted: bool) -> Explained:
    """`written` is the condition in the file, `condition` its compiled form; both have the same shape."""
    holds = condition.holds(customer, now, None) is wanted
    changes_at = _turns_at(condition, customer, now)
    if isinstance(written, model.Not) and isinstance(condition, DoesNotHold):
        return _explain(written.condition, condition.condition, customer, now, wanted=not wanted)
    if isinstance(written, model.All | model.AnyOf) and isinstance(condition, AllHold | AnyHolds):
        pairs = zip(written.conditions, condition.conditions, strict=True)
        members = tuple(_explain(each, compiled, customer, now, wanted=wanted) for each, compiled in pairs)
        return ExplainedGroup("all" if isinstance(written, model.All) is wanted else "any", holds, changes_at, members)
    if not isinstance(written, model.Leaf) or not isinstance(condition, CompiledLeaf):
        raise TypeError(f"{written!r} was not compiled as it is written")
    observed, exact = condition.observed(customer, now, None), condition.exact(customer, now)
    return ExplainedCondition(
        condition=condition.text if wanted else "not " + condition.text,
        observed=observed,
        holds=holds,
        seen=written.seen(observed),
        exact=exact,
        off_by_at_most=None if exact else condition.off_by_at_most(customer, now),
        missing=None if holds else written.lacking(observed, now, changes_at, wanted=wanted),
        changes_at=changes_at,
        complete_since=_complete_since(written, condition, customer, now),
    )


def _complete_since(written: model.Leaf, leaf: CompiledLeaf, customer: Customer, now: int) -> tuple[int, int] | None:
    key = leaf.memory_key()
    if key is None or key not in customer.began:
        return None
    version, at = customer.began[key]
    reach, told_at = written.reach(), leaf.told_at(customer)
    if (reach is not None and at <= now - reach) or (told_at is not None and told_at > at):
        return None
    return version, at


def _turns_at(condition: Condition, customer: Customer, now: int) -> int | None:
    """When the condition's truth changes if nothing happens. None: never, or only after more than `MOST_TURNS` changes of its parts."""
    truth = condition.holds(customer, now, None)
    at = now
    for _ in range(MOST_TURNS):
        at = condition.falls(customer, at) if truth else condition.rises(customer, at)
        if at > END_OF_TIME:
            break
        if condition.holds(customer, at, None) is not truth:
            return at
    return None


def _held(customer: Customer) -> Sequence[Held]:
    return () if customer.outreach is None else customer.outreach.held


def _foreseen(program: Program, customer: Customer) -> Sequence[StageChange]:
    later = copy(customer)
    try:
        for _ in range(MOST_TURNS):
            if later.due is None:
                break
            changes = fire(program, later, later.due)
            if changes:
                return changes
    except EvaluationFailed:
        # The worker would drop this timer, too.
        pass
    return ()
