"""What the journey makes of touchpoints of one type."""

from typing import Final, final

from etapa.journey.engine.accumulators.accumulator import Accumulator
from etapa.journey.engine.accumulators.ever import Latest


@final
class TouchpointKind:
    """Touchpoints of one type, or of all those that the journey does not name."""

    __slots__ = ("accumulators", "latest_at", "others", "place", "says_feeling")

    def __init__(self, place: int, accumulators: list[Accumulator], *, says_feeling: bool) -> None:
        self.place: Final = place
        """Its place among the kinds of the program."""
        self.accumulators: Final = accumulators
        """Those that take these touchpoints in: the next two together."""
        self.latest_at: Final = [each.place for each in accumulators if isinstance(each, Latest) and each.where is None]
        """The places in a customer's memory where the time of the latest such touchpoint is kept, whatever is in it."""
        self.others: Final = [each for each in accumulators if each.place not in self.latest_at]
        """All that need more than the touchpoint's time."""
        self.says_feeling: Final = says_feeling
        """Whether they may say how the customer feels."""
