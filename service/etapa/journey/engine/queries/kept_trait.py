"""What a program asks of a trait that customers keep."""

from typing import Any, Final, final

from etapa.journey.engine.accumulators.kept_value import Ask
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.queries.whereabouts import ZoneWatch

_MOST_SHARED: Final = 1_000
"""Texts of a trait that customers share."""


@final
class KeptTrait:
    """A trait that customers keep."""

    __slots__ = ("_booleans_suit", "_shared", "_texts_suit", "asks", "name", "watches")

    def __init__(self, name: str, asks: list[Ask], watches: list[Watch]) -> None:
        self.name: Final = name
        self.asks: Final = asks
        """What conditions ask of its whole value."""
        self.watches: Final = watches
        """What checks its values as they arrive."""
        # What suits a zone is a matter of the name, not of the type.
        by_kind = all(watch.check.conversion is None and not isinstance(watch, ZoneWatch) for watch in watches)
        self._texts_suit: Final = by_kind and not any(watch.check.misses("") for watch in watches)
        self._booleans_suit: Final = by_kind and not any(watch.check.misses(True) for watch in watches)
        self._shared: Final[dict[str, str]] = {}

    def suits_all(self, value: object) -> bool:
        """Whether the value is certainly of a type that all conditions can use."""
        if isinstance(value, bool):
            return self._booleans_suit
        return self._texts_suit and isinstance(value, str)

    def shared(self, value: Any) -> Any:
        """The value; of a text that others have, too, the object that they have."""
        if not isinstance(value, str):
            return value
        shared = self._shared.get(value)
        if shared is not None:
            return shared
        if len(self._shared) < _MOST_SHARED:
            self._shared[value] = value
        return value
