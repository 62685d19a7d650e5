"""What the leader of one partition knows: batches, the producers that wrote them, and where their transactions stand.

As in real brokers, a batch is identified by producer id, epoch and sequence number (the last five of a producer are remembered), a
marker ends what a producer has open here and records its epoch, and nothing after an open transaction is shown.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final, Literal, NamedTuple

from aiokafka.record.memory_records import MemoryRecords

OK, OUT_OF_ORDER, DUPLICATE, OLD_EPOCH, NOT_IN_TRANSACTION = 0, 45, 46, 47, 48
REMEMBERED = 5
NO_EPOCH = -1
_HEADER: Final = Struct(">qiibIhiqqqhii")


class Written(NamedTuple):
    """A record as its producer wrote it."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Batch(NamedTuple):
    """The header of a batch that a producer sends; `sequence` is None for what a coordinator writes on its behalf."""

    producer_id: int
    epoch: int
    sequence: int | None
    length: int


@dataclass
class LogEntry:
    """A batch in the log."""

    producer_id: int
    offset: int
    records: Sequence[Any]
    status: Literal["open", "committed", "aborted"] = "open"


@dataclass
class _Producer:
    epoch: int = NO_EPOCH
    batches: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """First and last sequence number, and offset."""
    open: list[LogEntry] = field(default_factory=list)

    def move_to(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.epoch = epoch
            self.batches.clear()


class PartitionLog:
    """`verify` asks the coordinator whether a producer's transaction includes this partition; `forgets` decides whether the offset of a
    known batch is forgotten, as in brokers that remember only its sequence number.
    """

    def __init__(self, name: str, verify: Callable[[str | None, Batch], int], forgets: Callable[[], bool] = lambda: False) -> None:
        self.name = name
        self.entries: list[LogEntry] = []
        self.end = 0
        self._verify = verify
        self._forgets = forgets
        self._producers: dict[int, _Producer] = {}

    def append(self, transactional_id: str | None, batch: Batch, records: Callable[[], Sequence[Any]]) -> tuple[int, int]:
        """Write a batch of a transaction, if it may be written. Returns an error code and the batch's offset."""
        producer = self._producers.get(batch.producer_id, _Producer())
        if batch.epoch == producer.epoch and batch.sequence is not None:
            span = batch.sequence, batch.sequence + batch.length - 1
            for first, last, offset in producer.batches:
                if (first, last) == span:
                    return (DUPLICATE, -1) if self._forgets() else (OK, offset)
        if not (producer.open and producer.epoch == batch.epoch):
            error = self._verify(transactional_id, batch)
            if error:
                return error, -1
        if batch.epoch < producer.epoch:
            return OLD_EPOCH, -1
        if batch.sequence is not None and producer.epoch != NO_EPOCH:
            last_sequence = producer.batches[-1][1] if producer.batches and batch.epoch == producer.epoch else -1
            if batch.sequence != last_sequence + 1:
                return OUT_OF_ORDER, -1
        self._producers[batch.producer_id] = producer
        producer.move_to(batch.epoch)
        entry = LogEntry(batch.producer_id, self.end, records())
        if batch.sequence is not None:
            producer.batches.append((batch.sequence, batch.sequence + batch.length - 1, self.end))
        producer.open.append(entry)
        self.entries.append(entry)
        self.end += batch.length
        return OK, entry.offset

    def mark(self, producer_id: int, epoch: int, *, commit: bool) -> Sequence[LogEntry]:
        """Write the end of a producer's transaction. Returns what it ended."""
        producer = self._producers.setdefault(producer_id, _Producer())
        if epoch < producer.epoch:
            return ()
        producer.move_to(epoch)
        ended, producer.open = producer.open, []
        for entry in ended:
            entry.status = "committed" if commit else "aborted"
        self.end += 1
        return ended

    def open_of(self, producer_id: int) -> list[tuple[int, Any]]:
        """What a producer has written in its open transaction, with the offsets."""
        producer = self._producers.get(producer_id, _Producer())
        return [(entry.offset + n, record) for entry in producer.open for n, record in enumerate(entry.records)]

    @property
    def stable_end(self) -> int:
        """The last stable offset."""
        return min((entry.offset for producer in self._producers.values() for entry in producer.open[:1]), default=self.end)

    def committed(self) -> list[tuple[int, Any]]:
        """What a reader of committed records sees, with the offsets."""
        stable = self.stable_end
        return [
            (entry.offset + n, record)
            for entry in self.entries
            if entry.status == "committed" and entry.offset < stable
            for n, record in enumerate(entry.records)
        ]


def batch_of(data: bytes) -> Batch:
    """The header of a batch."""
    header = _HEADER.unpack_from(data)
    return Batch(producer_id=header[9], epoch=header[10], sequence=header[11], length=header[12])


def records_in(data: bytes) -> list[Written]:
    """The records of a batch."""
    found = []
    reader = MemoryRecords(data)
    while reader.has_next():
        found += [Written(one.key, one.value, tuple(one.headers)) for one in reader.next_batch()]
    return found
