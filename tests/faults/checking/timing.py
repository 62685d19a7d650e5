"""How long touchpoints took from being sent to being processed, by the brokers' timestamps alone, since the reader may be late."""

import math
import time
from array import array
from collections import defaultdict
from collections.abc import Sequence


def now() -> int:
    """Kafka's timestamp, in milliseconds since 1970."""
    return int(time.time() * 1000)


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile of the values by the nearest-rank method: the smallest value that at least so many percent do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def in_words(delays: Sequence[float]) -> str:
    """How long touchpoints took."""
    return f"{percentile(delays, 50):.2f} s (p50), {percentile(delays, 99):.2f} s (p99)"


class Timing:
    """Receives every touchpoint and every mark with its timestamp (milliseconds since 1970), in order by partition."""

    def __init__(self) -> None:
        self._sent: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self._marks: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def touchpoint(self, partition: int, offset: int, timestamp: int) -> None:
        """Offsets of touchpoints have no gaps, as none are published in transactions."""
        sent = self._sent[partition]
        assert offset == len(sent)
        sent.append(timestamp)

    def mark(self, partition: int, through: int, timestamp: int) -> None:
        self._marks[partition].append((through, timestamp))

    def processed_at(self, partition: int, offset: int) -> int:
        """The timestamp of the first mark that covers this touchpoint. There must be one."""
        return next(timestamp for through, timestamp in self._marks[partition] if through >= offset)

    def delays_but_of(self, partition: int, since: int, until: int) -> list[float]:
        """The same for all partitions except one."""
        return [one for number in list(self._sent) if number != partition for one in self.delays(number, since, until)]

    def delays(self, partition: int, since: int, until: int) -> list[float]:
        """The seconds until a mark covered each of the touchpoints sent between these times; the last ones may have none yet."""
        sent = self._sent[partition]
        found: list[float] = []
        first = 0
        for through, timestamp in self._marks[partition]:
            found += [(timestamp - at) / 1000 for at in sent[first : through + 1] if since <= at < until]
            first = through + 1
        return found
