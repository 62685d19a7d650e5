"""The results of judging customers, and the error when that fails."""

from collections.abc import Sequence
from typing import Final, final

from etapa.errors import EtapaError
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.course import Departure
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.ledger.tally import BatchTally


class EvaluationFailed(EtapaError):
    """Judging a customer raised an error, because of a bug or a value beyond the range of arithmetic. The cause is that error.

    The message goes into logs and dead letters, so it says nothing about the customer: neither the id nor the message of
    the cause, which may quote values.
    """

    def __init__(self, customer_id: str, doing: str, error: Exception) -> None:
        super().__init__(f"{doing}: {type(error).__name__}")
        self.customer_id = customer_id
        self.doing = doing
        """Such as `rule 'loyal-by-frequency'`."""


ALL_AT_ONCE: Final = 2**60
"""No limit on the timers that may fire before the caller gets a turn."""


_NO_RELEASES: Final[Sequence[Release]] = ()
_NO_OUTCOMES: Final[Sequence[CampaignOutcome]] = ()
_NO_DEPARTURES: Final[Sequence[Departure]] = ()
_NO_FAILURES: Final[Sequence[EvaluationFailed]] = ()


class Happened:
    """What happened to customers, in order. Grows with every touchpoint and timer."""

    __slots__ = ("at_once", "changes", "cut", "departures", "failures", "fired", "outcomes", "released", "tally", "timers")

    def __init__(self, at_once: int = ALL_AT_ONCE, tally: BatchTally | None = None) -> None:
        self.tally: Final = tally
        """Where applied touchpoints are counted; none: nowhere."""
        self.at_once: Final = at_once
        """Once `fired` reaches this, the caller gets a turn and must call again for the rest."""
        self.fired = 0
        """How much timers did so far: the stage changes they made, plus the timers that made none."""
        self.cut = False
        """Whether the touchpoint is still to be processed, because the timers before it filled a portion."""
        self.changes: list[StageChange] = []
        # Few touchpoints need these lists, so they are not created up front.
        self.released: Sequence[Release] = _NO_RELEASES
        """The outcomes of triggers that had been held."""
        self.outcomes: Sequence[CampaignOutcome] = _NO_OUTCOMES
        """The outcomes of campaign goals."""
        self.failures: Sequence[EvaluationFailed] = _NO_FAILURES
        """Timers that were dropped because judging them raised."""
        self.departures: Sequence[Departure] = _NO_DEPARTURES
        """Customers who are no longer counted, or no longer as they were."""
        self.timers = 0
        """How many timers fired because a touchpoint, or a request to reclassify, passed them."""

    def add_release(self, release: Release) -> None:
        if isinstance(self.released, list):
            self.released.append(release)
        else:
            self.released = [release]

    def add_outcome(self, outcome: CampaignOutcome) -> None:
        if isinstance(self.outcomes, list):
            self.outcomes.append(outcome)
        else:
            self.outcomes = [outcome]

    def keep_outcomes(self, number: int) -> None:
        """Forget all outcomes but the first `number`."""
        if len(self.outcomes) > number:
            self.outcomes = list(self.outcomes[:number])

    def add_departure(self, departure: Departure) -> None:
        if isinstance(self.departures, list):
            self.departures.append(departure)
        else:
            self.departures = [departure]

    def add_failure(self, failure: EvaluationFailed) -> None:
        if isinstance(self.failures, list):
            self.failures.append(failure)
        else:
            self.failures = [failure]


@final
class Touched:
    """What a touchpoint, or a request to reclassify, did."""

    __slots__ = ("changes", "customer", "cut", "duplicate", "failures", "outcomes", "released", "timers")

    def __init__(self, customer: Customer, happened: Happened, *, duplicate: bool = False) -> None:
        self.customer: Final = customer
        self.changes: Final = happened.changes
        """In order: those of the timers that fired before the touchpoint, then its own."""
        self.released: Final = happened.released
        """The outcomes of triggers that had been held, in order."""
        self.outcomes: Final = happened.outcomes
        """The outcomes of campaign goals, in order."""
        self.cut: Final = happened.cut
        """Only a portion of the timers has fired; the rest, and the touchpoint itself, are still to come."""
        self.duplicate: Final = duplicate
        self.timers: Final = happened.timers
        """How many timers fired before the touchpoint."""
        self.failures: Final = happened.failures
        """Timers that were dropped because judging them raised."""
