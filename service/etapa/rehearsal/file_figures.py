"""The ledger of a file: what a worker's ledger would hold, had the touchpoints of the file come to it."""

from typing import Final

from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.figures import count_changes
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.tally import BatchTally

BATCH: Final = 10_000
"""Touchpoints that are counted before the ledger takes them in."""


class FileFigures:
    """Filled while a file is replayed; whole once `close` was called."""

    def __init__(self) -> None:
        self.ledger: Final = JourneyLedger()
        self.tally: Final = BatchTally()
        """Where touchpoints are counted as they are applied."""
        self._reached: int | None = None
        self._seen = 0

    def see(self, touchpoint: Touchpoint, wall: int | None) -> None:
        """Take in how far time has got: up to the touchpoint's, but never past the wall clock."""
        at = touchpoint.at if wall is None else min(touchpoint.at, wall)
        if self._reached is None or at > self._reached:
            self._reached = at
        self._seen += 1
        if self._seen >= BATCH:
            self._enter()

    def told(self, each: StageChange | Release | CampaignOutcome) -> None:
        """Count a stage change, what became of a trigger that had been held, or what became of a goal."""
        if isinstance(each, Release):
            count_changes(self.tally, (), (each,), ())
        elif isinstance(each, CampaignOutcome):
            count_changes(self.tally, (), (), (each,))
        else:
            count_changes(self.tally, (each,), (), ())

    def close(self, until: int | None = None) -> JourneyLedger:
        """Enter what is left. `until`: up to where timers ran. Gives the ledger."""
        if until is not None and (self._reached is None or until > self._reached):
            self._reached = until
        self._enter()
        return self.ledger

    def _enter(self) -> None:
        if self._reached is not None:
            enter(self.ledger, self.tally, self._reached)
        self.tally.clear()
        self._seen = 0
