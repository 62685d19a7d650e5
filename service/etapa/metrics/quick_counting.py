"""The quick way to count durations in buckets, in C, where it is compiled; without it `tallies` counts them, with the same result."""

from array import array
from collections.abc import Callable
from typing import Final

from etapa.metrics import tallies

DurationCounter = Callable[[list[float], list[int], "array[int]"], float]
"""See `tallies.durations_between`."""

try:
    from etapa.metrics.bucket_counts import durations_between
except ImportError:
    durations_between = tallies.durations_between

count_durations: Final[DurationCounter] = durations_between
