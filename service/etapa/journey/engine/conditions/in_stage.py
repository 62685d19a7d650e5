"""The condition on the time in the stage."""

from typing import Final

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER, ratio
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.units import SECOND


class InStageFor(CompiledLeaf):
    """In the stage for a duration."""

    __slots__ = ("duration",)

    def __init__(self, text: str, duration: int) -> None:
        super().__init__(text)
        self.duration: Final = duration

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= customer.entered_at + self.duration

    def until(self, customer: Customer, now: int) -> int:
        at = customer.entered_at + self.duration
        return at if at > now else NEVER

    def rises(self, customer: Customer, now: int) -> int:
        return customer.entered_at + self.duration

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return ratio(now - customer.entered_at, SECOND)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False


def compile_in_stage(written: InStage, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return InStageFor(text, written.duration)
