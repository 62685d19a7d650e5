"""The `Log` port in memory, with everything that a broker does: transactions, fencing, offsets without a record, compaction.

`MemoryBroker` is one partition of every topic, shared by all processes; `MemoryLog` is what one process has of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import msgspec

from etapa.contracts.stored.mark import TOPIC_ROLES, TopicRole
from etapa.stream.protocol.belonging import changed
from etapa.stream.protocol.ports import (
    RECENT_OFFSETS,
    Fenced,
    Fetched,
    LogError,
    OutcomeUnknown,
    RecentChanges,
    Topics,
    Transaction,
    TransactionHangs,
)
from etapa.stream.protocol.records import Headers, Outgoing, Record, StateRecord
from tests.simulation.machines.memory_transfers import MemoryTransfers, MemoryTransfersReader, SentEntry, Status
from tests.simulation.machines.process import Process, finish

Tear = Literal["changes", "mark", "mark and changes"]
"""The part of a transaction that is lost when its end arrives between two of its writes."""


class Torn(Exception):
    """A transaction was torn: Kafka accepts nothing more from the producer that ended it."""


@dataclass
class _StateEntry:
    record: StateRecord
    status: Status


@dataclass(frozen=True)
class Committed:
    """A committed transaction. `state_offset` is the offset of its mark."""

    transaction: Transaction
    state_offset: int
    epoch: int


@dataclass
class _Open:
    transaction: Transaction
    entries: list[_StateEntry]
    transfers: Sequence[SentEntry] = ()

    def end(self, status: Status) -> None:
        """Its records are committed or aborted from now on."""
        for entry in self.entries:
            entry.status = status
        for sent in self.transfers:
            sent.status = status


@dataclass
class MemoryBroker:
    """One partition of the topics. Without `fencing`, old owners go on; without `tells_hanging`, hanging transactions are hidden."""

    partitions: int = 1
    number: int = 0
    topic_ids: dict[TopicRole, str] = field(default_factory=lambda: {role: f"{role} 1" for role in TOPIC_ROLES})
    looks_every: float = 0.0
    """Seconds for which a process may rely on what it last saw of the topics."""
    fencing: bool = True
    tells_hanging: bool = True
    loses_markers: bool = False
    """Transactions end as usual, but readers do not learn of it."""
    touchpoints: list[Record] = field(default_factory=list)
    first_offset: int = 0
    end_offset: int = 0
    state_end: int = 0
    committed: list[Committed] = field(default_factory=list)
    """In the order of their commits: what a `read_committed` consumer sees."""
    changes: list[Record] = field(default_factory=list)
    """What a `read_committed` consumer sees of `stage-changes`."""
    changes_end: int = 0
    tear: Tear | None = None
    was_torn: bool = False
    """The part to lose of the next transaction with stage changes that ends."""
    dead_letters: list[Outgoing] = field(default_factory=list)
    """In the order in which a `read_committed` consumer sees them."""
    outcomes: list[Outgoing] = field(default_factory=list)
    """Outcomes of campaigns' goals, in the same order."""
    group_offset: int | None = None
    group_offset_moved: bool = False
    """Whether it was moved by hand."""
    epoch: int = 0
    on_commit: Callable[[Committed], None] | None = None
    transfers: Sequence[MemoryTransfers] = ()
    """All partitions of `transfers`, where customers may move."""
    _states: list[_StateEntry] = field(default_factory=list)
    _open: dict[int, _Open] = field(default_factory=dict)
    _hanging: list[_Open] = field(default_factory=list)
    """Ended without a marker. The next marker of the same producer, which all owners share, ends them for readers too."""
    _arrivals: list[asyncio.Future[None]] = field(default_factory=list)

    def append(self, key: bytes | None, value: bytes | None, headers: Headers = (), timestamp: int = 0) -> int:
        """A touchpoint arrives. Returns its offset."""
        offset = self.end_offset
        self.touchpoints.append(Record(offset, timestamp, key, value, headers))
        self.end_offset += 1
        self.wake()
        return offset

    def wake(self) -> None:
        """There is something to read: whoever waits for it looks again."""
        for arrival in self._arrivals:
            finish(arrival)
        self._arrivals.clear()

    def leave_gap(self, offsets: int = 1) -> None:
        """Offsets without a record, as left by the producers' own transactions and their markers."""
        self.end_offset += offsets

    def remove_before(self, offset: int) -> None:
        """Retention."""
        self.touchpoints = [record for record in self.touchpoints if record.offset >= offset]
        self.first_offset = offset

    def recreate(self, role: TopicRole) -> None:
        """Delete a topic and make it again: its records are gone, and its offsets begin at 0."""
        name, number = self.topic_ids[role].rsplit(" ", 1)
        self.topic_ids[role] = f"{name} {int(number) + 1}"
        if role == "touchpoints":
            self.touchpoints = []
            self.first_offset = self.end_offset = 0
        elif role == "customer-state":
            self._states = []
            self.state_end = 0

    @property
    def topics(self) -> Topics:
        """What it says of them now."""
        return Topics(self.partitions, dict(self.topic_ids), transfers=len(self.transfers))

    def compact(self, keep: int = 0) -> None:
        """Remove superseded and aborted records of `customer-state`, except in the last `keep` offsets."""
        last = {entry.record.key: entry.record.offset for entry in self._states if entry.status == "committed"}
        self._states = [
            entry
            for entry in self._states
            if entry.status == "open"
            or entry.record.offset >= self.state_end - keep
            or (entry.status == "committed" and last[entry.record.key] == entry.record.offset)
        ]

    @property
    def hanging(self) -> int:
        """Transactions that were begun and neither committed nor aborted."""
        return len(self._open) + len(self._hanging)

    def abort_hanging(self) -> None:
        """Abort them, as an operator can."""
        for hanging in self._hanging:
            self._give_up(hanging)
        self._hanging.clear()

    def committed_states(self, start: int, end: int) -> list[StateRecord]:
        """What a `read_committed` reader sees of `customer-state`."""
        return [entry.record for entry in self._states if entry.status == "committed" and start <= entry.record.offset < end]

    def stable_end(self) -> int:
        """The offset after the last one that is shown: nothing after an open transaction is."""
        return min([opened.entries[0].record.offset for opened in (*self._open.values(), *self._hanging)], default=self.state_end)

    def fence(self) -> int:
        """A producer starts: earlier ones are fenced, and what they had begun is aborted."""
        self.epoch += 1
        if self.fencing:
            for epoch in list(self._open):
                self._abort(epoch)
        if self._hanging and self.tells_hanging:
            raise TransactionHangs(f"a transaction hangs from offset {self.stable_end()} on, its end is {self.state_end}")
        return self.epoch

    def write(self, epoch: int, transaction: Transaction) -> None:
        """Begin a transaction and write all of it."""
        self._check(epoch)
        entries = []
        for one in (*transaction.states, *transaction.ledger, Outgoing(transaction.mark_key, transaction.mark_value)):
            entries.append(_StateEntry(StateRecord(self.state_end, one.key or b"", one.value), "open"))
            self.state_end += 1
        self._states += entries
        self._open[epoch] = _Open(transaction, entries, [self.transfers[to].append(one) for to, one in transaction.transfers])

    def end(self, epoch: int) -> int:
        """Commit what was written."""
        self._check(epoch)
        opened = self._open.pop(epoch)
        if self.tear is not None and opened.transaction.stage_changes:
            self._show_half(opened, self.tear)
        elif self.loses_markers:
            self._hanging.append(opened)
        else:
            for ended in (*self._hanging, opened):
                self._show(ended, epoch)
            self._hanging.clear()
            self.state_end += 1
        return opened.entries[-1].record.offset

    def _show(self, opened: _Open, epoch: int) -> None:
        opened.end("committed")
        self.group_offset = opened.transaction.next_offset
        committed = Committed(opened.transaction, opened.entries[-1].record.offset, epoch)
        self.committed.append(committed)
        self.dead_letters += committed.transaction.dead_letters
        self.outcomes += committed.transaction.campaign_outcomes
        self._publish_changes(opened.transaction)
        if self.on_commit is not None:
            self.on_commit(committed)

    def _show_half(self, opened: _Open, tear: Tear) -> None:
        """Tear a transaction, as if its end had arrived before some of its writes, and these had then been aborted with the next one."""
        self.tear, self.was_torn = None, True
        if tear == "changes":
            opened.transaction = msgspec.structs.replace(opened.transaction, stage_changes=(), moved=())
            self._show(opened, self.epoch)
            self.state_end += 1
        else:
            self._give_up(opened)
            self.group_offset = opened.transaction.next_offset
        if tear == "mark":
            self._publish_changes(opened.transaction)
        raise Torn

    def _publish_changes(self, transaction: Transaction) -> None:
        for one in (*transaction.stage_changes, *transaction.moved):
            self.changes.append(Record(self.changes_end, 0, one.key, one.value, one.headers))
            self.changes_end += 1
        self.changes_end += 1

    def recent_changes(self) -> RecentChanges:
        """Those at the end."""
        start = max(0, self.changes_end - RECENT_OFFSETS)
        return RecentChanges([one for one in self.changes if one.offset >= start], start == 0)

    def abort(self, epoch: int) -> None:
        """Give up what was written, if anything was."""
        if epoch in self._open:
            self._abort(epoch)

    def arrival(self) -> "asyncio.Future[None]":
        """Done when the next touchpoint arrives."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals.append(future)
        return future

    def _abort(self, epoch: int) -> None:
        opened = self._open.pop(epoch)
        if self.loses_markers:
            self._hanging.append(opened)
            return
        for ended in (*self._hanging, opened):
            self._give_up(ended)
        self._hanging.clear()

    def _give_up(self, opened: _Open) -> None:
        opened.end("aborted")
        self.state_end += 1

    def _check(self, epoch: int) -> None:
        if self.fencing and epoch != self.epoch:
            raise Fenced(f"epoch {epoch}, now {self.epoch}")


class MemoryLog:
    """A process's `Log`. `portion` decides how many of the waiting records one fetch or one chunk returns."""

    def __init__(self, broker: MemoryBroker, process: Process, portion: Callable[[int], int] = lambda available: available) -> None:
        self._broker = broker
        self._process = process
        self._portion = portion
        self._epoch = 0
        self._position: int | None = None
        self._revoked = False
        self._topics: Topics | None = None
        self._seen: tuple[float, Topics] | None = None

    def revoke(self) -> None:
        """The group has revoked the partition: the process reads nothing more."""
        self._revoked = True

    def transfers(self) -> MemoryTransfersReader | None:
        """The process's access to the partition of `transfers`, if there is one."""
        broker = self._broker
        return MemoryTransfersReader(broker.transfers[broker.number], self._process, self._portion) if broker.transfers else None

    async def fence(self) -> None:
        self._epoch = await self._process.call("fence", self._broker.fence, no_answer)

    async def state_range(self) -> tuple[int, int]:
        return await self._process.call("state_range", lambda: (0, self._broker.stable_end()), no_answer)

    async def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        while start < end:
            records = await self._process.call("states", partial(self._chunk, start, end), no_answer)
            if not records:
                return
            yield records
            start = records[-1].offset + 1

    def _chunk(self, start: int, end: int) -> Sequence[StateRecord]:
        records = self._broker.committed_states(start, end)
        return records[: self._portion(len(records))]

    async def touchpoint_range(self) -> tuple[int, int]:
        return await self._process.call("touchpoint_range", lambda: (self._broker.first_offset, self._broker.end_offset), no_answer)

    async def group_offset(self) -> int | None:
        return await self._process.call("group_offset", lambda: self._broker.group_offset, no_answer)

    async def topics(self) -> Topics:
        self._topics = await self._process.call("topics", lambda: self._broker.topics, no_answer)
        self._seen = asyncio.get_running_loop().time(), self._topics
        return self._topics

    async def recent_changes(self) -> RecentChanges:
        return await self._process.call("recent_changes", self._broker.recent_changes, no_answer)

    def seek(self, offset: int) -> None:
        self._position = offset

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        fetched = await self._process.call("fetch", lambda: self._fetch(max_records, max_bytes), no_answer)
        if not fetched.records and fetched.caught_up and wait > 0:
            await self._process.sleep(wait, until=self._broker.arrival())
            fetched = await self._process.call("fetch", lambda: self._fetch(max_records, max_bytes), no_answer)
        # Only now: if the response is lost, the next fetch must ask for the same again.
        if fetched.records:
            self._position = fetched.records[-1].offset + 1
        return fetched

    def _fetch(self, max_records: int, max_bytes: int) -> Fetched:
        position = self._position
        if position is None:
            raise LogError("fetch before seek")
        if self._revoked:
            raise LogError("the partition was revoked")
        if self._topics is not None and (what := self._what_changed(self._topics)):
            raise LogError(what)
        if not self._broker.first_offset <= position <= self._broker.end_offset:
            raise LogError(f"offset {position} is out of range")
        waiting = [record for record in self._broker.touchpoints if record.offset >= position]
        records: list[Record] = []
        size = 0
        for record in waiting[: self._portion(min(len(waiting), max_records))]:
            size += len(record.value or b"")
            if records and size > max_bytes:
                break
            records.append(record)
        return Fetched(records, self._broker.end_offset, caught_up=len(records) == len(waiting))

    def _what_changed(self, topics: Topics) -> str:
        now = asyncio.get_running_loop().time()
        if self._seen is None or now - self._seen[0] >= self._broker.looks_every:
            self._seen = now, self._broker.topics
        return changed(topics, self._seen[1])

    async def commit(self, transaction: Transaction) -> int:
        epoch = self._epoch
        await self._process.call("write", lambda: self._broker.write(epoch, transaction), no_answer)
        try:
            return await self._process.call("commit", lambda: self._broker.end(epoch), lambda: OutcomeUnknown("no answer to the commit"))
        except Torn:
            raise OutcomeUnknown("its end was not answered") from None

    async def close(self) -> None:
        if self._epoch:
            epoch, self._epoch = self._epoch, 0
            with suppress(LogError):
                await self._process.call("close", lambda: self._broker.abort(epoch), no_answer)


def no_answer() -> Exception:
    """The error for a caller whose request or response was lost."""
    return LogError("no answer")
