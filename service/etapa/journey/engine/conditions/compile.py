"""From the conditions of a journey file to compiled ones, with the accumulators that they share."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from etapa.journey.engine.conditions.absence import compile_absent
from etapa.journey.engine.conditions.aggregates import compile_aggregate
from etapa.journey.engine.conditions.condition import AllHold, AnyHolds, CompiledLeaf, Condition, DoesNotHold
from etapa.journey.engine.conditions.count import compile_count
from etapa.journey.engine.conditions.event import compile_event
from etapa.journey.engine.conditions.first import compile_first
from etapa.journey.engine.conditions.in_stage import compile_in_stage
from etapa.journey.engine.conditions.local_time import compile_clock, compile_date
from etapa.journey.engine.conditions.pace import compile_own_pace
from etapa.journey.engine.conditions.score import compile_score
from etapa.journey.engine.conditions.sequence import compile_sequence
from etapa.journey.engine.conditions.spans import compile_days
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.conditions.trait import compile_trait
from etapa.journey.language import model
from etapa.journey.language.logic import reads_dates

_LEAVES: Final[Mapping[type[model.Leaf], Callable[[Any, str, Surroundings], CompiledLeaf]]] = {
    model.Event: compile_event,
    model.Count: compile_count,
    model.Aggregate: compile_aggregate,
    model.Absent: compile_absent,
    model.InStage: compile_in_stage,
    model.Sequence: compile_sequence,
    model.Score: compile_score,
    model.Trait: compile_trait,
    model.First: compile_first,
    model.OwnPace: compile_own_pace,
    model.Date: compile_date,
    model.Days: compile_days,
    model.LocalClock: compile_clock,
}
"""For each kind of leaf what compiles it, given its words and what it shares with others."""


class Compiler:
    """Compiles the conditions of one journey. What they share grows with them."""

    def __init__(self, zone: model.CustomerZone) -> None:
        self.surroundings: Final = Surroundings(zone)

    def condition(self, condition: model.Condition) -> Condition:
        match condition:
            case model.All(conditions):
                return AllHold(tuple(map(self.condition, conditions)))
            case model.AnyOf(conditions):
                return AnyHolds(tuple(map(self.condition, conditions)))
            case model.Not(negated):
                return DoesNotHold(self.condition(negated))
            case _:
                self.surroundings.asks_for_zone = self.surroundings.asks_for_zone or reads_dates(condition)
                return _LEAVES[type(condition)](condition, condition.text(), self.surroundings)
