"""The condition on the earliest matching touchpoint."""

from typing import Any, Final

from etapa.journey.engine.accumulators.kept_value import FirstValue
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.comparing import Comparing
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.first import First
from etapa.journey.language.matching.predicates import MISSING


class FirstCompares(CompiledLeaf):
    """The value of the earliest matching touchpoint satisfies the comparison."""

    __slots__ = ("comparing", "key", "place")

    def __init__(self, text: str, first: FirstValue, comparing: Comparing) -> None:
        super().__init__(text)
        self.key: Final = first.key
        self.place: Final = first.place
        self.comparing: Final = comparing

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.comparing.of(customer).accepts(self._value(customer))

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self.comparing.shown(self._value(customer))

    def memory_key(self) -> str | None:
        return self.key

    def _value(self, customer: Customer) -> Any:
        entry = customer.memory[self.place]
        return MISSING if entry is None else entry[1]


def compile_first(written: First, text: str, surroundings: Surroundings) -> CompiledLeaf:
    first = surroundings.shared(FirstValue(written.path, written.match, written.comparison.conversion))
    surroundings.watch_values_of(first.compared, first.asks, written.comparison)
    return FirstCompares(text, first, Comparing(written.comparison, surroundings.whereabouts))
