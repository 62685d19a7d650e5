"""From the conditions of a journey file to compiled ones, with the accumulators that they share."""

from typing import TypeVar

from etapa.journey.engine.accumulator import Accumulator
from etapa.journey.engine.aggregates import AggregateCompares, LastCompares, WindowCompares
from etapa.journey.engine.conditions import AllHold, AnyHolds, Condition, DoesNotHold
from etapa.journey.engine.distinct import DistinctEver, DistinctWindow
from etapa.journey.engine.leaves import (
    CountCompares,
    DistinctCompares,
    EventHappens,
    InStageFor,
    NothingFor,
    ScoreCompares,
    StepsTaken,
    TotalCompares,
    TraitCompares,
)
from etapa.journey.engine.memory import LastValue, Latest, Score, Total, Values
from etapa.journey.engine.ordered import OrderedSteps
from etapa.journey.engine.window import CountWindow, ValueWindow
from etapa.journey.language import model
from etapa.journey.language.describe import describe

_Shared = TypeVar("_Shared", bound=Accumulator)


class Compiler:
    """Compiles the conditions of one journey. `accumulators` grows with them: by key, each definition once."""

    def __init__(self) -> None:
        self.accumulators: dict[str, Accumulator] = {}

    def condition(self, condition: model.Condition) -> Condition:
        match condition:
            case model.All(conditions):
                return AllHold(tuple(map(self.condition, conditions)))
            case model.AnyOf(conditions):
                return AnyHolds(tuple(map(self.condition, conditions)))
            case model.Not(negated):
                return DoesNotHold(self.condition(negated))
            case model.Aggregate():
                return self._aggregate(condition)
            case _:
                return self._leaf(condition)

    def _leaf(
        self, leaf: model.Event | model.Count | model.Absent | model.InStage | model.Sequence | model.Score | model.Trait
    ) -> Condition:
        text = describe(leaf)
        match leaf:
            case model.Event(match):
                return EventHappens(text, match)
            case model.Count(match, None, comparison):
                return TotalCompares(text, self._shared(Total(match)), comparison)
            case model.Count(match, int(within), comparison):
                return CountCompares(text, self._shared(CountWindow(match, within)), comparison)
            case model.Absent(match, duration):
                return NothingFor(text, self._shared(Latest(match)), duration)
            case model.InStage(duration):
                return InStageFor(text, duration)
            case model.Sequence(steps, within):
                return StepsTaken(text, self._shared(OrderedSteps(steps, within)))
            case model.Score(points, half_life, comparison):
                return ScoreCompares(text, self._shared(Score(points, half_life)), comparison)
            case model.Trait(name, comparison):
                return TraitCompares(text, name, comparison)
        raise TypeError(f"no condition: {leaf!r}")

    def _aggregate(self, aggregate: model.Aggregate) -> Condition:
        text = describe(aggregate)
        path, match, within, comparison = aggregate.path, aggregate.match, aggregate.within, aggregate.comparison
        match aggregate.kind:
            case "distinct":
                values = DistinctEver(path, match) if within is None else DistinctWindow(path, match, within)
                return DistinctCompares(text, self._shared(values), comparison)
            case "last":
                # However long the window is, the same latest value is asked for.
                return LastCompares(text, self._shared(LastValue(path, match)), within, comparison)
            case kind if within is None:
                return AggregateCompares(text, kind, self._shared(Values(path, match)), comparison)
            case kind:
                return WindowCompares(text, kind, self._shared(ValueWindow(path, match, within)), comparison)

    def _shared(self, accumulator: _Shared) -> _Shared:
        """`accumulator`, or the one of the same definition that is there already."""
        there = self.accumulators.get(accumulator.key)
        if there is None:
            accumulator.place = len(self.accumulators)
            self.accumulators[accumulator.key] = accumulator
            return accumulator
        if type(there) is not type(accumulator):
            raise ValueError(f"two accumulators of the journey have the same key, {accumulator.key}")
        return there
