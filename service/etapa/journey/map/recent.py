"""The latest moves of each kind, with their reasons and without saying whose they were: a map may be sent to anybody."""

import heapq
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from etapa.journey.engine.facts.stage_change import StageChange

MOST: Final = 5
"""How many moves from one stage to another are kept."""

Latest = Mapping[tuple[str, str], Sequence[StageChange]]
"""By the stages left and entered; the newest first."""


class RecentMoves:
    """Memory does not grow with customers. Times are microseconds since 1970."""

    def __init__(self, since: int | None = None, to: int | None = None) -> None:
        """`since`, `to`: keep moves from the one instant until before the other; none: all."""
        self._since: Final = since
        self._to: Final = to
        self._kept: Final[dict[tuple[str, str, str | None], list[tuple[int, int, StageChange]]]] = {}
        self._numbers: Final = count()

    def moved(self, change: StageChange) -> None:
        """Take in a stage change."""
        if (
            change.source is None
            or (self._since is not None and change.at < self._since)
            or (self._to is not None and change.at >= self._to)
        ):
            return
        kept = self._kept.setdefault((change.source, change.to, change.persona), [])
        # Of moves at the same instant, those that came later count as newer.
        entry = (change.at, next(self._numbers), change)
        if len(kept) < MOST:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)

    def latest(self, persona: str | None = None) -> Latest:
        """Those of one persona, or of all customers."""
        found: dict[tuple[str, str], list[tuple[int, int, StageChange]]] = {}
        for (source, to, whose), kept in self._kept.items():
            if persona is None or whose == persona:
                found.setdefault((source, to), []).extend(kept)
        return {move: [change for *_, change in heapq.nlargest(MOST, kept)] for move, kept in found.items()}
