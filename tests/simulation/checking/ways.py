"""What the ledger is to say of the ideal way, worked out from published stage changes with the costs of whole alignments."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Counts = Counter[tuple[str | int | None, ...]]


@dataclass
class _Customer:
    ideal: Sequence[str]
    costs: list[int]
    """Of turning the stages entered so far into the first 0, 1, 2, … stages of the ideal way."""
    furthest: int
    standing: Literal["before", "on", "off"] = "before"
    is_away: bool = False


class FollowedWays:
    """Counts into `published`, by what is counted and the move."""

    def __init__(self, published: Counts) -> None:
        self._published = published
        self._customers: dict[str, _Customer] = {}

    def moved(self, customer_id: str, source: str | None, to: str, rule: str | None, ideal: Sequence[str]) -> None:
        """A change was published while this ideal way was in force."""
        place = {stage: number for number, stage in enumerate(ideal)}
        if source is None:
            # Whoever was forgotten begins anew.
            self._customers[customer_id] = _along(ideal, -1)
            self._published["followed", source, to] += 1
            if to not in place:
                # The stage where everybody begins is no part of the way.
                return
        before = self._customers[customer_id]
        is_on = (source or "", to) in pairwise(ideal) if before.standing == "on" else before.standing == "before" and to == ideal[0]
        now = before
        if before.standing == "on" or before.ideal != ideal:
            # Taken for somebody who came to the stage along the way that is in force now.
            now = self._customers[customer_id] = _along(ideal, -1 if source is None else place.get(source, -1))
        costs = _one_more(now.costs, ideal, to)
        self._published["steps", source, to] += 1
        self._published["deviations", source, to] += 0 if is_on else min(costs) - min(now.costs)
        self._published["on way", source, to] += is_on - (before.standing == "on")
        now.costs, now.standing = costs, "on" if is_on else "off"
        if place.get(to, -1) >= max(now.furthest, 0):
            now.furthest, now.is_away = place[to], False
        elif not now.is_away and source is not None and now.furthest >= 0:
            now.is_away = True
            self._published["detours", source, to, rule] += 1


def _along(ideal: Sequence[str], place: int) -> _Customer:
    """A customer who has entered the ideal way's stages up to that place; -1: none of them."""
    return _Customer(ideal, [abs(place + 1 - end) for end in range(len(ideal) + 1)], place)


def _one_more(costs: list[int], ideal: Sequence[str], stage: str) -> list[int]:
    """The costs after one more stage: it matches the next of the ideal way, is deleted, or a stage of the ideal way is inserted."""
    following = [costs[0] + 1]
    for place, expected in enumerate(ideal):
        least = min(costs[place + 1], following[place]) + 1
        following.append(min(least, costs[place]) if stage == expected else least)
    return following
