"""Compiles the conditions of a journey file, with the accumulators that they share."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from etapa.journey.engine.accumulators.kept_value import Ask
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.conditions.absence import compile_absent
from etapa.journey.engine.conditions.aggregates import compile_aggregate
from etapa.journey.engine.conditions.condition import AllHold, AnyHolds, CompiledLeaf, Condition, DoesNotHold
from etapa.journey.engine.conditions.consent import GivesConsent, consent_key
from etapa.journey.engine.conditions.count import compile_count
from etapa.journey.engine.conditions.event import EventHappens, compile_event
from etapa.journey.engine.conditions.first import compile_first
from etapa.journey.engine.conditions.in_stage import compile_in_stage
from etapa.journey.engine.conditions.local_time import compile_clock, compile_date
from etapa.journey.engine.conditions.pace import compile_own_pace
from etapa.journey.engine.conditions.score import compile_score
from etapa.journey.engine.conditions.sequence import compile_sequence
from etapa.journey.engine.conditions.spans import compile_days
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.conditions.trait import compile_trait
from etapa.journey.engine.queries.comparing import asks_of_whole
from etapa.journey.engine.queries.whereabouts import ZoneWatch
from etapa.journey.language import model
from etapa.journey.language.kinds.absence import Absent, OwnPace
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.clock import LocalClock
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.date import Date
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.logic import reads_dates
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.type_checks import type_check
from etapa.journey.localtime.zones import UTC

_LEAVES: Final[Mapping[type[model.Leaf], Callable[[Any, str, Surroundings], CompiledLeaf]]] = {
    Event: compile_event,
    Count: compile_count,
    Aggregate: compile_aggregate,
    Absent: compile_absent,
    InStage: compile_in_stage,
    Sequence: compile_sequence,
    Score: compile_score,
    Trait: compile_trait,
    First: compile_first,
    OwnPace: compile_own_pace,
    Date: compile_date,
    Days: compile_days,
    LocalClock: compile_clock,
}
"""For each kind of leaf, the function that compiles it, given its text and what it shares with others."""
_NO_TYPES: Final[frozenset[str]] = frozenset()


class Compiler:
    """Compiles the conditions of one journey. What they share grows with them."""

    def __init__(self, zone: model.CustomerZone) -> None:
        self.surroundings: Final = Surroundings(zone)
        self.subject = ""
        """The subject whose condition is being compiled: a rule's id, or `campaign` and a campaign's id."""
        self.watched: Final[list[tuple[str, str, list[Watch]]]] = []
        """For each leaf: its subject, its text, and the watches that count values it cannot use."""

    def condition_of(self, subject: str, condition: model.Condition) -> Condition:
        """Compile the condition of a rule (`subject` is its id) or of a campaign (`campaign` and its id)."""
        self.subject = subject
        return self.condition(condition)

    def watch_consent(self, consent: Trait) -> None:
        """Watch the values of the trait that consent depends on."""
        self.surroundings.watches = []
        self.surroundings.watch_trait(consent.name, type_check(consent.comparison))
        self.watched.append(("consent", consent.text(), self.surroundings.watches))
        if asks_of_whole(consent.comparison):
            self.surroundings.ask_of_trait(consent.name, Ask(consent_key(consent.comparison), GivesConsent(consent.comparison, UTC)))

    def watch_zone(self, zone: model.CustomerZone) -> None:
        """Watch the trait that names the customers' zone for what is no zone's name."""
        if zone.trait is not None:
            watch = ZoneWatch()
            self.surroundings.watches_of_traits.setdefault(zone.trait, []).append(watch)
            self.watched.append(("zone", f"trait({zone.trait})", [watch]))

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
                self.surroundings.watches, self.surroundings.used = [], []
                text = condition.text()
                leaf = _LEAVES[type(condition)](condition, text, self.surroundings)
                self.watched.append((self.subject, text, self.surroundings.watches))
                types = leaf.types if isinstance(leaf, EventHappens) else _NO_TYPES
                leaf.touched_by = types.union(*[accumulator.types for accumulator in self.surroundings.used])
                return leaf
