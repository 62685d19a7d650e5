"""Judging the rules at one instant: a customer moves as long as a rule holds, and each move is offered to the campaigns."""

from collections.abc import Sequence
from typing import Final

from etapa.journey.engine.facts.changes import Cause, Clause, Offer
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.calm import Calm, KindRules, left_to_judge
from etapa.journey.engine.judging.compiled_rule import CompiledRule, words_for
from etapa.journey.engine.judging.holds import with_waiting
from etapa.journey.engine.judging.ideal_way import persona_of
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.rule_index import RuleIndex
from etapa.journey.engine.judging.stage_rules import StageRules, due_after
from etapa.journey.engine.judging.visits import counted_again, newly_counted, stages_in
from etapa.journey.ledger.tables import Counted

NO_CLAUSES: Final[Sequence[Clause]] = ()
_NO_OFFERS: Final[Sequence[Offer]] = ()
_NOWHERE: Final[Sequence[str]] = ()
_NO_COUNTS: Final[tuple[Counted, ...]] = ()


def settle(program: Program, customer: Customer, now: int, touchpoint: Touchpoint | None, cause: Cause, happened: Happened) -> None:
    """Judge the rules at `now` and move the customer as long as one holds. Adds what happens to `happened` and sets the next `due`."""
    stage = program.stages[customer.stage]
    rules = stage.without_touchpoint if touchpoint is None else stage.for_type(touchpoint.type)
    settle_in(stage, rules, program, customer, now, touchpoint, cause, happened)


def settle_in(
    stage: StageRules,
    rules: KindRules,
    program: Program,
    customer: Customer,
    now: int,
    touchpoint: Touchpoint | None,
    cause: Cause,
    happened: Happened,
) -> None:
    """The same for a customer in that stage, which was looked up already, like the rules that can hold with the touchpoint at hand."""
    if stage.index is not None:
        _settle_by_index(program, customer, now, touchpoint, cause, stage.index, happened)
        return
    known, is_at_rest = customer.settled, customer.is_at_rest
    calm = known if isinstance(known, Calm) and known.stage is stage and is_at_rest and touchpoint is not None else None
    asked = rules.every if calm is None else left_to_judge(calm, rules)
    if calm is not None and not asked:
        # The next due time stays.
        return
    customer.settled = None
    doing = None
    due, waiting = NEVER, 0
    try:
        for rule in rules.rules:
            if not rule.bit & asked:
                continue
            doing = rule
            if rule.is_timed:
                rises = rule.condition.rises(customer, now)
                if rises <= now:
                    _follow(program, customer, now, touchpoint, cause, rule, happened)
                    return
                if rises < NEVER:
                    waiting |= rule.bit
                    due = min(due, rises)
            elif rule.condition.holds(customer, now, touchpoint):
                _follow(program, customer, now, touchpoint, cause, rule, happened)
                return
        doing = None
        # The loop has checked every rule that time alone can make true, except those that also contain an `event`.
        if stage.hideable:
            due = due_after(stage, customer, now)
        # A timer may be ahead of the customer's clock, and so of the next touchpoint.
        customer.settled = None if stage.hideable or touchpoint is None else stage.calm.of(waiting)
        customer.due_at = due if is_at_rest else with_waiting(program, customer, due, now)
    except EvaluationFailed:
        raise
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(doing), error) from error


def _settle_by_index(
    program: Program,
    customer: Customer,
    now: int,
    touchpoint: Touchpoint | None,
    cause: Cause,
    index: RuleIndex,
    happened: Happened,
) -> None:
    rule = index.first(customer, now, touchpoint, _NOWHERE)
    if rule is not None:
        _follow(program, customer, now, touchpoint, cause, rule, happened)
        return
    try:
        customer.due_at = with_waiting(program, customer, customer.due_at, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(None), error) from error


def _follow(
    program: Program,
    customer: Customer,
    now: int,
    touchpoint: Touchpoint | None,
    cause: Cause,
    rule: CompiledRule | None,
    happened: Happened,
) -> None:
    """Make the move of `rule`, which holds, then those of rules that hold afterwards without a touchpoint.

    Raises `EvaluationFailed`; the customer is then where it was, but without a timer.
    """
    found_in = customer.stage
    visited: list[str] | None = None
    at_hand = touchpoint
    # What moves change of a customer, so that it can be undone.
    clock, entered_at, led_here = customer.clock, customer.entered_at, customer.rule
    stage_before, entered_at_before, rule_before = customer.stage_before, customer.entered_at_before, customer.rule_before
    outreach, sequence, been_in, way = customer.outreach, customer.sequence, customer.visited, customer.way
    try:
        while rule is not None:
            because = rule.condition.reasons(customer, now, at_hand, truth=True)
            stage = program.every_stage[rule.to_number]
            happened.changes.append(
                move(program, customer, now, to=stage, rule=rule, cause=cause, because=because, touchpoint=touchpoint, happened=happened)
            )
            if visited is None:
                visited = [found_in, rule.to]
            else:
                visited.append(rule.to)
            at_hand = None
            index = stage.index
            rule = stage.follow_or_wait(customer, now, visited) if index is None else index.first_on_entering(customer, now, visited)
        customer.due_at = with_waiting(program, customer, customer.due_at, now)
    except Exception as error:
        customer.stage, customer.entered_at, customer.clock, customer.rule = found_in, entered_at, clock, led_here
        customer.stage_before, customer.entered_at_before, customer.rule_before = stage_before, entered_at_before, rule_before
        customer.outreach, customer.sequence = outreach, sequence
        customer.visited, customer.way = been_in, way
        customer.settled = customer.entry = None
        if isinstance(error, EvaluationFailed):
            raise
        raise EvaluationFailed(customer.id, words_for(rule), error) from error
    # Only after everything succeeded: a timer that fails leaves the customer at its clock, which is before `now`. Not at every
    # touchpoint, because it is seldom worth it, and a timer moves customers who stay away sooner or later.
    program.windows.forget_what_is_over(customer, now)


def move(
    program: Program,
    customer: Customer,
    now: int,
    *,
    to: StageRules,
    rule: CompiledRule | None,
    cause: Cause,
    because: Sequence[Clause],
    touchpoint: Touchpoint | None,
    happened: Happened,
) -> StageChange:
    """Move the customer. One without any change so far is new and leaves no stage.

    The outcomes of goals that the change meets are added to `happened`; then the change is offered to the campaigns.
    """
    is_new = customer.sequence == 0
    source = None if is_new else customer.stage
    dwell = None if is_new else now - customer.entered_at
    if is_new:
        customer.stage_before = customer.rule_before = None
    else:
        customer.stage_before, customer.entered_at_before, customer.rule_before = customer.stage, customer.entered_at, customer.rule
    customer.stage = to.id
    customer.entered_at = customer.clock = now
    customer.rule = None if rule is None else rule.id
    return announce(
        program,
        customer,
        now,
        to=to,
        source=source,
        dwell=dwell,
        rule=rule,
        cause=cause,
        because=because,
        touchpoint=touchpoint,
        happened=happened,
    )


def announce(
    program: Program,
    customer: Customer,
    now: int,
    *,
    to: StageRules,
    source: str | None,
    dwell: int | None,
    rule: CompiledRule | None,
    cause: Cause,
    because: Sequence[Clause],
    touchpoint: Touchpoint | None,
    happened: Happened,
) -> StageChange:
    """The change, with the next number, into the stage `to`, where the customer is by now. See `move`."""
    customer.sequence = sequence = customer.sequence + 1
    persona = None if program.personas is None else program.personas.of(customer)
    counts = _NO_COUNTS
    counted_for, visited = persona, customer.visited
    customer.visited = been_in = visited | to.bit
    if program.ideal_way is not None:
        counted_for = persona_of(customer.way)
        counts = program.ideal_way.lead(customer, persona=persona, source=source, at=now, rule=rule)
    if visited:
        if source is None:
            counts = (*counts, *newly_counted(stages_in(visited, program.stages), persona))
        elif counted_for != persona:
            counts = (*counts, *counted_again(stages_in(visited, program.stages), less=counted_for, more=persona))
    offers: Sequence[Offer] = _NO_OFFERS
    if program.campaigns is not None:
        try:
            if not customer.is_at_rest:
                program.goals.follow(customer, now, happened)
            offers = program.campaigns.offer(customer, source, now, persona, rule)
        except Exception as error:
            raise EvaluationFailed(customer.id, "its campaigns", error) from error
    return StageChange(
        customer_id=customer.id,
        sequence=sequence,
        source=source,
        to=to.id,
        phase=to.phase,
        at=now,
        cause=cause,
        rule=None if rule is None else rule.id,
        because=because,
        touchpoint_id=None if touchpoint is None else touchpoint.id,
        channel=None if touchpoint is None else touchpoint.channel,
        dwell=dwell,
        offers=offers,
        persona=persona,
        counts=counts,
        is_first=been_in != visited,
        rule_number=-1 if rule is None else rule.number,
    )


def is_due_by_rules(program: Program, customer: Customer, judged: int, at: int) -> bool:
    """Whether a rule out of the stage has its timer at `at`. If not, sets the next due time. All rules were judged at `judged`, not after `at`."""
    stage = program.stages[customer.stage]
    try:
        if at > judged and due_after(stage, customer, at - 1) == at:
            return True
        customer.due_at = with_waiting(program, customer, due_after(stage, customer, at), at)
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(None), error) from error
    return False
