"""What the journey makes of touchpoints of one type."""

from typing import Final, final

from etapa.journey.engine.accumulators.accumulator import Accumulator, Windowed
from etapa.journey.engine.accumulators.distinct import DistinctWindow
from etapa.journey.engine.accumulators.ever import Latest
from etapa.journey.engine.accumulators.keys import KeysInWindow
from etapa.journey.engine.accumulators.ordered import OrderedSteps


@final
class TouchpointKind:
    """Touchpoints of one type, or of all those that the journey does not name."""

    __slots__ = ("accumulators", "latest_at", "others", "place", "sampled_at", "says_feeling", "shortest_window")

    def __init__(self, place: int, accumulators: list[Accumulator], *, says_feeling: bool) -> None:
        self.place: Final = place
        """Its place among the kinds of the program."""
        self.accumulators: Final = accumulators
        """Those that take these touchpoints in: the next two together."""
        self.latest_at: Final = [each.place for each in accumulators if isinstance(each, Latest) and each.where is None]
        """The places in a customer's memory where the time of the latest such touchpoint is kept, whatever is in it."""
        self.others: Final = [each for each in accumulators if each.place not in self.latest_at]
        """All that need more than the touchpoint's time."""
        self.shortest_window: Final = min([each.within for each in accumulators if isinstance(each, Windowed | OrderedSteps)], default=0)
        """The shortest time after which one of them may have forgotten such a touchpoint; 0 if none of them ever does."""
        self.sampled_at: Final = [each.place for each in accumulators if isinstance(each, DistinctWindow | KeysInWindow)]
        """The places of windows that keep only a sample once there is too much, for which even the latest may be left out."""
        self.says_feeling: Final = says_feeling
        """Whether they may say how the customer feels."""
