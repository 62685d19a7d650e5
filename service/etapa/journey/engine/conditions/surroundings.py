"""What the compiled conditions of one journey share."""

from typing import Final, TypeVar

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.conditions.whereabouts import Whereabouts
from etapa.journey.language.model import CustomerZone

_Shared = TypeVar("_Shared", bound=Accumulator)


class Surroundings:
    """What the compiled conditions of one journey share: where customers are, and accumulators, each definition once.

    Accumulators take their places in order.
    """

    def __init__(self, zone: CustomerZone) -> None:
        self.whereabouts: Final = Whereabouts(zone)
        self.asks_for_zone = False
        """Whether something that is taken from a touchpoint hangs on where the customer is when it arrives."""
        self.by_key: Final[dict[str, Accumulator]] = {}

    def shared(self, accumulator: _Shared) -> _Shared:
        """`accumulator`, or the one of the same definition that is there already."""
        there = self.by_key.get(accumulator.key)
        if there is None:
            accumulator.place = len(self.by_key)
            self.by_key[accumulator.key] = accumulator
            return accumulator
        if type(there) is not type(accumulator):
            raise ValueError(f"two accumulators of the journey have the same key, {accumulator.key}")
        return there
