"""How many stage changes a batch made, and of which kind, for its observer. Far less than the changes themselves."""

from array import array
from collections.abc import Iterable
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.changes import Cause, Offer, Release, TriggerOutcome
from etapa.journey.engine.facts.stage_change import StageChange

Move = tuple[str | None, str, Cause]
"""From where (none: a new customer), to where, and by what."""


@final
@mypyc_attr(acyclic=True)
class ChangeCounts:
    """Grows with every change of a batch."""

    __slots__ = ("dwells", "moves", "offers", "total")

    def __init__(self) -> None:
        self.total = 0
        """How many changes there are."""
        self.moves: Final[dict[Move, int]] = {}
        """How many of them are alike."""
        self.dwells: Final[dict[str, array[int]]] = {}
        """For each stage, how long the customers who left it had stayed, in microseconds: as plain numbers, since objects would be in no cache
        any more when they are counted."""
        self.offers: Final[dict[tuple[str, TriggerOutcome], int]] = {}
        """How many changes were offered to each campaign, and how many of its held triggers were checked again, by outcome."""

    def add(self, change: StageChange) -> None:
        """Count a change, but not its offers."""
        source, dwell = change.source, change.dwell
        # Of any type: compiled code would make the key again for each use.
        move: Any = (source, change.to, change.cause)
        self.total += 1
        self.moves[move] = self.moves.get(move, 0) + 1
        if source is not None and dwell is not None:
            dwells = self.dwells.get(source)
            if dwells is None:
                dwells = self.dwells[source] = array("q")
            dwells.append(dwell)

    def add_offer(self, offer: Offer) -> None:
        """Count what became of an offer to a campaign."""
        offered = (offer.campaign, offer.outcome)
        self.offers[offered] = self.offers.get(offered, 0) + 1


def counts_of(told: Iterable[StageChange | Release]) -> ChangeCounts:
    """The counts of these changes with their offers, and of triggers that had been held."""
    counts = ChangeCounts()
    for each in told:
        if isinstance(each, StageChange):
            counts.add(each)
            for offer in each.offers:
                counts.add_offer(offer)
        else:
            counts.add_offer(each.offer)
    return counts
