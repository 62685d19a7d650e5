"""The condition on the time in the stage."""

from typing import Final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER, ratio
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.units import SECOND


class InStageFor(CompiledLeaf):
    """In the stage for a duration."""

    __slots__ = ("_on_time", "duration")

    def __init__(self, text: str, duration: int) -> None:
        super().__init__(text)
        self.duration: Final = duration
        self._on_time: Final = [Clause(text, ratio(duration, SECOND))]
        """Its reasons when a timer fires just as it becomes true, which stage changes share."""

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= customer.entered_at + self.duration

    def until(self, customer: Customer, now: int) -> int:
        at = customer.entered_at + self.duration
        return at if at > now else NEVER

    def rises(self, customer: Customer, now: int) -> int:
        return customer.entered_at + self.duration

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return ratio(now - customer.entered_at, SECOND)

    def reasons(self, customer: Customer, now: int, touchpoint: Touchpoint | None, truth: bool) -> list[Clause]:  # noqa: FBT001
        if now - customer.entered_at == self.duration:
            return self._on_time
        return super().reasons(customer, now, touchpoint, truth)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False


def compile_in_stage(written: InStage, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return InStageFor(text, written.duration)
