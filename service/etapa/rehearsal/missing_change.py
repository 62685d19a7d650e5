"""Why an expected change did not happen: where the customer was at that time, and what the rules that lead there saw."""

from dataclasses import dataclass

from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.duration import format_duration
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import ExpectedChange, Scenario
from etapa.rehearsal.replay import Replay
from etapa.rehearsal.scenarios import CUSTOMER, START, ScenarioOutcome, clauses_from_start, touchpoints_of


@dataclass(frozen=True, slots=True)
class Absence:
    """Why the customer did not move as expected."""

    expected: ExpectedChange
    reason: str
    """A sentence without the full stop."""
    rules: tuple[tuple[str, tuple[Clause, ...]], ...] = ()
    """The rules that would have led there, each with the conditions that did not hold."""


def first_absence(program: Program, outcome: ScenarioOutcome) -> Absence | None:
    """Why the first missing change did not happen; None when there is nothing to say beyond what happened instead.

    Only the first is explained: after it the customer is not where the test assumes.
    """
    row = next((row for row in outcome.rows if row.differs), None)
    if row is None or row.expected is None or outcome.run.failures:
        return None
    return _absence(program, outcome.scenario, row.expected, alone=row.actual is None)


def _absence(program: Program, scenario: Scenario, expected: ExpectedChange, *, alone: bool) -> Absence | None:
    """`alone`: nothing else is shown in its place."""
    last = max(given.at for given in scenario.given)
    if scenario.until is None and expected.at > last:
        until = format_duration(expected.at)
        return Absence(
            expected, f"no timer runs after the last touchpoint, at {format_duration(last)}, unless the test says `until: {until}`"
        )
    if expected.at > max(last, scenario.until or 0):
        return Absence(expected, f"the test ends before that, with its `until: {format_duration(scenario.until or 0)}`")
    replay = Replay(program)
    at_hand = None
    for touchpoint in touchpoints_of(scenario):
        if touchpoint.at > START + expected.at:
            break
        for touched in replay.take(touchpoint):
            if isinstance(touched, Rejected):
                return None
            at_hand = touchpoint if touchpoint.at == START + expected.at and not touched.duplicate else None
    for _ in replay.run_timers(START + expected.at, lambda _: None):
        pass
    customer = replay.customers.get(CUSTOMER)
    if customer is None:
        return Absence(expected, f"the first touchpoint comes later, at {format_duration(scenario.given[0].at)}")
    if customer.stage == expected.to:
        since = format_duration(customer.entered_at - START)
        return Absence(expected, f"the customer was in {customer.stage} by then, since {since}")
    has_just_come = customer.entered_at == START + expected.at
    if has_just_come and not alone:
        # Something else happened at that very time, and is shown beside the expected change.
        return None
    # After a move, rules are judged without the touchpoint.
    return _rules_that_did_not_hold(program, expected, customer, None if has_just_come and customer.sequence > 1 else at_hand)


def _rules_that_did_not_hold(program: Program, expected: ExpectedChange, customer: Customer, at_hand: Touchpoint | None) -> Absence | None:
    there = f"the customer was in {customer.stage}, since {format_duration(customer.entered_at - START)}"
    rules = [rule for rule in program.stages[customer.stage].rules if rule.to == expected.to]
    if not rules:
        return Absence(expected, f"{there}, and no rule leads from there to {expected.to}")
    now = START + expected.at
    found = [
        (rule.id, clauses_from_start(rule.condition.reasons(customer, now, at_hand, truth=False)))
        for rule in rules
        if not rule.condition.holds(customer, now, at_hand)
    ]
    return Absence(expected, there, tuple(found)) if len(found) == len(rules) else None
