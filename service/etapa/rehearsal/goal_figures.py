"""The outcomes of a campaign's goals, counted for each group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from etapa.journey.engine.facts.changes import CampaignOutcome


@dataclass
class GroupFigures:
    """Figures of those who were sent something, or of the holdout group."""

    met: int = 0
    missed: int = 0
    value: float = 0.0
    """The total value; 0 when the goal has no value."""

    def add(self, outcome: CampaignOutcome) -> None:
        self.met += outcome.met
        self.missed += not outcome.met
        self.value += outcome.value or 0.0

    def as_json(self) -> Mapping[str, Any]:
        return {"met": self.met, "missed": self.missed, "value": self.value}


@dataclass
class GoalFigures:
    """The figures of both groups of a campaign."""

    sent: GroupFigures = field(default_factory=GroupFigures)
    holdout: GroupFigures = field(default_factory=GroupFigures)

    def add(self, outcome: CampaignOutcome) -> None:
        (self.holdout if outcome.holdout else self.sent).add(outcome)

    def as_json(self) -> Mapping[str, Any]:
        return {"sent": self.sent.as_json(), "holdout": self.holdout.as_json()}
