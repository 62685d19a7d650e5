"""How long touchpoints took from being sent to being processed, by the brokers' records alone: whoever reads them may be late."""

from array import array
from collections import defaultdict


class Timing:
    """Told of every touchpoint and every mark with its timestamp (milliseconds since 1970), in order by partition."""

    def __init__(self) -> None:
        self._sent: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self._marks: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def touchpoint(self, partition: int, offset: int, timestamp: int) -> None:
        """Offsets of touchpoints leave no gap, as nothing is published among them in transactions."""
        sent = self._sent[partition]
        assert offset == len(sent)
        sent.append(timestamp)

    def mark(self, partition: int, through: int, timestamp: int) -> None:
        self._marks[partition].append((through, timestamp))

    def processed_at(self, partition: int, offset: int) -> int:
        """The timestamp of the first mark that stands for this touchpoint. There must be one."""
        return next(timestamp for through, timestamp in self._marks[partition] if through >= offset)

    def delays(self, partition: int, since: int, until: int) -> list[float]:
        """Of the touchpoints sent between these times, the seconds until a mark stood for each; the last ones may have none yet."""
        sent = self._sent[partition]
        found: list[float] = []
        first = 0
        for through, timestamp in self._marks[partition]:
            found += [(timestamp - at) / 1000 for at in sent[first : through + 1] if since <= at < until]
            first = through + 1
        return found
