"""The results of a partition's touchpoints and timers, to be published and stored."""

from collections.abc import Sequence
from typing import Final, final

from etapa.journey.engine.deny_list import Denial
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.durations import Durations
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.ledger.tally import BatchTally


@final
class Work(Happened):
    """The results of touchpoints and timers since the last collection. `timers` counts those that touchpoints passed."""

    __slots__ = (
        *(
            "applied",
            "changed",
            "denied",
            "duplicates",
            "erased",
            "forgotten",
            "left",
            "requested",
            "requests",
            "timer_delays",
            "unpublished",
        ),
    )

    def __init__(self, at_once: int) -> None:
        super().__init__(at_once, BatchTally())
        self.released, self.outcomes, self.departures, self.failures = [], [], [], []
        self.unpublished: list[tuple[str, str]] = []
        """Unpublished moves: from which stage to which."""
        self.erased: dict[str, None] = {}
        """Customers who were forgotten and have not come again since; none of them is in `changed`."""
        self.left: list[str] = []
        """The stages that forgotten customers were in."""
        self.requested: dict[str, None] = {}
        """Customers whom somebody asked to forget, known or not."""
        self.denied: dict[bytes, Denial | None] = {}
        """What changed on the deny list; none: no longer on it."""
        self.requests = 0
        self.forgotten = 0
        """Touchpoints of forgotten customers, which changed nothing."""
        self.changed: dict[str, Customer] = {}
        """The customers to store, by id. They are live objects: encode them before feeding the partition again."""
        self.applied = 0
        self.duplicates = 0
        self.timer_delays: Final = Durations()
        """For each timer that stream time fired, how late it was: microseconds of stream time after its due time plus the journey's grace."""

    @property
    def timers_fired(self) -> int:
        """How many timers fired, for whatever reason."""
        return self.timers + len(self.timer_delays)

    def take_in(
        self,
        changes: list[StageChange],
        released: Sequence[Release],
        outcomes: Sequence[CampaignOutcome],
        failures: Sequence[EvaluationFailed],
    ) -> None:
        """Add what happened to a customer apart from this work. `released` counts the changes before it from the first of `changes`."""
        made = len(self.changes)
        for each in released:
            self.add_release(Release(each.customer_id, each.at, made + each.after, each.sequence, each.offer, each.persona))
        self.changes += changes
        for outcome in outcomes:
            self.add_outcome(outcome)
        for failure in failures:
            self.add_failure(failure)
