"""Counts of the outcomes of records."""

from collections import Counter
from dataclasses import dataclass, field

from etapa.contracts.incoming.rejected import Reason, Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources.record_outcome import Outcome


@dataclass(slots=True)
class Tally:
    """The outcomes of all records so far. A record with a list of elements counts once for each element."""

    records: int = 0
    touchpoints: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """By rule."""
    dead: Counter[Reason] = field(default_factory=Counter)
    """By reason."""

    def count(self, outcome: Outcome | Touchpoint) -> None:
        """Count one outcome."""
        if isinstance(outcome, SkippedRecord):
            self.skipped[outcome.rule] += 1
        elif isinstance(outcome, Rejected):
            self.dead[outcome.reason] += 1
        else:
            self.touchpoints += 1

    @property
    def outcomes(self) -> int:
        """All outcomes: touchpoints, skipped records and dead letters together."""
        return self.touchpoints + self.skipped.total() + self.dead.total()
