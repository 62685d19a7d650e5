"""What the compiled conditions of one journey share."""

from typing import Final, TypeVar

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.accumulators.kept_value import Ask
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.queries.comparing import ask_key, asks_of_whole
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.matching.type_checks import TypeCheck, type_check
from etapa.journey.language.model import Comparison, CustomerZone

_Shared = TypeVar("_Shared", bound=Accumulator)


class Surroundings:
    """What the compiled conditions of one journey share: where customers are, and accumulators, each definition once.

    Accumulators take their places in order.
    """

    def __init__(self, zone: CustomerZone) -> None:
        self.whereabouts: Final = Whereabouts(zone)
        self.asks_for_zone = False
        """Whether anything taken from a touchpoint depends on where the customer is when it arrives."""
        self.by_key: Final[dict[str, Accumulator]] = {}
        self.used: list[Accumulator] = []
        """The accumulators that the current condition uses."""
        self.watches: list[Watch] = []
        """Watches that count values which the current condition cannot use."""
        self.asks_of_traits: Final[dict[str, list[Ask]]] = {}
        """What conditions ask of the whole value of a trait, by trait."""
        self.watches_of_traits: Final[dict[str, list[Watch]]] = {}
        """By trait, for the traits that conditions compare."""

    def shared(self, accumulator: _Shared) -> _Shared:
        """`accumulator`, or an existing one with the same definition."""
        there = self.by_key.get(accumulator.key)
        if there is None:
            accumulator.place = len(self.by_key)
            self.by_key[accumulator.key] = accumulator
            self.used.append(accumulator)
            self.watches += accumulator.watches()
            return accumulator
        self.used.append(there)
        self.watches += there.watches()
        if type(there) is not type(accumulator):
            raise ValueError(f"two accumulators of the journey have the same key, {accumulator.key}")
        return there

    def ask_of_trait(self, name: str, ask: Ask) -> None:
        """Keep the answer to `ask` if only a part of the trait's value is kept."""
        self.asks_of_traits.setdefault(name, []).append(ask)

    def watch_values_of(self, lookers: list[Watch], asks: list[Ask], comparison: Comparison) -> None:
        """Watch the values that `comparison` compares. Values that are converted are watched by their conversion."""
        if asks_of_whole(comparison):
            asks.append(Ask(ask_key(comparison), compile_comparison(comparison)))
        if comparison.conversion is None:
            watch = Watch(type_check(comparison))
            lookers.append(watch)
            self.watches.append(watch)

    def watch_trait(self, name: str, check: TypeCheck) -> None:
        """Watch the values of a trait as they arrive."""
        watch = Watch(check)
        self.watches_of_traits.setdefault(name, []).append(watch)
        self.watches.append(watch)
