"""What comes of a record that is no touchpoint, or of one that is."""

from dataclasses import dataclass

from etapa.contracts.rejected import Rejected
from etapa.journey.engine.facts.touchpoint import Touchpoint


@dataclass(frozen=True, slots=True)
class Mapped:
    """A touchpoint, and how it is written in JSON."""

    touchpoint: Touchpoint
    json: bytes


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """Not wanted. `rule` says by which rule of the source file."""

    rule: str


Outcome = Mapped | SkippedRecord | Rejected
