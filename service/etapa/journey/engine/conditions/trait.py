"""The condition on a trait."""

from typing import Final

from etapa.journey.engine.accumulators.kept_value import Ask, lacks_answer
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.beginnings import trait_key
from etapa.journey.engine.queries.comparing import answered, ask_key, asks_of_whole, date_text
from etapa.journey.engine.queries.scalars import scalar_text
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.predicates import MISSING, compile_comparison, needs_zone, texts_of
from etapa.journey.language.matching.type_checks import type_check
from etapa.journey.language.model import Comparison, Conversion
from etapa.journey.localtime.zones import UTC


class TraitCompares(CompiledLeaf):
    """The customer's trait satisfies the comparison."""

    __slots__ = ("compare", "conversion", "key", "name", "texts", "whereabouts")

    def __init__(self, text: str, name: str, comparison: Comparison, whereabouts: Whereabouts) -> None:
        super().__init__(text)
        self.name: Final = name
        self.compare: Final = answered(comparison, compile_comparison(comparison))
        self.texts: Final = texts_of(comparison)
        """If the trait is none of these texts, it is false. None if other values may do."""
        self.key: Final = ask_key(comparison)
        self.conversion: Final[Conversion | None] = comparison.conversion
        self.whereabouts: Final = whereabouts if needs_zone(comparison) else None

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        compare = self.compare if self.whereabouts is None else self.compare.in_zone(self.whereabouts.of(customer))
        return compare.accepts(customer.trait(self.name, MISSING))

    def is_met_by(self, text: str) -> bool:
        """Whether it certainly holds as long as the trait is kept as this text."""
        return self.whereabouts is None and self.compare.accepts(text)

    def exact(self, customer: Customer, now: int) -> bool:
        return not lacks_answer(customer.trait(self.name, None), self.key)

    def memory_key(self) -> str | None:
        return trait_key(self.name)

    def told_at(self, customer: Customer) -> int | None:
        return customer.trait_told_at(self.name)

    def traits(self) -> tuple[str, ...]:
        return (self.name,) if self.whereabouts is None else (self.name, *self.whereabouts.traits())

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        """The converted value, or the original if it cannot be converted."""
        told = customer.trait(self.name, MISSING)
        if told is MISSING:
            return None
        if self.conversion is None:
            return scalar_text(told)
        value = converted(told, self.conversion, UTC if self.whereabouts is None else self.whereabouts.of(customer))
        if value is MISSING:
            return scalar_text(told)
        return date_text(value) if self.conversion == "date" else scalar_text(value)


def compile_trait(written: Trait, text: str, surroundings: Surroundings) -> CompiledLeaf:
    surroundings.watch_trait(written.name, type_check(written.comparison))
    if asks_of_whole(written.comparison):
        surroundings.ask_of_trait(written.name, Ask(ask_key(written.comparison), compile_comparison(written.comparison)))
    return TraitCompares(text, written.name, written.comparison, surroundings.whereabouts)
