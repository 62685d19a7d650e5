"""A batch that was judged and written: what it commits, and what the observer hears of it afterwards."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.journey.engine.work import Work
from etapa.stream.protocol.arrivals import Arrivals
from etapa.stream.protocol.batch import Encoded, stage_deltas
from etapa.stream.protocol.intake import Accounted
from etapa.stream.protocol.ledger_keeper import LedgerPages, ledger_records
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.observer import BatchCommitted
from etapa.stream.protocol.ports import Transaction
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.announced import Announced
from etapa.stream.protocol.tenures.step_times import StepTimes

logger = logging.getLogger(__name__)


class WrittenBatch(NamedTuple):
    """One batch, written for the log and the view."""

    work: Work
    announced: Announced
    encoded: Encoded
    accounted: Accounted
    letters: Sequence[Outgoing]
    """Dead letters."""
    moved: MovedInBatch
    arrivals: Arrivals

    def transaction(self, mark: Mark, pages: LedgerPages) -> Transaction:
        """All that is committed together, with its mark and the changed pages of the ledger."""
        return Transaction(
            stage_changes=self.announced.stage_changes,
            campaign_triggers=self.announced.campaign_triggers,
            dead_letters=self.letters,
            states=self.encoded.states,
            mark_key=MARK_KEY,
            mark_value=encode_mark(mark),
            next_offset=mark.through + 1,
            ledger=ledger_records(pages),
            campaign_outcomes=self.encoded.campaign_outcomes,
            transfers=self.moved.sends,
            moved=self.moved.departures,
        )

    def last_change(self, before: str | None) -> str | None:
        """What the mark says of the last stage change, after what the one `before` said. It does not name a customer who was forgotten."""
        last = before if self.announced.last_change is None else "{}/{}".format(*self.announced.last_change)
        return None if last is not None and last.rpartition("/")[0] in self.work.requested else last

    def tell(self, around: TaskContext, mark: Mark, denied: int, times: StepTimes, committed: float) -> None:
        """Tell the observer that the batch was committed, at `committed` on the monotonic clock. `denied`: customers on the deny list now."""
        work, announced, accounted, moved = self.work, self.announced, self.accounted, self.moved
        for failure in work.failures:
            who = {"customer_id": failure.customer_id}
            logger.warning("partition %d: the timer of a customer was dropped: %s", around.partition, failure, extra=who)
            logger.debug("what was raised", exc_info=failure, extra=who)
            around.observer.timer_failed(around.partition, failure.customer_id, str(failure))
        seconds, began = times.take(committed)
        around.observer.batch_committed(
            around.partition,
            BatchCommitted(
                applied=work.applied,
                duplicates=work.duplicates,
                dead_letters=Counter(reason.reason for _, reason in accounted.letters),
                changes=announced.counts,
                outcomes=work.outcomes,
                stage_deltas=stage_deltas(announced.counts.moves, [*work.unpublished, *moved.stages], work.left),
                forgotten=work.forgotten,
                forget_requests=work.requests,
                denied=denied,
                timers_fired=work.timers_fired,
                timer_delays=work.timer_delays.packed(),
                arrivals=self.arrivals,
                committed_at=around.clock.now(),
                stream_time=mark.stream_time,
                seconds=seconds,
                began=began,
                source=accounted.source,
                forwarded=moved.forwarded,
                moves=moved.counted,
                links=moved.links,
            ),
        )
