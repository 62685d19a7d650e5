"""Campaign goals: each published trigger opens one, which is met, or missed when its time runs out.

Details that the journey file's page leaves open:

- Every trigger opens its own goal, so a customer may have several goals of one campaign, and one change may meet them all.
- Entering a stage meets a goal whatever the cause of the move: a touchpoint, time, or a new version of the journey.
- A condition is judged when the goal opens, with each touchpoint once it is remembered, after each stage change, and whenever time
  alone changes one of its parts. It meets the goal if it holds and was found not to hold at some time since the opening.
- After a touchpoint dated at or before the trigger, the condition is judged as at the opening: if it holds then, it held already.
- The time at which a goal runs out is fixed when it opens. What meets it, and what it is worth, follows the current file; a new
  version of the journey judges the condition as at the opening. The sum so far is kept.
- A goal whose campaign, or whose campaign's goal, was removed ends without an outcome when its time runs out.
- A state keeps `MOST_OPEN` open goals. A trigger beyond that is published but opens no goal, in both groups alike.
- A timer that cannot judge a condition drops the goal, without an outcome.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from etapa.journey.engine.accumulators.ever import Values, exact_sum, number_or_none, with_partial
from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.facts.changes import CampaignOutcome, Trigger
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.outreach import OpenGoal, Outreach
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.language.model import ANY_TYPE, Goal

MOST_OPEN: Final = 256
"""Most goals that may be open for one customer."""

_LARGEST: Final = 1.7976931348623157e308
"""The largest finite double."""


class CompiledGoal:
    """A campaign's compiled goal."""

    __slots__ = ("_leaves", "_stages", "condition", "value", "within")

    def __init__(self, goal: Goal, condition: Condition | None) -> None:
        self.within: Final = goal.within
        self.condition: Final = condition
        """None for a goal that stages meet."""
        self.value: Final = None if goal.value is None else _adding(goal)
        self._stages: Final = frozenset(goal.enter)
        self._leaves: Final = [] if condition is None else condition.leaves()

    def is_met_in(self, stage: str) -> bool:
        return stage in self._stages

    def open(self, customer: Customer, trigger: Trigger, persona: str | None, *, enrolled: bool) -> OpenGoal:
        """The goal that a trigger opens, of a customer of this persona. `enrolled`: it is the customer's first of the campaign."""
        at = trigger.at
        armed = self.condition is not None and not self.condition.holds(customer, at, None)
        return OpenGoal(
            campaign=trigger.campaign,
            sequence=trigger.sequence,
            at=at,
            ends=at + self.within,
            holdout=trigger.holdout,
            armed=armed,
            enrolled=enrolled,
            persona=persona,
            under=trigger.under,
        )

    def turns_after(self, customer: Customer, now: int, *, armed: bool) -> int:
        """When its condition must next be judged if nothing happens."""
        condition = self.condition
        if condition is None:
            return NEVER
        if condition.holds(customer, now, None) is not armed:
            return condition.rises(customer, now) if armed else condition.falls(customer, now)
        # The condition held because of an `event` at hand, so any change counts.
        at = NEVER
        for leaf in self._leaves:
            at = min(at, leaf.until(customer, now))
        return at

    def added(self, held: OpenGoal, touchpoint: Touchpoint) -> OpenGoal:
        """`held` with the value that the touchpoint, which came after the trigger, adds."""
        values = self.value
        if values is None or not (touchpoint.type in values.types or ANY_TYPE in values.types) or not values.takes(touchpoint):
            return held
        partials: list[float] = list(held.total)
        for found in values.value_of.every(touchpoint):
            number = number_or_none(found)
            if number is None:
                values.watch.see_no_number(found, values.value_of, touchpoint)
            else:
                partials = with_partial(partials or [0.0], float(number))
        return replace(held, total=tuple(partials))

    def outcome(self, held: OpenGoal, customer: Customer, at: int, *, met: bool) -> CampaignOutcome:
        value: float | None = None
        if self.value is not None:
            value = _finite(exact_sum(list(held.total))) if held.total else 0.0
        return CampaignOutcome(
            campaign=held.campaign,
            customer_id=customer.id,
            sequence=held.sequence,
            holdout=held.holdout,
            met=met,
            at=at,
            elapsed=at - held.at,
            value=value,
            enrolled=held.enrolled,
            persona=held.persona,
            under=held.under,
        )


class Goals:
    """The goals of a journey's campaigns."""

    __slots__ = ("_by_campaign", "asks")

    def __init__(self, by_campaign: Mapping[str, CompiledGoal]) -> None:
        self._by_campaign: Final = dict(by_campaign)
        self.asks: Final = any(goal.condition is not None or goal.value is not None for goal in by_campaign.values())
        """Whether touchpoints can affect them, not only stages."""

    def see(self, customer: Customer, touchpoint: Touchpoint, now: int, happened: Happened) -> None:
        """Judge the goals after a touchpoint has been remembered."""
        if customer.outreach is None or not customer.outreach.goals:
            return
        goals = customer.outreach.goals
        left: list[OpenGoal] = []
        for held in goals:
            goal = self._by_campaign.get(held.campaign)
            if goal is None:
                left.append(held)
            elif touchpoint.at <= held.at:
                left.append(_judged_again(goal, held, customer, now))
            else:
                after = goal.added(held, touchpoint)
                _judge(goal, after, customer, now, touchpoint, left, happened)
        _keep(customer, left, goals)

    def follow(self, customer: Customer, now: int, happened: Happened) -> None:
        """Judge the goals after the customer has entered its stage."""
        if customer.outreach is None or not customer.outreach.goals:
            return
        goals = customer.outreach.goals
        left: list[OpenGoal] = []
        for held in goals:
            goal = self._by_campaign.get(held.campaign)
            if goal is None:
                left.append(held)
            elif goal.condition is not None:
                _judge(goal, held, customer, now, None, left, happened)
            elif goal.is_met_in(customer.stage) and now < held.ends:
                happened.add_outcome(goal.outcome(held, customer, now, met=True))
            else:
                left.append(held)
        _keep(customer, left, goals)

    def fire(self, customer: Customer, at: int, happened: Happened) -> None:
        """At `at`, first let goals run out, then meet those whose condition time has made true. The customer's clock moves along."""
        if customer.outreach is None or not customer.outreach.goals:
            return
        goals = customer.outreach.goals
        over = [held for held in goals if held.ends <= at]
        if len(over) > 1:
            over.sort(key=_end_of)
        for held in over:
            goal = self._by_campaign.get(held.campaign)
            if goal is not None:
                happened.add_outcome(goal.outcome(held, customer, held.ends, met=False))
                if held.ends > customer.clock:
                    customer.clock = held.ends
        left: list[OpenGoal] = []
        for held in goals:
            if held.ends <= at:
                continue
            goal = self._by_campaign.get(held.campaign)
            if goal is None or goal.condition is None:
                left.append(held)
                continue
            made = len(happened.outcomes)
            try:
                if goal.turns_after(customer, at - 1, armed=held.armed) <= at:
                    _judge(goal, held, customer, at, None, left, happened)
                else:
                    left.append(held)
            except Exception as error:  # noqa: BLE001 - as a timer that cannot be judged
                failure = EvaluationFailed(customer.id, f"the goal of {held.campaign!r}", error)
                failure.__cause__ = error
                happened.add_failure(failure)
            if len(happened.outcomes) > made and at > customer.clock:
                customer.clock = at
        _keep(customer, left, goals)

    def judge_again(self, customer: Customer, now: int) -> None:
        """Judge all conditions as at the opening, because the journey has changed or something was not seen."""
        if customer.outreach is None or not customer.outreach.goals:
            return
        goals = customer.outreach.goals
        judged: list[OpenGoal] = []
        for held in goals:
            goal = self._by_campaign.get(held.campaign)
            judged.append(held if goal is None else _judged_again(goal, held, customer, now))
        _keep(customer, judged, goals)

    def next_after(self, customer: Customer, now: int) -> int:
        """When time alone next affects the customer's goals; `NEVER` if there are none."""
        if customer.outreach is None:
            return NEVER
        first = NEVER
        for held in customer.outreach.goals:
            first = min(first, held.ends)
            goal = self._by_campaign.get(held.campaign)
            if goal is not None and goal.condition is not None:
                first = min(first, goal.turns_after(customer, now, armed=held.armed))
        return first


def open_goals(customer: Customer) -> Sequence[OpenGoal]:
    """The customer's open goals, in the order in which they were opened."""
    return () if customer.outreach is None else customer.outreach.goals


def _judge(
    goal: CompiledGoal,
    held: OpenGoal,
    customer: Customer,
    now: int,
    touchpoint: Touchpoint | None,
    left: list[OpenGoal],
    happened: Happened,
) -> None:
    """Add an outcome if the condition meets the goal at `now`; otherwise add the goal to `left`."""
    condition = goal.condition
    if condition is None:
        left.append(held)
    elif not condition.holds(customer, now, touchpoint):
        left.append(held if held.armed else replace(held, armed=True))
    elif held.armed and now < held.ends:
        happened.add_outcome(goal.outcome(held, customer, now, met=True))
    else:
        left.append(held)


def _judged_again(goal: CompiledGoal, held: OpenGoal, customer: Customer, now: int) -> OpenGoal:
    armed = goal.condition is not None and not goal.condition.holds(customer, now, None)
    return held if armed is held.armed else replace(held, armed=armed)


def _are_the_same(left: Sequence[OpenGoal], goals: Sequence[OpenGoal]) -> bool:
    if len(left) != len(goals):
        return False
    for place, held in enumerate(goals):  # noqa: SIM110 - a generator would double the cost
        if left[place] is not held:
            return False
    return True


def _keep(customer: Customer, left: list[OpenGoal], goals: Sequence[OpenGoal]) -> None:
    """Let the customer, whose goals were `goals`, have those that are left."""
    outreach = customer.outreach
    if outreach is not None and not _are_the_same(left, goals):
        customer.outreach = seeking(outreach, tuple(left))


def seeking(outreach: Outreach, goals: tuple[OpenGoal, ...]) -> Outreach:
    """`outreach` with these open goals. Not a method of it, because classes of msgspec are not compiled."""
    return Outreach(outreach.last, outreach.times, outreach.held, goals, outreach.groups)


def _adding(goal: Goal) -> Values | None:
    value = goal.value
    return None if value is None else Values(value.path, value.match, value.conversion, value.weights)


def _finite(total: float) -> float:
    """`total`, limited to the finite numbers."""
    return max(-_LARGEST, min(_LARGEST, total))


def _end_of(held: OpenGoal) -> int:
    return held.ends
