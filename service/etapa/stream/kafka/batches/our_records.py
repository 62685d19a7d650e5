"""Between aiokafka's batches and our records: out of those that were fetched, and into those that will be sent.

Called once for a batch, never once for a record: what is done for each record is done in here, compiled.
"""

from collections.abc import Sequence
from typing import Any, Final

from etapa.stream.protocol.records import Outgoing, Record, StateRecord


def record_of(place: object, consumed: Any) -> Record:
    """A record as Kafka's client has taken it out of a batch of its partition; its timestamp is in milliseconds.

    Records from before Kafka 0.10 have none, and then it is as where a producer gave none.
    """
    headers = consumed.headers
    timestamp = consumed.timestamp
    return Record(
        consumed.offset, -1000 if timestamp is None else timestamp * 1000, consumed.key, consumed.value, tuple(headers) if headers else ()
    )


def as_records(consumed: list[Any]) -> list[Record]:
    """What Kafka's client gave, all of it as our records."""
    return [one if isinstance(one, Record) else record_of(None, one) for one in consumed]


def state_record_of(place: object, consumed: Any) -> StateRecord:
    """A record as Kafka's client has taken it out of a batch of its partition."""
    return StateRecord(consumed.offset, consumed.key, consumed.value)


def as_state_records(consumed: list[Any]) -> list[StateRecord]:
    """What Kafka's client gave, all of it as our records."""
    return [one if isinstance(one, StateRecord) else state_record_of(None, one) for one in consumed]


_NO_HEADERS: Final[list[tuple[str, bytes]]] = []


def append_records(batch: Any, records: Sequence[Outgoing], start: int) -> int:
    """Fill one of aiokafka's batches from `start` on, past its checks of every record. Gives where it was full, or the end."""
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
