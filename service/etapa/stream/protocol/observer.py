"""The port through which the partition task reports what happened, so that it can be counted, measured and shown.

Everything here is synchronous and must be cheap: it is called between two steps of a batch, never for a single record.
A method that raises ends the task, so none should. Times are microseconds since 1970; durations are seconds.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from etapa.contracts.incoming.rejected import Reason
from etapa.journey.engine.facts.change_counts import ChangeCounts
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.ledger.tables import CampaignGroup
from etapa.stream.protocol.arrivals import Arrivals
from etapa.stream.protocol.ports import TakeoverReason

BatchStep = Literal["decode", "load", "classify", "encode", "wait", "commit", "apply"]
"""The steps of a batch that are timed. `wait` is the wait until the view shows the previous batch."""

Beginning = BatchStep | Literal["fetch"]
"""What begins before a batch is committed: its steps, and the fetch that read it, which includes waiting for touchpoints."""


RecordOutcome = Literal["touchpoints", "skipped", "dead_letter"]
"""The result of a record read through a source: `dead_letter` if anything in it is unusable, `skipped` if nothing in it is wanted."""


class SourceCounts(msgspec.Struct, frozen=True):
    """Counts for records that went through a source."""

    records: Mapping[RecordOutcome, int]
    """A record counts in the batch that finishes it."""
    skipped: Mapping[str, int]
    """Records, or elements of records, by the rule that skips them."""
    rejected: int
    """Records, or elements of records, that cannot be used; one record gives at most one dead letter."""


class MovesCounted(msgspec.Struct, frozen=True):
    """Customers who moved to and from other partitions in a batch."""

    left: int
    arrived: int
    is_leaving: bool
    """Whether others still have to leave, and may."""


LinkOutcome = Literal["joined", "repeated", "forgotten", "two_known", "link_cycle", "not_linked", "evaluation_failed"]
"""What became of a link: two people are one or their ids hang together otherwise, nothing new, one of them was forgotten; or why it was refused."""


class LinksCounted(msgspec.Struct, frozen=True):
    """The links that a batch decided, wherever they were read."""

    outcomes: Mapping[LinkOutcome, int]
    letters: Mapping[Reason, int]
    """Dead letters about links that were read in other partitions."""


class BatchCommitted(msgspec.Struct, frozen=True):
    """One committed batch.

    `applied + duplicates + all dead letters + forwarded` is the number of records read. With a source, `applied + duplicates + source.rejected`
    plus everything skipped is the number of elements in the records.
    """

    applied: int
    """Touchpoints that were judged."""
    duplicates: int
    dead_letters: Mapping[Reason, int]
    changes: ChangeCounts
    """Published stage changes, their offers to campaigns, and triggers that had been held during a quiet time."""
    stage_deltas: Mapping[str, int]
    """By how many customers each stage grew (or shrank, when negative); unchanged stages are left out."""
    timers_fired: int
    timer_delays: "array[int]"
    """For each timer that fired, how long after its due time plus the journey's grace, in microseconds of stream time."""
    arrivals: Arrivals
    """When its records arrived; there are none when only timers fired."""
    committed_at: int
    stream_time: int | None
    seconds: Mapping[BatchStep, float]
    """How long each step took; `apply` is reported later, by `view_applied`."""
    began: Mapping[Beginning, float] = {}
    """How many seconds before the answer to the commit each of these first began."""
    source: SourceCounts | None = None
    """None where the records are touchpoints themselves."""
    outcomes: Sequence[CampaignOutcome] = ()
    """The outcomes of campaigns' goals."""
    forwarded: int = 0
    """Records whose customers live elsewhere; neither applied nor duplicates."""
    moves: MovesCounted | None = None
    """None where customers do not move."""
    links: LinksCounted | None = None
    """None where no links were decided."""
    forgotten: int = 0
    """Touchpoints of forgotten customers, which changed nothing."""
    forget_requests: int = 0
    """Records that asked to forget a customer, and did."""
    denied: int = 0
    """Forgotten customers on the partition's deny list now."""


class TaskObserver(Protocol):
    """What a partition task reports. Methods about a partition take its number first."""

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        """From now on the partition is not ready; `takeover_finished`, `released` or another start follows."""

    def takeover_finished(self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]) -> None:
        """The partition is ready. `customers` were read from the log; `counts` are the customers in each stage now."""

    def enrolled(self, partition: int, customers: Mapping[CampaignGroup, int]) -> None:
        """How many customers of the partition are in each group of a campaign with a goal: after a takeover, and when it changes."""

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        """A batch was committed to the log."""

    def view_applied(self, partition: int, delay: float, apply: float) -> None:
        """The view shows the last batch, `delay` seconds after its commit was answered; the call itself took `apply` seconds."""

    def fenced(self, partition: int) -> None:
        """Another worker took the partition over before we were told to leave."""

    def touchpoints_gone(self, partition: int, count: int) -> None:
        """Retention removed up to `count` touchpoints that were never processed. They are lost."""

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None:
        """The consumer group's committed offset differs from the mark's. The mark wins."""

    def damaged(self, partition: int, kind: str, message: str) -> None:
        """A takeover found traces of half a transaction; `kind` is a `damage.DamageKind`."""

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None:
        """Judging a customer's timer failed. The timer is dropped until the customer's next touchpoint."""

    def held_up(self, partition: int, since: int | None) -> None:
        """A touchpoint waits since then for its customer, who may be on the way here; none when none waits any more."""

    def refused(self, partition: int, message: str) -> None:
        """The partition cannot be processed before an operator acts; `message` says what was found and what would be right."""

    def released(self, partition: int) -> None:
        """The task has ended, one way or another: this worker reports nothing more about the partition."""

    def partitions_unowned(self, count: int) -> None:
        """In the whole group, this many partitions are assigned to no worker."""

    def clock_ahead(self, seconds: float) -> None:
        """The wall clock here is at least this many seconds ahead of a broker's; negative if it is behind."""


class NullObserver:
    """Ignores everything."""

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None: ...

    def takeover_finished(
        self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]
    ) -> None: ...

    def enrolled(self, partition: int, customers: Mapping[CampaignGroup, int]) -> None: ...

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None: ...

    def view_applied(self, partition: int, delay: float, apply: float) -> None: ...

    def fenced(self, partition: int) -> None: ...

    def touchpoints_gone(self, partition: int, count: int) -> None: ...

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None: ...

    def damaged(self, partition: int, kind: str, message: str) -> None: ...

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None: ...

    def held_up(self, partition: int, since: int | None) -> None: ...

    def refused(self, partition: int, message: str) -> None: ...

    def released(self, partition: int) -> None: ...

    def partitions_unowned(self, count: int) -> None: ...

    def clock_ahead(self, seconds: float) -> None: ...
