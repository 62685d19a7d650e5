"""What touchpoints say about how customers feel, as the journey's `map` defines it."""

from typing import Final

from etapa.journey.engine.accumulators.matching import compile_path
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.design.parts import Feeling
from etapa.journey.language.model import ANY_TYPE
from etapa.journey.ledger.tables import FEELING_UNITS


class CompiledFeeling:
    """Reads a number on the scale. Anything else, or a number off the scale, says nothing."""

    __slots__ = ("_highest", "_lowest", "_types", "_value")

    def __init__(self, feeling: Feeling) -> None:
        self._types: Final = None if ANY_TYPE in feeling.types else frozenset(feeling.types)
        self._value: Final = compile_path(feeling.path)
        self._lowest: Final = min(feeling.worst, feeling.best)
        self._highest: Final = max(feeling.worst, feeling.best)

    def of(self, touchpoint: Touchpoint) -> int | None:
        """The value in `FEELING_UNITS`; none if the touchpoint says nothing about it."""
        if self._types is not None and touchpoint.type not in self._types:
            return None
        value = self._value.of(touchpoint)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self._lowest <= value <= self._highest:
            return None
        return round(value * FEELING_UNITS)
