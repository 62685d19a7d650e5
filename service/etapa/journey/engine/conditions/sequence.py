"""The condition on steps in order."""

from typing import Final

from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.sequence import Sequence


class StepsTaken(CompiledLeaf):
    """Touchpoints match the steps of a sequence, in order and all within the window."""

    __slots__ = ("sequence",)

    def __init__(self, text: str, sequence: OrderedSteps) -> None:
        super().__init__(text)
        self.sequence: Final = sequence

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.sequence.began(customer.memory) > now - self.sequence.within

    def until(self, customer: Customer, now: int) -> int:
        at = self.sequence.began(customer.memory) + self.sequence.within
        return at if at > now else NEVER

    def memory_key(self) -> str | None:
        return self.sequence.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        """How many of the steps have been taken in order within the window."""
        entry = customer.memory[self.sequence.place]
        gone = now - self.sequence.within
        return 0 if entry is None else sum(begun > gone for begun in entry[0])

    def exact(self, customer: Customer, now: int) -> bool:
        return self.sequence.is_exact(customer.memory, now)

    def changes_by_time(self) -> tuple[bool, bool]:
        return False, True


def compile_sequence(written: Sequence, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return StepsTaken(text, surroundings.shared(OrderedSteps(written.steps, written.within)))
