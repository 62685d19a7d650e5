"""What came of a partition's touchpoints and timers, to be published and stored."""

from typing import final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.outcomes import Happened
from etapa.journey.ledger.tally import BatchTally


@final
class Work(Happened):
    """What came of the touchpoints and timers since the last collection. `timers`: those that touchpoints passed."""

    __slots__ = ("applied", "changed", "duplicates", "timer_delays", "unpublished")

    def __init__(self, at_once: int) -> None:
        super().__init__(at_once, BatchTally())
        self.released, self.failures = [], []
        self.unpublished: list[tuple[str, str]] = []
        """Moves that are not published: from which stage to which."""
        self.changed: dict[str, Customer] = {}
        """The customers to be stored, by id. They are live: encode them before the partition is fed again."""
        self.applied = 0
        self.duplicates = 0
        self.timer_delays: list[float] = []
        """For each timer that stream time made fire, how long after its due time and the journey's grace, in seconds of stream time."""

    @property
    def timers_fired(self) -> int:
        """All timers that struck, whatever made them."""
        return self.timers + len(self.timer_delays)
