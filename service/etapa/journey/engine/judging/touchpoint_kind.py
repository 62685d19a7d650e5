"""What the journey makes of touchpoints of one type."""

from typing import Final, final

from etapa.journey.engine.accumulators.accumulator import Accumulator


@final
class TouchpointKind:
    """Touchpoints of one type, or of all those that the journey does not name."""

    __slots__ = ("accumulators", "place", "says_feeling")

    def __init__(self, place: int, accumulators: list[Accumulator], *, says_feeling: bool) -> None:
        self.place: Final = place
        """Its place among the kinds of the program."""
        self.accumulators: Final = accumulators
        """Those that take these touchpoints in."""
        self.says_feeling: Final = says_feeling
        """Whether they may say how the customer feels."""
