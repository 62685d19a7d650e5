"""The outcome of a record, when touchpoints are wanted as JSON."""

from dataclasses import dataclass

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.journey.engine.facts.touchpoint import Touchpoint


@dataclass(frozen=True, slots=True)
class Mapped:
    """A touchpoint and its JSON."""

    touchpoint: Touchpoint
    json: bytes


Outcome = Mapped | SkippedRecord | Rejected
