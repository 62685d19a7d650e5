"""The condition about the earliest matching touchpoint."""

from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Matching, value_definition
from etapa.journey.engine.accumulators.ever import Ask, keep
from etapa.journey.engine.accumulators.matching import compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.conditions.comparing import Comparing
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.first import First
from etapa.journey.language.matching.predicates import MISSING
from etapa.journey.language.model import Conversion, Match, Path


class FirstValue(Matching):
    """The value of the earliest matching touchpoint, by the time it occurred, then arrival. Entry: [time, value]."""

    __slots__ = ("asks", "compared", "value_of")

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None) -> None:
        super().__init__("first", match, *value_definition(path, conversion))
        self.value_of: Final = compile_value(path, conversion)
        self.compared: Final[list[Watch]] = []
        """One for each comparison of the value."""
        self.asks: Final[list[Ask]] = []
        """What is asked of the whole of it."""

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        value = self.value_of.of(touchpoint)
        for watch in self.compared:
            watch.look(value)
        entry = memory[self.place]
        if entry is None or touchpoint.at < entry[0]:
            memory[self.place] = [touchpoint.at, keep(value, self.asks, touchpoint.zone)]


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
