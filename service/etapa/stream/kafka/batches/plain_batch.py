"""A batch of our records, not compressed, as aiokafka's producer takes it."""

import time
from collections.abc import Sequence
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from etapa.stream.kafka.batches.checksum import CHECKSUM, CHECKSUM_AT, CHECKSUM_FROM, crc32c
from etapa.stream.kafka.batches.record_buffer import RecordBuffer
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.stored_customers import StateRecords


class PlainBatch(BatchBuilder):  # type: ignore[misc]
    """Takes the place of aiokafka's own builder. Its records have one timestamp: when it was made."""

    def __init__(self, batch_size: int, *, is_transactional: bool) -> None:
        self._records = RecordBuffer(batch_size)
        self._timestamp = int(time.time() * 1000)
        self._is_transactional = is_transactional
        self._producer = -1, -1, 0
        """Producer id, epoch and sequence number."""
        self._built: bytearray | None = None

    def fill(self, records: Sequence[Outgoing], start: int) -> int:
        """See `RecordBuffer.fill`."""
        return self._fill_with_states(records, start) if isinstance(records, StateRecords) else self._records.fill(records, start)

    def _fill_with_states(self, records: StateRecords, start: int) -> int:
        before = 0
        for portion in records.portions:
            after = before + portion.customers
            if start < after:
                start = before + self._records.fill_with_states(portion, start - before)
                if start < after:
                    return start
            before = after
        return before + self._records.fill(records.others, start - before)

    def append(self, **record: Any) -> None:
        """As aiokafka's builder does when it is full: nothing but `fill` adds records."""

    def close(self) -> None:
        """Nothing is ever added from outside."""

    def closed(self) -> bool:
        return True

    def size(self) -> int:
        return self._records.size

    def record_count(self) -> int:
        return self._records.count

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = producer_id, producer_epoch, base_sequence

    def _build(self) -> bytearray:
        if self._built is None:
            built = self._records.batch(self._timestamp, *self._producer, is_transactional=self._is_transactional)
            CHECKSUM.pack_into(built, CHECKSUM_AT, crc32c(memoryview(built)[CHECKSUM_FROM:]))
            self._built = built
        return self._built
