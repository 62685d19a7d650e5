"""How customers feel: the mean of what they say, with an interval."""

from math import sqrt
from typing import Final

from etapa.journey.language.design.parts import Feeling
from etapa.journey.map.document import MapFeeling
from etapa.journey.map.figures import Row

FEWEST: Final = 5
"""Fewest answers for an interval; with fewer, the mean is a guess."""

_STUDENT: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""97.5 % quantiles of Student's t by degrees of freedom, from 1."""
_NORMAL: Final = 1.96


def feeling_of(row: Row | None, scale: Feeling) -> MapFeeling | None:
    """The feeling in a row of the table `feeling`, on the scale; none if nobody has answered."""
    if row is None or not row["count"]:
        return None
    count, mean, deviation = row["count"], row["mean"], row["standard_deviation"]
    low: float | None = None
    high: float | None = None
    if count >= FEWEST and deviation is not None:
        quantile = _STUDENT[count - 2] if count - 2 < len(_STUDENT) else _NORMAL + 2.4 / (count - 1)
        reach = quantile * deviation / sqrt(count)
        low, high = sorted((_level(mean - reach, scale), _level(mean + reach, scale)))
    return MapFeeling(count, mean, _level(mean, scale), low, high)


def _level(value: float, scale: Feeling) -> float:
    """From 0, the worst, to 1, the best; values off the scale are limited to it."""
    return min(1.0, max(0.0, (value - scale.worst) / (scale.best - scale.worst)))
