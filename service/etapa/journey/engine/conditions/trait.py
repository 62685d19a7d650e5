"""The condition about a trait."""

from typing import Final

from etapa.journey.engine.conditions.beginnings import trait_key
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.scalars import scalar_text
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.predicates import MISSING, compile_comparison
from etapa.journey.language.model import Comparison


class TraitCompares(CompiledLeaf):
    """The customer's trait satisfies the comparison."""

    __slots__ = ("compare", "name")

    def __init__(self, text: str, name: str, comparison: Comparison) -> None:
        super().__init__(text)
        self.name: Final = name
        self.compare: Final = compile_comparison(comparison)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.traits.get(self.name)
        return self.compare.accepts(MISSING if entry is None else entry[1])

    def memory_key(self) -> str | None:
        return trait_key(self.name)

    def told_at(self, customer: Customer) -> int | None:
        entry = customer.traits.get(self.name)
        return None if entry is None else entry[0]

    def traits(self) -> tuple[str, ...]:
        return (self.name,)

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.traits.get(self.name)
        return None if entry is None else scalar_text(entry[1])


def compile_trait(written: model.Trait, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return TraitCompares(text, written.name, written.comparison)
