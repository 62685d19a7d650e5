"""What a run is about, and what it took."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from bench.workload.book import Book
from bench.workload.touchpoints import KeyAndValue


class ContestError(Exception):
    """A contestant did not finish, or ended with other stages than it should."""


class Length(StrEnum):
    """How much of the stream a contestant gets, so that the slow ones do not take hours."""

    LONG = "long"
    MIDDLE = "middle"
    SHORT = "short"


class Topic(NamedTuple):
    """A filled topic, and what must come of it."""

    name: str
    touchpoints: Sequence[KeyAndValue]
    filled: Sequence[int]
    book: Book

    @property
    def warm(self) -> tuple[int, int]:
        """From how many touchpoints on a contestant counts as warm, and up to how many it is measured.

        The first half warms up, and a tail follows, so that as much is under way at the end as at the beginning.
        """
        count = len(self.touchpoints)
        return count * 7 // 15, count * 14 // 15


class WarmSpan(msgspec.Struct, frozen=True):
    """From one moment of a run to another. The servers' CPU is 0 where nobody looked at them."""

    touchpoints: int
    seconds: float
    cpu_seconds: float
    kafka_cpu_seconds: float = 0.0
    redis_cpu_seconds: float = 0.0


class RunResult(msgspec.Struct, frozen=True):
    """What one run took: in full swing, and from the start of the process to the last touchpoint."""

    warm: WarmSpan
    touchpoints: int
    whole_cpu_seconds: float
    peak_mebibytes: float

    @property
    def per_second(self) -> float:
        return self.warm.touchpoints / self.warm.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.warm.cpu_seconds / self.warm.touchpoints * 1e6

    @property
    def cold_microseconds(self) -> float:
        """Of the whole process: starting, joining the group and warming up as well, spread over all touchpoints."""
        return self.whole_cpu_seconds / self.touchpoints * 1e6
