"""Whom the partition task tells what happened, so that it can be counted, measured and shown.

Everything here is synchronous and must be cheap: it is called between two steps of a batch, never for a single record.
A method that raises ends the task, so none should. Times are microseconds since 1970, lengths of time are seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from etapa.contracts.incoming.rejected import Reason
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.stream.protocol.ports import TakeoverReason
from etapa.stream.protocol.records import Record

BatchStep = Literal["decode", "load", "classify", "encode", "wait", "commit", "apply"]
"""The parts of a batch that are timed. `wait` is for the view to show the batch before."""

Beginning = BatchStep | Literal["fetch"]
"""What begins before a batch is committed: its steps, and the fetch that read it, part of which is waiting for touchpoints."""


RecordOutcome = Literal["touchpoints", "skipped", "dead_letter"]
"""What comes of a record that goes through a source: `dead_letter` if anything in it cannot be used, `skipped` if nothing in it is wanted."""


class SourceCounts(msgspec.Struct, frozen=True):
    """Of records that went through a source."""

    records: Mapping[RecordOutcome, int]
    """A record counts in the batch in which the last of it is done."""
    skipped: Mapping[str, int]
    """Records, or elements of them, by the rule that skips them."""
    rejected: int
    """Records, or elements of them, that cannot be used; all those of one record make one dead letter."""


class BatchCommitted(msgspec.Struct, frozen=True):
    """One batch that became real.

    `applied + duplicates + all dead letters` is the number of records read. With a source it is `applied + duplicates + source.rejected`
    and all skipped, and it is that of the records' elements.
    """

    applied: int
    """Touchpoints that were judged."""
    duplicates: int
    dead_letters: Mapping[Reason, int]
    changes: Sequence[StageChange]
    stage_deltas: Mapping[str, int]
    """By how many customers each stage grew (or shrank, when negative); stages that did neither are missing."""
    timers_fired: int
    timer_delays: Sequence[float]
    """For each timer that fired, how long after its due time and the journey's grace, in seconds of stream time."""
    records: Sequence[Record]
    """The touchpoint records of the batch, for their timestamps; empty when only timers ran. One that holds several is there as often."""
    committed_at: int
    stream_time: int | None
    seconds: Mapping[BatchStep, float]
    """How long each step took; `apply` is told later, by `view_applied`."""
    began: Mapping[Beginning, float] = {}
    """How many seconds before the commit was answered each of them began first."""
    source: SourceCounts | None = None
    """None where records are touchpoints themselves."""
    released: Sequence[Release] = ()
    """What became of campaign triggers that had been held over a quiet time."""
    outcomes: Sequence[CampaignOutcome] = ()
    """What became of campaigns' goals."""


class TaskObserver(Protocol):
    """What a partition task tells. Methods about a partition name it first."""

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None:
        """From now on the partition is not ready; `takeover_finished`, `released` or another start follows."""

    def takeover_finished(self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]) -> None:
        """The partition is ready. `customers` were read from the log; `counts` are the customers in each stage now."""

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None:
        """A batch became real in the log."""

    def view_applied(self, partition: int, delay: float, apply: float) -> None:
        """The view shows the last batch, `delay` seconds after its commit was answered; `apply` is what the call took."""

    def fenced(self, partition: int) -> None:
        """Another worker took the partition over before we were told to leave."""

    def touchpoints_gone(self, partition: int, count: int) -> None:
        """Retention removed up to `count` touchpoints that were never processed. They are lost."""

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None:
        """The consumer group's committed offset is not where the mark says to go on. The mark wins."""

    def damaged(self, partition: int, kind: str, message: str) -> None:
        """A takeover found what half a transaction leaves behind; `kind` is a `damage.DamageKind`."""

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None:
        """Judging a customer's timer raised. The timer is dropped until the customer's next touchpoint."""

    def refused(self, partition: int, message: str) -> None:
        """The partition cannot be processed before somebody steps in; `message` says what was found and what is right."""

    def released(self, partition: int) -> None:
        """The task has ended, in whatever way: this worker says nothing more about the partition."""

    def partitions_unowned(self, count: int) -> None:
        """In the whole group, this many partitions were given to no worker."""

    def clock_ahead(self, seconds: float) -> None:
        """By how much the wall clock here is ahead of a broker's, at least; negative: behind."""


class NullObserver:
    """Ignores everything."""

    def takeover_started(self, partition: int, reason: TakeoverReason) -> None: ...

    def takeover_finished(
        self, partition: int, reason: TakeoverReason, seconds: float, customers: int, counts: Mapping[str, int]
    ) -> None: ...

    def batch_committed(self, partition: int, batch: BatchCommitted) -> None: ...

    def view_applied(self, partition: int, delay: float, apply: float) -> None: ...

    def fenced(self, partition: int) -> None: ...

    def touchpoints_gone(self, partition: int, count: int) -> None: ...

    def group_offset_disagrees(self, partition: int, group_offset: int, next_offset: int) -> None: ...

    def damaged(self, partition: int, kind: str, message: str) -> None: ...

    def timer_failed(self, partition: int, customer_id: str, error: str) -> None: ...

    def refused(self, partition: int, message: str) -> None: ...

    def released(self, partition: int) -> None: ...

    def partitions_unowned(self, count: int) -> None: ...

    def clock_ahead(self, seconds: float) -> None: ...
