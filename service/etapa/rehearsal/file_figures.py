"""The ledger of a file: what a worker's ledger would hold if it had processed the file's touchpoints."""

from typing import Final

from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.figures import count_changes, count_ends, count_releases
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.tally import BatchTally
from etapa.rehearsal.identities import Gone

BATCH: Final = 10_000
"""How many touchpoints are counted before they are entered into the ledger."""


class FileFigures:
    """Filled while a file is replayed; complete once `close` has been called."""

    def __init__(self) -> None:
        self.ledger: Final = JourneyLedger()
        self.tally: Final = BatchTally()
        """Counts touchpoints as they are applied."""
        self._reached: int | None = None
        self._seen = 0

    def see(self, touchpoint: Touchpoint, wall: int | None) -> None:
        """Advance time to the touchpoint's, but never past the wall clock."""
        at = touchpoint.at if wall is None else min(touchpoint.at, wall)
        if self._reached is None or at > self._reached:
            self._reached = at
        self._seen += 1
        if self._seen >= BATCH:
            self._enter()

    def told(self, each: StageChange | Release | CampaignOutcome | Gone) -> None:
        """Count a stage change, the outcome of a held trigger or a goal, or that an id is no longer used."""
        if isinstance(each, Release):
            count_releases(self.tally, (each,))
        elif isinstance(each, CampaignOutcome):
            count_ends(self.tally, (each,), ())
        elif isinstance(each, Gone):
            count_ends(self.tally, (), each.departures)
        else:
            count_changes(self.tally, [each])

    def close(self, until: int | None = None) -> JourneyLedger:
        """Enter the rest, and return the ledger. `until`: the time up to which timers ran."""
        if until is not None and (self._reached is None or until > self._reached):
            self._reached = until
        self._enter()
        return self.ledger

    def _enter(self) -> None:
        if self._reached is not None:
            enter(self.ledger, self.tally, self._reached)
        self.tally.clear()
        self._seen = 0
