"""What benches measure, as it is kept and plotted. A bench makes these, a plot takes them; neither needs the other."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

CLIFF = 2.0
"""A step of a curve is a cliff when a touchpoint gets more than so many times dearer, or dearer more than in proportion to what
grows (by a quarter, which is left to the machine's moods). Rules have to be judged, so proportion alone counts there."""
RULES_SECTION = "rules"


class RecoveryRun(msgspec.Struct, frozen=True):
    """One reading of the partition, or one takeover."""

    customers: int
    seconds: float
    cpu_seconds: float
    """Of this process."""
    redis_cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.customers / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return self.customers / self.cpu_seconds


class Scaled(msgspec.Struct, frozen=True):
    """One run, from the first touchpoints that the view shows to the last."""

    store: str
    workers: int
    touchpoints: int
    seconds: float
    worker_cpu_seconds: Sequence[float]
    """Of each worker."""
    redis_cpu_seconds: Sequence[float]
    """Of each node."""
    kafka_cpu_seconds: float
    kafka_bytes: Mapping[str, float]
    """What each topic's log holds in the end, for each touchpoint; `customer-state` before compaction."""

    @property
    def per_second(self) -> float:
        return self.touchpoints / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return sum(self.worker_cpu_seconds) / self.touchpoints * 1e6

    @property
    def cores(self) -> float:
        """How many cores all of them together kept busy."""
        return (sum(self.worker_cpu_seconds) + sum(self.redis_cpu_seconds) + self.kafka_cpu_seconds) / self.seconds


class CurvePoint(msgspec.Struct, frozen=True):
    """`x` of whatever grows, and what a touchpoint (or a timer) costs there, in microseconds of CPU."""

    x: int
    cpu: float
    redis_cpu: float | None = None
    per_second: float | None = None


class Curve(msgspec.Struct, frozen=True):
    """One line of a plot."""

    section: str
    name: str
    points: Sequence[CurvePoint]

    def steepest(self) -> tuple[float, int, int]:
        """The largest factor between neighbours, and where it is."""
        return max((after.cpu / before.cpu, before.x, after.x) for before, after in pairwise(self.points))

    def has_cliff(self) -> bool:
        """Whether there is a step that is steeper than it may be; see `CLIFF`."""
        for before, after in pairwise(self.points):
            in_proportion = 1.25 * after.x / before.x
            allowed = in_proportion if self.section == RULES_SECTION else min(CLIFF, in_proportion)
            if after.cpu > allowed * before.cpu and after.cpu - before.cpu > 1:
                return True
        return False
