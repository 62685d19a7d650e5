"""The difference between two groups, with an interval that holds however often you look, and how far it is from a decision."""

import math
from typing import Final, Literal

import msgspec

from etapa.uplift.boundary import boundary
from etapa.uplift.groups import Sums

ALPHA: Final = 0.05
"""The probability that the interval of a campaign ever misses the truth."""
FEWEST_VALUES: Final = 100
"""Outcomes that each group needs before values are compared, since values can vary widely."""
MOST_MORE: Final = 1_000_000_000

Verdict = Literal["better", "worse", "undecided"]


class GroupDifference(msgspec.Struct, frozen=True):
    """Those who were sent something minus the holdout group."""

    estimate: float
    low: float
    high: float
    """With a probability of 1 - alpha, the true difference lies between `low` and `high` at every look."""
    verdict: Verdict
    more: int | None
    """About how many more outcomes, of both groups together, are needed for a decision if the estimate is true; 0 when it is decided,
    None when no decision is in sight."""


def difference(sent: Sums, control: Sums, estimate: float, alpha: float = ALPHA) -> GroupDifference | None:
    """The difference of means. None when nothing can be said yet: a group is empty, or all values are the same.

    `estimate`: the difference to show, which may differ slightly from that of the means.
    """
    both = Sums(sent.number + control.number, sent.total + control.total, sent.squares + control.squares)
    spread, error = _variance(both), _error(sent, control)
    if spread is None or spread <= 0 or error is None or error <= 0:
        return None
    deviation, number = math.sqrt(spread), spread / error
    width = boundary(number, alpha) / number * deviation
    low, high = estimate - width, estimate + width
    verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    more = 0 if verdict != "undecided" else _more(abs(estimate) / deviation, number, both.number, alpha)
    return GroupDifference(estimate, low, high, verdict, more)


def _more(effect: float, number: float, outcomes: int, alpha: float) -> int | None:
    """How many outcomes the groups need in addition until chance can no longer explain `effect` (in standard deviations)."""
    if effect <= 0:
        return None

    def is_decided(factor: float) -> bool:
        return boundary(number * factor, alpha) / (number * factor) < effect

    low, high = 1.0, 2.0
    while not is_decided(high):
        low, high = high, 2 * high
        if outcomes * high > MOST_MORE:
            return None
    while (high - low) * outcomes > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if is_decided(middle) else (middle, high)
    return max(1, math.ceil((high - 1) * outcomes))


def _variance(sums: Sums) -> float | None:
    if sums.number < 2:
        return None
    mean = sums.total / sums.number
    return max(0.0, sums.squares / sums.number - mean**2) * sums.number / (sums.number - 1)


def _error(sent: Sums, control: Sums) -> float | None:
    """The squared standard error of the difference."""
    one, other = _variance(sent), _variance(control)
    return None if one is None or other is None else one / sent.number + other / control.number
