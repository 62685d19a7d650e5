"""What is still asked about a batch's records once they are judged: when they arrived, and a few of them for their traces.

The records themselves are dropped before the batch waits for Kafka and Redis: they take more memory than all else in it.
"""

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.stream.protocol.records import Record
from etapa.stream.protocol.records_in_batches import Records, RecordsInBatches

MOST_KEPT: Final = 64
"""Records of a batch that are kept as a sample, spread evenly over it."""


@final
@mypyc_attr(acyclic=True)
class Arrivals:
    """`first` and `last` are the offsets of the first and the last record; none if there are no records."""

    __slots__ = ("count", "first", "last", "sample", "timestamps")

    def __init__(self, count: int, first: int | None, last: int | None, timestamps: dict[int, int], sample: Sequence[Record]) -> None:
        self.count: Final = count
        """How many records there are. A record with several touchpoints counts as often."""
        self.first: Final = first
        self.last: Final = last
        self.timestamps: Final = timestamps
        """How many records have each timestamp, in microseconds since 1970."""
        self.sample: Final = sample
        """Up to `MOST_KEPT` of the records."""


def arrivals_of(records: Records, count: int) -> Arrivals:
    """The arrivals of the first `count` records."""
    if not count:
        return NO_ARRIVALS
    step = -(-count // MOST_KEPT)
    sample = [records[position] for position in range(0, count, step)]
    return Arrivals(count, records[0].offset, records[count - 1].offset, _timestamps_in(records, count), sample)


def _timestamps_in(records: Records, count: int) -> dict[int, int]:
    """Records that arrived together mostly share one timestamp."""
    found: dict[int, int] = {}
    if isinstance(records, RecordsInBatches):
        for timestamp, times in records.timestamps(count):
            found[timestamp] = found.get(timestamp, 0) + times
        return found
    last, number = records[0].timestamp, 0
    for position in range(count):
        timestamp = records[position].timestamp
        if timestamp != last:
            found[last] = found.get(last, 0) + number
            last, number = timestamp, 0
        number += 1
    found[last] = found.get(last, 0) + number
    return found


NO_ARRIVALS: Final = Arrivals(0, None, None, {}, ())
