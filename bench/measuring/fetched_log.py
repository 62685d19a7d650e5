"""A log in memory that begins where a worker does: with the batches of records that a broker sent."""

from collections.abc import Iterator, Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from bench.measuring.memory_ports import ListLog
from bench.workload.touchpoints import KeyAndValue
from etapa.stream.kafka.batches.our_records import record_of
from etapa.stream.kafka.batches.runs import READS_RUNS, FetchedRecords, Run
from etapa.stream.protocol.ports import Fetched
from etapa.stream.protocol.records_in_batches import RecordsInBatches, RecordStretch

RECORDS = 1_000
"""Of a batch: about as many as the contest's producer puts into 256 KiB."""
_MOST_BYTES = 1 << 20


def batches_of(sent: Sequence[KeyAndValue]) -> list[bytes]:
    """The same as a producer sends it, not compressed."""
    return [_batch(sent[first : first + RECORDS], first) for first in range(0, len(sent), RECORDS)]


def _batch(sent: Sequence[KeyAndValue], first: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, _MOST_BYTES)
    for number, (key, value) in enumerate(sent):
        builder.append(number, 0, key, value, [])
    built = builder.build()
    # Outside the checksum.
    built[:8] = first.to_bytes(8, "big")
    return bytes(built)


class FetchedLog(ListLog):
    """Touchpoints that are all there from the beginning, in batches of `RECORDS`."""

    def __init__(self, sent: Sequence[KeyAndValue]) -> None:
        super().__init__(())
        self._count = len(sent)
        self._batches = batches_of(sent)

    async def touchpoint_range(self) -> tuple[int, int]:
        return 0, self._count

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        """Whole batches, of `max_records` at least unless these are the last."""
        records = RecordsInBatches()
        while self._position < self._count and len(records) < max_records:
            for stretch in _stretches(self._batches[self._position // RECORDS]):
                records.add(stretch)
            self._position = min(self._count, self._position + RECORDS)
        if not len(records):
            self.at_end()
        return Fetched(records, self._count, caught_up=self._position == self._count)


def _stretches(written: bytes) -> Iterator[RecordStretch]:
    """The records of a batch as a worker reads them."""
    fetched = FetchedRecords(written)
    fetched.gives_runs, fetched.most = READS_RUNS, _MOST_BYTES
    batch = fetched.next_batch()
    batch.validate_crc()
    found = list(batch)
    if found and isinstance(found[0], Run):
        yield found[0].since(0)
    else:
        yield RecordStretch(None, [record_of(None, each) for each in found], 0, len(found))
