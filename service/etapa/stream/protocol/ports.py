"""What the partition task needs of the world: a log, a view, a clock, and somebody to tell.

Every port stands for one partition (except the clock). The task is written against these alone; Kafka and Redis are
behind them in the worker, and in-memory twins in the simulation. Times are microseconds since 1970.
"""

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from etapa.contracts.stored.mark import TopicRole
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.errors import EtapaError
from etapa.stream.protocol.records import Applied, Outgoing, Record, StateRecord


class LogError(EtapaError):
    """The log did not do what was asked. The task throws everything away and takes the partition over again."""


class Fenced(LogError):
    """A successor has taken the partition over; nothing of ours can be committed any more."""


class Blocked(LogError):
    """The log cannot do what was asked, and will not by itself. The message says what was found, where, and what would be right."""


class TransactionHangs(LogError):
    """A transaction of the past is neither committed nor aborted in a partition that we write to, and nobody will end it.

    Whatever we commit would end it too, and show what it holds. The message says where it is and what ends it.
    """


class TopicsMissing(LogError):
    """A topic that we read or write is not there any more, or is hidden from us. The message names it."""


class OutcomeUnknown(LogError):
    """A commit was sent and no answer came: it may have happened or not. Only the log knows."""


class ViewError(EtapaError):
    """The view did not answer, or answered with an error."""


class UnreadableMark(ViewError):
    """Somebody else wrote to the view: its mark makes no sense."""


class Topics(msgspec.Struct, frozen=True):
    """The topics that a worker reads and writes, as the log tells of them now."""

    partitions: int
    """Of touchpoints."""
    ids: Mapping[TopicRole, str] = {}
    """A topic that is deleted and made anew has another one. Missing is what the log does not tell, or does not have."""
    names: Mapping[TopicRole, str] = {}


class Fetched(msgspec.Struct, frozen=True):
    """What was there to read. `end` is the offset the log goes up to, so that lag can be told.

    `caught_up`: after these records nothing more was waiting (offsets that hold no record count as read), and the log
    said so itself, not long ago: timers fire because of it. When the log does not answer, nothing is known, so it is false.
    """

    records: list[Record]
    end: int
    caught_up: bool


class Transaction(msgspec.Struct, frozen=True):
    """All that one batch makes real. The mark is written last of all."""

    stage_changes: Sequence[Outgoing]
    campaign_triggers: Sequence[Outgoing]
    dead_letters: Sequence[Outgoing]
    states: Sequence[Outgoing]
    mark_key: bytes
    mark_value: bytes
    next_offset: int
    """The consumer group's offset: the first touchpoint that is not part of this batch or an earlier one."""
    ledger: Sequence[Outgoing] = ()
    """Pages of the ledger; records of `customer-state` like the states."""
    campaign_outcomes: Sequence[Outgoing] = ()


RECENT_OFFSETS = 256
"""Offsets at the end of `stage-changes` that a takeover looks at."""


class RecentChanges(msgspec.Struct, frozen=True):
    """The committed records among the last `RECENT_OFFSETS` of the partition of `stage-changes`, in order."""

    records: Sequence[Record]
    all: bool
    """Whether these are all that were ever there: none are before them, and retention has removed none."""


class States(Protocol):
    """One partition of `customer-state`, as whoever reads it sees it. Methods raise `LogError`."""

    async def state_range(self) -> tuple[int, int]:
        """First offset, and the offset after the last committed one."""

    def states(self, start: int, end: int) -> AsyncIterator[Sequence[StateRecord]]:
        """Committed records from `start` up to but without `end`, in chunks, in order."""


class Log(States, Protocol):
    """One partition of the topics. Methods raise `LogError`; `commit` may raise `Fenced` or `OutcomeUnknown`."""

    async def fence(self) -> None:
        """Start a transactional producer for the partition: no predecessor can commit after this returns.

        Settles whatever transaction a predecessor left open. May be called again, with or without `close` in between.
        Raises `TransactionHangs` when one cannot be settled, and `TopicsMissing`.
        """

    async def touchpoint_range(self) -> tuple[int, int]:
        """First offset, and the offset after the last, of the partition of `touchpoints`."""

    async def group_offset(self) -> int | None:
        """The consumer group's committed offset, for comparison only: nothing depends on it."""

    async def topics(self) -> Topics:
        """The topics as they are now. From here on `fetch` raises `LogError` once it is known that they are others."""

    async def recent_changes(self) -> RecentChanges:
        """The end of the partition of `stage-changes`. To be asked for after the fence."""

    def seek(self, offset: int) -> None:
        """Continue reading touchpoints at `offset`."""

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        """What is there, without waiting to fill it; waits up to `wait` seconds when there is nothing.

        Raises `LogError` when what comes next is there no more: it never jumps over records by itself. And when a topic is
        another than `topics` told, which may come to be known a few seconds late.
        """

    async def commit(self, transaction: Transaction) -> int:
        """Commit one transaction. Gives the offset of its mark in `customer-state`."""

    async def close(self) -> None:
        """Let go of the producer. Safe to call more than once, and after a failure; never raises `LogError`."""


VIEW_FORMAT = 1
"""The number that says how the view is laid out. Another one is not read."""


class ViewMark(msgspec.Struct, frozen=True):
    """What the view says of itself. `complete` is false while it is being rebuilt."""

    state_offset: int
    through: int
    """The last touchpoint offset that it includes; -1 when there was none."""
    stream_time: int | None
    group: str
    partitions: int
    format: int
    complete: bool = True
    memories: Mapping[int, bytes] = {}
    """As the mark in the log has them (see `Mark`)."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """A customer whose timer is due, with its state as stored."""

    customer_id: str
    due: int
    state: bytes


class LoadedCustomers(msgspec.Struct, frozen=True):
    """States (in the order asked for; none where the customer is new), due timers in order of (due, customer), and the mark of that same moment."""

    mark: ViewMark | None
    states: Sequence[bytes | None]
    due: Sequence[Due]
    more_due: bool
    """True when the limit cut the list of due timers short."""


class Scanned(msgspec.Struct, frozen=True):
    """Some customers with their states, perhaps one of them twice, and where to look on (none: there are no more)."""

    states: Sequence[tuple[str, bytes]]
    cursor: int | None
    customers: int
    """How many there are in all."""


NO_PAGES: Mapping[bytes, bytes | None] = MappingProxyType({})
"""No page of the ledger changes."""
ApplyOutcome = Literal["applied", "already", "refused"]


class View(Protocol):
    """One partition of the view. Methods raise `ViewError`."""

    async def mark(self) -> ViewMark | None:
        """The mark, or none when the view of this partition is empty or was lost."""

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int) -> LoadedCustomers:
        """States, due timers (due at or before `due_by`) and the mark, as of one moment."""

    async def counts(self) -> Mapping[str, int]:
        """How many customers are in each stage, by stage id; stages without customers may be missing."""

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        """The pages of the ledger by name, as they are stored, and the mark of that same moment."""

    def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> Coroutine[Any, Any, ApplyOutcome]:
        """Make `customers` and pages of the ledger (none: it is no more) visible and set `mark`, in one step, if the view's mark is at `follows`
        (none: no mark).

        `already` when the view's mark is at `mark.state_offset` already, `refused` when it is anywhere else.
        With `follows` none, whatever was left in the partition's keys is removed first. A customer may be named once only.
        What can be made ready without the view is so at the call; nothing is sent before what it gives is awaited.
        """

    async def scan(self, cursor: int, count: int) -> Scanned:
        """Look at about `count` customers, from 0 on. Those that are there all the time until the end are seen at least once."""

    async def reclassification(self) -> tuple[ReclassifyRequest | None, ReclassifyProgress | None]:
        """What `etapa reclassify` asks for, and what was last noted of it."""

    async def note(self, progress: ReclassifyProgress) -> None:
        """Note how far a request has got, for those who asked. Nothing else depends on it."""


class Clock(Protocol):
    """The wall clock, and waiting."""

    def now(self) -> int:
        """Microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds, for measuring how long something took."""

    async def sleep(self, seconds: float) -> None:
        """Wait; `sleep(0)` lets others run."""


TakeoverReason = Literal["assigned", "refused", "wrong_mark", "outcome_unknown", "log_error", "view_error", "schemas_away", "fenced"]
