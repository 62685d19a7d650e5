"""The condition on the touchpoint at hand."""

from typing import Final

from etapa.journey.engine.accumulators.matching import compile_where
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.model import ANY_TYPE, Match

_MOST_TOLD: Final = 256
"""With `*` there is no limit to the types that may come."""


class EventHappens(CompiledLeaf):
    """The touchpoint at hand matches. False without one."""

    __slots__ = ("_told", "any_type", "asked", "types", "where", "within")

    def __init__(self, text: str, match: Match, within: int | None = None) -> None:
        super().__init__(text)
        self.any_type: Final = ANY_TYPE in match.types
        self.types: Final = frozenset(match.types)
        self.asked: Final = match.where.entries
        self.where: Final = compile_where(match.where)
        self.within: Final = NEVER if within is None else within
        self._told: Final[dict[str, list[Clause]]] = {}
        """The reason that it is true, by type: always the same, for most stage changes."""

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        if touchpoint is None or not (self.any_type or touchpoint.type in self.types):
            return False
        if touchpoint.at <= now - self.within:
            return False
        return self.where is None or self.where.admits(touchpoint)

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return None if touchpoint is None else touchpoint.type

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        if not truth or touchpoint is None:
            return super().reasons(customer, now, touchpoint, truth)
        told = self._told.get(touchpoint.type)
        if told is None:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            told = self._told[touchpoint.type] = [Clause(self.text, touchpoint.type)]
        return told

    def possible(self, touchpoint_type: str | None) -> bool | None:
        if touchpoint_type is None or not (self.any_type or touchpoint_type in self.types):
            return False
        return True if self.where is None and self.within == NEVER else None


def compile_event(written: Event, text: str, surroundings: Surroundings) -> CompiledLeaf:
    event = EventHappens(text, written.match, written.within)
    surroundings.watches += [] if event.where is None else event.where.watches()
    return event
