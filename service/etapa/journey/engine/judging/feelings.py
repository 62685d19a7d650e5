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

    def is_said_by(self, touchpoint_type: str) -> bool:
        """Whether touchpoints of that type may say something about it."""
        return self._types is None or touchpoint_type in self._types

    def of(self, touchpoint: Touchpoint) -> int | None:
        """The value in `FEELING_UNITS`, for a touchpoint of such a type; none if it says nothing about it."""
        value = self._value.of(touchpoint)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self._lowest <= value <= self._highest:
            return None
        if isinstance(value, int):
            return value * FEELING_UNITS
        # Nearly always whole, which is known without a call.
        units: float = value * FEELING_UNITS
        whole = int(units)
        return whole if whole == units else round(units)
