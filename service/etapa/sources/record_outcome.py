"""What comes of a record where it is to be written as a touchpoint."""

from dataclasses import dataclass

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.journey.engine.facts.touchpoint import Touchpoint


@dataclass(frozen=True, slots=True)
class Mapped:
    """A touchpoint, and how it is written in JSON."""

    touchpoint: Touchpoint
    json: bytes


Outcome = Mapped | SkippedRecord | Rejected
