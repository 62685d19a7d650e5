"""The `Transfers` port in memory: a partition of `transfers`, to which all others write in their transactions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from etapa.stream.protocol.ports import LogError
from etapa.stream.protocol.records import Outgoing, Record
from tests.simulation.machines.process import Process

Status = Literal["open", "committed", "aborted"]


@dataclass
class SentEntry:
    """A record, and what became of its transaction."""

    record: Record
    status: Status


class Wakes(Protocol):
    """What waits for records, and is told of them."""

    def wake(self) -> None:
        """There is something to read."""


class MemoryTransfers:
    """One partition of the topic. Its readers see nothing after a transaction that is open."""

    def __init__(self) -> None:
        self.entries: list[SentEntry] = []
        self.reader: Wakes | None = None

    def append(self, outgoing: Outgoing, status: Status = "open") -> SentEntry:
        """A record is written."""
        entry = SentEntry(Record(len(self.entries), 0, outgoing.key, outgoing.value, outgoing.headers), status)
        self.entries.append(entry)
        self._wake()
        return entry

    def end(self) -> int:
        """The offset of the first record that a reader does not see yet."""
        return next((entry.record.offset for entry in self.entries if entry.status == "open"), len(self.entries))

    def committed(self, start: int) -> list[Record]:
        """What a `read_committed` reader sees."""
        return [entry.record for entry in self.entries[start : self.end()] if entry.status == "committed"]

    def repeat(self, position: int) -> None:
        """Write a record that was committed once more, as a careless copy of the topic would."""
        committed = self.committed(0)
        record = committed[position % len(committed)]
        self.append(Outgoing(record.key, record.value, record.headers), "committed")

    def _wake(self) -> None:
        if self.reader is not None:
            self.reader.wake()


class MemoryTransfersReader:
    """A process's `Transfers`."""

    def __init__(self, transfers: MemoryTransfers, process: Process, portion: Callable[[int], int] = lambda available: available) -> None:
        self._transfers = transfers
        self._process = process
        self._portion = portion

    async def fetch(self, start: int, max_records: int, wait: float) -> Sequence[Record]:
        records = await self._call(start, max_records)
        if not records and wait > 0:
            await self._process.sleep(min(wait, LOOKS_EVERY))
            records = await self._call(start, max_records)
        return records

    async def _call(self, start: int, max_records: int) -> Sequence[Record]:
        return await self._process.call("fetch_transfers", lambda: self._fetch(start, max_records), lambda: LogError("no answer"))

    def _fetch(self, start: int, max_records: int) -> Sequence[Record]:
        records = self._transfers.committed(start)
        return records[: min(max_records, self._portion(len(records)))]


LOOKS_EVERY = 0.1
"""Seconds after which it looks again, when there was nothing."""
