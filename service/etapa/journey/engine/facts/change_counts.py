"""How many stage changes a batch made, and of which kind, for its observer. Far less than the changes themselves."""

from array import array
from collections.abc import Iterable
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.changes import Cause, Offer, Release, TriggerOutcome
from etapa.journey.engine.facts.durations import Durations
from etapa.journey.engine.facts.stage_change import StageChange

Move = tuple[str | None, str, Cause]
"""From where (none: a new customer), to where, and by what."""


@final
@mypyc_attr(acyclic=True)
class _Alike:
    """How many changes are the same move. `dwells`: how long the customers had stayed in the stage they left, also those who left it otherwise."""

    __slots__ = ("cause", "dwells", "number", "source", "to")

    def __init__(self, move: Move, dwells: Durations) -> None:
        self.source: Final = move[0]
        self.to: Final = move[1]
        self.cause: Final = move[2]
        self.number = 0
        self.dwells: Final = dwells


@final
@mypyc_attr(acyclic=True)
class ChangeCounts:
    """Grows with every change of a batch."""

    __slots__ = ("_by_rule", "_dwells", "_moves", "offers", "total")

    def __init__(self) -> None:
        self.total = 0
        """How many changes there are."""
        self._moves: Final[dict[Move, _Alike]] = {}
        self._by_rule: Final[list[_Alike | None]] = []
        """The move that a rule made last, by the rule's number: most rules always make the same, which need not be looked up then."""
        self._dwells: Final[dict[str | None, Durations]] = {}
        """By the stage left. Those of none stay empty."""
        self.offers: Final[dict[tuple[str, TriggerOutcome], int]] = {}
        """How many changes were offered to each campaign, and how many of its held triggers were checked again, by outcome."""

    @property
    def moves(self) -> dict[Move, int]:
        """How many changes are alike."""
        return {move: alike.number for move, alike in self._moves.items()}

    @property
    def dwells(self) -> "dict[str, array[int]]":
        """For each stage that customers left, how long they had stayed, in microseconds."""
        return {stage: dwells.packed() for stage, dwells in self._dwells.items() if stage is not None and len(dwells) > 0}

    def add(self, change: StageChange) -> None:
        """Count a change, but not its offers."""
        number = change.rule_number
        alike = self._by_rule[number] if 0 <= number < len(self._by_rule) else None
        if alike is None or not (alike.source is change.source and alike.to is change.to and alike.cause is change.cause):
            alike = self._looked_up(change)
        self.total += 1
        alike.number += 1
        dwell = change.dwell
        if dwell is not None:
            alike.dwells.add(dwell)

    def _looked_up(self, change: StageChange) -> _Alike:
        # Of any type: compiled code would make the key again for each use.
        move: Any = (change.source, change.to, change.cause)
        alike = self._moves.get(move)
        if alike is None:
            alike = self._moves[move] = _Alike(move, self._dwells.setdefault(change.source, Durations()))
        number = change.rule_number
        if number >= 0:
            while number >= len(self._by_rule):
                self._by_rule.append(None)
            self._by_rule[number] = alike
        return alike

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
