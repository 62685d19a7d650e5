"""Outcomes of campaigns' goals, from the definitions alone: no running totals, and every touchpoint is examined again.

It shares no code with the engine and ignores cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model

Truth = Callable[[model.Condition, int, Touchpoint | None], bool]


@dataclass
class PursuedGoal:
    """An open goal of one customer."""

    campaign: str
    sequence: int
    at: int
    holdout: bool
    was_false: bool


@dataclass(frozen=True)
class ReferenceOutcome:
    campaign: str
    sequence: int
    holdout: bool
    met: bool
    at: int
    elapsed: int
    value: float | None


@dataclass
class GoalKeeper:
    """Receives everything that happens to one customer, in order."""

    journey: model.Journey
    true: Truth
    worth: Callable[[model.GoalValue, int, int], float]
    """The sum of what occurred after the first time, up to the second."""
    pursued: list[PursuedGoal] = field(default_factory=list)
    told: list[ReferenceOutcome] = field(default_factory=list)

    def goal_of(self, campaign: str) -> model.Goal | None:
        return next(each.goal for each in self.journey.campaigns if each.id == campaign)

    def triggered(self, campaign: str, sequence: int, at: int, *, holdout: bool) -> None:
        goal = self.goal_of(campaign)
        if goal is not None:
            was_false = goal.when is not None and not self.true(goal.when, at, None)
            self.pursued.append(PursuedGoal(campaign, sequence, at, holdout, was_false))

    def end_of(self, pursued: PursuedGoal) -> int:
        goal = self.goal_of(pursued.campaign)
        assert goal is not None
        return pursued.at + goal.within

    def condition_of(self, pursued: PursuedGoal) -> model.Condition | None:
        goal = self.goal_of(pursued.campaign)
        assert goal is not None
        return goal.when

    def time_out(self, now: int) -> bool:
        """Returns whether any goal ran out."""
        over = [each for each in self.pursued if self.end_of(each) == now]
        for each in over:
            self._close(each, now, met=False)
        return bool(over)

    def judge(self, now: int, touchpoint: Touchpoint | None, which: Callable[[PursuedGoal], bool]) -> bool:
        """Judge the conditions of `which` goals. Returns whether any was met."""
        met = []
        for each in self.pursued:
            condition = self.condition_of(each)
            if condition is None or not which(each):
                continue
            if touchpoint is not None and touchpoint.at <= each.at:
                each.was_false = not self.true(condition, now, None)
            elif not self.true(condition, now, touchpoint):
                each.was_false = True
            elif each.was_false:
                met.append(each)
        for each in met:
            self._close(each, now, met=True)
        return bool(met)

    def enter(self, stage: str, now: int) -> None:
        """The customer has made a stage change."""
        for each in list(self.pursued):
            goal = self.goal_of(each.campaign)
            assert goal is not None
            if goal.when is None:
                if stage in goal.enter:
                    self._close(each, now, met=True)
            elif self.true(goal.when, now, None):
                if each.was_false:
                    self._close(each, now, met=True)
            else:
                each.was_false = True

    def _close(self, pursued: PursuedGoal, at: int, *, met: bool) -> None:
        self.pursued.remove(pursued)
        goal = self.goal_of(pursued.campaign)
        assert goal is not None
        value = None if goal.value is None else self.worth(goal.value, pursued.at, at)
        self.told.append(ReferenceOutcome(pursued.campaign, pursued.sequence, pursued.holdout, met, at, at - pursued.at, value))
