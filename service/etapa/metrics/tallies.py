"""Counting the contents of a batch, so that measuring every touchpoint and every change costs next to nothing."""

from array import array
from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.units import SECOND

GOAL_OUTCOMES: Final = [(group, outcome) for group in ("sent", "holdout") for outcome in ("met", "missed")]


def outcomes_in(outcomes: Sequence[CampaignOutcome]) -> dict[tuple[str, str, str], int]:
    """How many goals of each campaign were met or missed, by the group."""
    found: dict[tuple[str, str, str], int] = {}
    for each in outcomes:
        outcome = (each.campaign, "holdout" if each.holdout else "sent", "met" if each.met else "missed")
        found[outcome] = found.get(outcome, 0) + 1
    return found


def durations_between(bounds: list[float], counts: list[int], durations: "array[int]") -> float:
    """Count each duration (microseconds) at the index of the first bound (seconds) that is not below it; returns their sum in seconds.

    See `bucket_counts.c`.
    """
    total = 0.0
    for duration in durations:
        value = duration / SECOND
        # `bisect_left` does the same, but compiled code calls it at four times the cost.
        first: i64 = 0
        end: i64 = len(bounds)
        while first < end:
            middle = (first + end) >> 1
            if bounds[middle] < value:
                first = middle + 1
            else:
                end = middle
        counts[first] += 1
        total += value
    return total
