"""What the partition task needs from outside: a log, a view, a clock, and an observer.

Every port except the clock stands for one partition. The task uses only these: behind them are Kafka and Redis in the
worker, and in-memory twins in the simulation. Times are microseconds since 1970.
"""

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.mark import TopicRole
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.contracts.stored.transfer import TopicLayout
from etapa.errors import EtapaError
from etapa.stream.protocol.due_timers import DueTimers
from etapa.stream.protocol.records import Applied, Outgoing, Record, StateRecord
from etapa.stream.protocol.records_in_batches import Records


class LogError(EtapaError):
    """The log did not do what was asked. The task discards everything and takes the partition over again."""


class Fenced(LogError):
    """A successor has taken the partition over; we can no longer commit anything."""


class Blocked(LogError):
    """The log cannot do what was asked, and retrying will not help. The message says what was found, where, and what would be right."""


class TransactionHangs(LogError):
    """An old transaction in a partition that we write to is neither committed nor aborted, and nothing will end it.

    Our next commit would end it too, and expose what it holds. The message says where it is and how to end it.
    """


class TopicsMissing(LogError):
    """A topic that we read or write no longer exists, or we may not see it. The message names it."""


class OutcomeUnknown(LogError):
    """A commit was sent and no answer came. Only the log knows whether it happened."""


class ViewError(EtapaError):
    """The view did not answer, or answered with an error."""


class UnreadableMark(ViewError):
    """The view's mark makes no sense: something else wrote to the view."""


class Topics(msgspec.Struct, frozen=True):
    """The topics that a worker reads and writes, as the log reports them now."""

    partitions: int
    """Of touchpoints."""
    ids: Mapping[TopicRole, str] = {}
    """A topic that is deleted and created again gets a new id. Topics without an id, or whose id the log does not report, are left out."""
    names: Mapping[TopicRole, str] = {}
    transfers: int = 0
    """Partitions of `transfers`; 0 when there is no such topic, and customers do not move."""


class Fetched(msgspec.Struct, frozen=True):
    """The records that were there to read. `end` is the offset after the last record of the log; lag is measured against it.

    `caught_up`: nothing more was waiting after these records (offsets that hold no record count as read), and the log
    itself said so recently. Timers fire because of it, so it is false when the log does not answer.
    """

    records: Records
    end: int
    caught_up: bool


class Transaction(msgspec.Struct, frozen=True):
    """Everything that one batch commits. The mark is written last."""

    stage_changes: Sequence[Outgoing]
    campaign_triggers: Sequence[Outgoing]
    dead_letters: Sequence[Outgoing]
    states: Sequence[Outgoing]
    mark_key: bytes
    mark_value: bytes
    next_offset: int
    """The consumer group's offset: the first touchpoint that is not part of this batch or an earlier one."""
    ledger: Sequence[Outgoing] = ()
    """Pages of the ledger; they go to `customer-state`, like the states."""
    campaign_outcomes: Sequence[Outgoing] = ()
    transfers: Sequence[tuple[int, Outgoing]] = ()
    """For partitions of `transfers`, in order. Empty without `Transfers`."""
    moved: Sequence[Outgoing] = ()
    """Control records for `stage-changes`, after the changes: where the changes of those who leave continue."""


RECENT_OFFSETS = 256
"""How many offsets at the end of `stage-changes` a takeover looks at."""


class RecentChanges(msgspec.Struct, frozen=True):
    """The committed records among the last `RECENT_OFFSETS` of the partition of `stage-changes`, in order."""

    records: Sequence[Record]
    all: bool
    """Whether these are all there ever were: there are none before them, and retention has removed none."""


class States(Protocol):
    """One partition of `customer-state`, as a reader sees it. Methods raise `LogError`."""

    async def state_range(self) -> tuple[int, int]:
        """The first offset, and the offset after the last committed one."""

    def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        """Committed records from `start` to before `end`, in chunks, in order."""


class Log(States, Protocol):
    """One partition of the topics. Methods raise `LogError`; `commit` may raise `Fenced` or `OutcomeUnknown`."""

    async def fence(self) -> None:
        """Start a transactional producer for the partition: once this returns, no predecessor can commit.

        Settles any transaction that a predecessor left open. May be called again, with or without `close` in between.
        Raises `TransactionHangs` when a transaction cannot be settled, and `TopicsMissing`.
        """

    async def touchpoint_range(self) -> tuple[int, int]:
        """The first offset, and the offset after the last, of the partition of `touchpoints`."""

    async def group_offset(self) -> int | None:
        """The consumer group's committed offset. Only for comparison: nothing depends on it."""

    async def topics(self) -> Topics:
        """The topics as they are now. From here on, `fetch` raises `LogError` once they are known to have been replaced."""

    async def recent_changes(self) -> RecentChanges:
        """The end of the partition of `stage-changes`. Call it after the fence."""

    def seek(self, offset: int) -> None:
        """Continue reading touchpoints at `offset`."""

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        """The records that are there, without waiting for more; waits up to `wait` seconds when there are none.

        Raises `LogError` when the next records no longer exist (it never skips records by itself), and when a topic is
        no longer the one that `topics` reported, which may be noticed a few seconds late.
        """

    async def commit(self, transaction: Transaction) -> int:
        """Commit one transaction. Returns the offset of its mark in `customer-state`."""

    async def close(self) -> None:
        """Close the producer. Safe to call more than once, and after a failure; never raises `LogError`."""


class Transfers(Protocol):
    """One partition of `transfers`, where customers may move between partitions. Methods raise `LogError`.

    It is used only while `Topics.transfers` says that there is one.
    """

    async def fetch(self, start: int, max_records: int, wait: float) -> Sequence[Record]:
        """The committed records from offset `start` on, in order; waits up to `wait` seconds when there are none.

        With another `start` than where the last call ended, it returns nothing only if nothing was there when it was called.
        While it or `Log.fetch` waits, something new in either input ends the wait.
        """


VIEW_FORMAT = 1
"""The version of the view's layout. A view with another number is not read."""


class ViewMark(msgspec.Struct, frozen=True):
    """How far the view got, and whose it is. `complete` is false while it is being rebuilt."""

    state_offset: int
    through: int
    """The offset of the last touchpoint included; -1 when there was none."""
    stream_time: int | None
    group: str
    partitions: int
    format: int
    complete: bool = True
    memories: Mapping[int, bytes] = {}
    """As in the log's mark (see `Mark`)."""
    names: tuple[str, ...] = ()
    """As in the log's mark."""
    layout: TopicLayout | None = None
    """As in the log's mark; none where customers never moved."""

    def in_common(self) -> InCommon:
        """What the states in the view leave out."""
        return InCommon(self.memories, self.names)


class LoadedCustomers(msgspec.Struct, frozen=True):
    """States (in the order asked for; none for a new customer), due timers ordered by (due, customer), and the mark at that same moment."""

    mark: ViewMark | None
    states: Sequence[bytes | None]
    due: DueTimers
    more_due: bool
    """Whether the limit cut the list of due timers short."""


class Scanned(msgspec.Struct, frozen=True):
    """Some customers with their states, possibly with repeats, and the cursor for the next call (none: there are no more)."""

    states: Sequence[tuple[str, bytes]]
    cursor: int | None
    customers: int
    """How many customers there are in all. Forwarding addresses are among the states, and not counted here."""


NO_PAGES: Mapping[bytes, bytes | None] = MappingProxyType({})
"""No page of the ledger changes."""
ApplyOutcome = Literal["applied", "already", "refused"]


class View(Protocol):
    """One partition of the view. Methods raise `ViewError`."""

    async def mark(self) -> ViewMark | None:
        """The mark, or none when the view of this partition is empty or was lost."""

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        """States, due timers (due at or before `due_by`, with the states of their customers if `due_states`) and the mark, all read at one moment."""

    async def counts(self) -> Mapping[str, int]:
        """How many customers are in each stage, by stage id; stages without customers may be missing."""

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        """The stored pages of the ledger by name, and the mark at that same moment. Without people with several ids."""

    async def linked(self, kept: Sequence[str]) -> tuple[ViewMark | None, Sequence[bytes | None]]:
        """The entries of the people who are kept under these ids (`contracts.stored.linked_ids`), if any, and the mark at that same moment."""

    def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> Coroutine[Any, Any, ApplyOutcome]:
        """Show `customers` and pages of the ledger (none removes a page) and set `mark`, in one step, if the view's mark is at `follows`
        (none: no mark).

        Returns `already` when the view's mark is at `mark.state_offset` already, `refused` when it is anywhere else.
        With `follows` none, anything left in the partition's keys is removed first. Each customer may appear only once.
        Of a customer who is not `moved` the stage stays as it is shown, and of one who is not `rescheduled` the timer.
        The call itself prepares what does not need the view; nothing is sent before its result is awaited.
        """

    async def scan(self, cursor: int, count: int) -> Scanned:
        """Read about `count` customers, starting at cursor 0. Customers that exist throughout the scan are seen at least once."""

    async def reclassification(self) -> tuple[ReclassifyRequest | None, ReclassifyProgress | None]:
        """What `etapa reclassify` asks for, and the progress last noted."""

    async def note(self, progress: ReclassifyProgress) -> None:
        """Note how far a request has got, for display. Nothing else depends on it."""


class Clock(Protocol):
    """The wall clock, and waiting."""

    def now(self) -> int:
        """Microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds, for measuring how long something took."""

    async def sleep(self, seconds: float) -> None:
        """Wait; `sleep(0)` lets others run."""


TakeoverReason = Literal["assigned", "refused", "wrong_mark", "outcome_unknown", "log_error", "view_error", "schemas_away", "fenced"]
