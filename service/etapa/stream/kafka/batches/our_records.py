"""Converts between aiokafka's batches and our records, in both directions.

Called once per batch, never once per record: the work for each record happens in here, compiled.
"""

from collections.abc import Sequence
from typing import Any, Final

from mypy_extensions import i64

from etapa.stream.kafka.batches.plain_batch import PlainBatch
from etapa.stream.protocol.records import Outgoing, Record, StateRecord


def record_of(place: object, consumed: Any) -> Record:
    """Our record for one that aiokafka took from a batch; aiokafka's timestamp is in milliseconds.

    Records from before Kafka 0.10 have no timestamp, and are treated like those whose producer set none.
    """
    headers = consumed.headers
    timestamp = consumed.timestamp
    milliseconds: i64 = -1 if timestamp is None else timestamp
    return Record(consumed.offset, milliseconds * 1000, consumed.key, consumed.value, tuple(headers) if headers else ())


def as_records(consumed: list[Any]) -> list[Record]:
    """Everything that aiokafka returned, as our records."""
    return [one if isinstance(one, Record) else record_of(None, one) for one in consumed]


def state_record_of(place: object, consumed: Any) -> StateRecord:
    """Our record for one that aiokafka took from a batch of `customer-state`."""
    return StateRecord(consumed.offset, consumed.key, consumed.value)


def as_state_records(consumed: list[Any]) -> list[StateRecord]:
    """Everything that aiokafka returned, as our records."""
    return [one if isinstance(one, StateRecord) else state_record_of(None, one) for one in consumed]


_NO_HEADERS: Final[list[tuple[str, bytes]]] = []


def append_records(batch: Any, records: Sequence[Outgoing], start: int) -> int:
    """Fill a batch from `start` on: a `PlainBatch`, or one of aiokafka's, without its checks of every record. Returns where it was full, or the end."""
    if isinstance(batch, PlainBatch):
        return batch.fill(records, start)
    append = batch._builder.append
    count: int = batch.record_count()
    for position in range(start, len(records)):
        record = records[position]
        headers = list(record.headers) if record.headers else _NO_HEADERS
        if append(count, None, record.key, record.value, headers) is None:
            batch.close()
            batch._relative_offset = count
            return position
        count += 1
    batch._relative_offset = count
    return len(records)
