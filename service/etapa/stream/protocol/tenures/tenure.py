"""One tenure: a loop of batches, from a takeover until something is in doubt or we are asked to leave.

While one batch is applied to the view, the next is read, decoded, loaded and judged; its commit waits for the apply. This
is safe because the customers of the batch in flight stay in memory, so a load may miss them, and because a load counts only
if the view's mark at that moment is the last one applied or the one in flight.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.stored.denial import denied_fields, read_denials
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON
from etapa.contracts.stored.ledger_page import LedgerField
from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.deny_list import Denial, DenyList
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.partition import Partition
from etapa.journey.engine.work import Work
from etapa.journey.localtime.zones import VERSION as ZONE_DATA
from etapa.stream.protocol.arrivals import Arrivals, arrivals_of
from etapa.stream.protocol.batch import Encoded, dead_letters, encode, stage_deltas
from etapa.stream.protocol.intake import Accounted, Intake
from etapa.stream.protocol.judge import Judge
from etapa.stream.protocol.ledger_keeper import LedgerKeeper, ledger_records
from etapa.stream.protocol.moved_in_batch import NOTHING_MOVED, MovedInBatch
from etapa.stream.protocol.observer import BatchCommitted, BatchStep, Beginning
from etapa.stream.protocol.ports import LoadedCustomers, Transaction
from etapa.stream.protocol.records import Outgoing, Record
from etapa.stream.protocol.records_in_batches import Records
from etapa.stream.protocol.stream_time import QuietPace
from etapa.stream.protocol.takeover import InDoubt, TakenOver, view_mark
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.announced import NO_TRACES, Announced
from etapa.stream.protocol.tenures.following_view import FollowingView
from etapa.stream.protocol.tenures.reclassifier import Reclassifier
from etapa.stream.protocol.waiting import NOTHING_WAITING, CannotJudge

logger = logging.getLogger(__name__)


class Tenure:
    """Everything known about a partition while it is ours. Discarded as a whole when anything is in doubt."""

    _waits_in_rows = True
    """Whether few of the waiting items are asked for as objects, other than to be judged."""

    def __init__(self, around: TaskContext, taken: TakenOver) -> None:
        self._around = around
        self._never_processed = taken.mark is None
        self._topics = taken.topics
        self._view = FollowingView(around, taken.applied)
        self._next_offset = taken.next_offset
        self._nothing_before = 0
        """When the log was last asked, nothing was waiting before this offset; some offsets may hold no record."""
        self._stream_time = None if taken.mark is None else taken.mark.stream_time
        """That of the last mark."""
        self._last_change = None if taken.mark is None else taken.mark.last_change
        self._replaced = () if taken.mark is None else taken.mark.replaced
        program = around.program
        common = NOTHING_IN_COMMON if taken.mark is None else taken.mark.in_common()
        self._common = common.with_version(program.version, program.known, program.names)
        self._denied: dict[bytes, Denial] = {}
        self._begin_engine()
        self._pace = QuietPace(around.options.quiet_after, around.clock.monotonic())
        mark = taken.mark
        begun = None if mark is None else mark.begun
        self._intake = Intake(around.options.decoder, begun, taken.next_offset, in_rows=self._waits_in_rows)
        self._waiting = NOTHING_WAITING
        self._caught_up = False
        self._asked_at = 0, 0.0
        self._more_timers = False
        self._judge = Judge(around, self._pause, self._announce)
        self._reclassifier = Reclassifier(around.view, around.program.version, self._pause)
        self._ledger = LedgerKeeper({}, None)
        self._seconds: dict[BatchStep, float] = {}
        self._began: dict[Beginning, float] = {}
        self.sound = False
        """Whether this tenure has committed a batch, or found the view as it was left."""

    def _begin_engine(self) -> None:
        """Drop everything that was judged since the last commit."""
        self._engine = self._new_engine()
        self._announced = self._nothing_announced()

    def _nothing_announced(self) -> Announced:
        journey = self._around.program.journey
        return Announced(journey.id, journey.version)

    def _new_engine(self) -> Partition:
        options = self._around.options
        self._deny_list = None if options.forget_key is None else DenyList(options.forget_key, self._denied)
        return Partition(self._around.program, self._stream_time, options.pause_every, self._deny_list)

    @property
    def done_up_to(self) -> int:
        """The offset of the first touchpoint that may still be waiting: all touchpoints before it are committed."""
        return max(self._next_offset, self._nothing_before)

    async def process(self, stopping: Callable[[], bool]) -> None:
        """Process batches until `stopping()`, then finish the current one. Raises `InDoubt`, `LogError` or `ViewError`."""
        try:
            await self._open_ledger()
            if self._never_processed and self._around.options.start == "latest":
                # Otherwise touchpoints that arrive before the first batch would be skipped if we stopped in between.
                await self._commit(0, [], empty=True)
            while not stopping():
                if not self._waiting.records:
                    await self._read()
                if self._waiting.records:
                    await self._process_touchpoints()
                elif self._caught_up:
                    await self._process_quiet_time()
                await self._between_batches()
            await self._settle()
        except asyncio.CancelledError:
            self._view.cancel()
            raise
        finally:
            # A batch in flight is committed, so it may be applied; and nothing of ours may still run when the next tenure begins.
            await self._view.end()

    async def _open_ledger(self) -> None:
        """Read the ledger from the view, which the takeover has brought up to the log."""
        pages = await self._view.ledger()
        self._ledger = LedgerKeeper(pages, self._stream_time)
        self._denied = read_denials(self._around.options.forget_key, pages)
        self._take_up(pages)
        self._begin_engine()
        self._around.observer.enrolled(self._around.partition, self._ledger.enrolled)

    def _take_up(self, pages: Mapping[LedgerField, bytes]) -> None:
        """Go on with what else is kept like pages of the ledger."""

    async def _read(self) -> None:
        """Fetch the records that are there and decode them."""
        around, options = self._around, self._around.options
        # Times of steps that led to no commit belong to no batch.
        self._seconds, self._began = {}, {"fetch": around.clock.monotonic()}
        wait = 0.0 if self._more_timers else min(options.idle_wait, self._idle_for())
        records: Records = []
        if not self._intake.holds_more:
            # Touchpoints that arrive after this are unknown to us, so if nothing is there, time may advance to here and no further.
            self._asked_at = around.clock.now(), around.clock.monotonic()
            fetched = await around.log.fetch(options.max_records, options.max_bytes, wait)
            records = fetched.records
            self._caught_up = fetched.caught_up
            if not records and fetched.caught_up:
                self._nothing_before = fetched.end
                return
        started = around.clock.monotonic()
        self._pace.heard(started)
        if records and records[0].offset < self._next_offset:
            raise InDoubt("log_error", f"read offset {records[0].offset}, expected {self._next_offset} or later")
        if records or self._intake.holds_more:
            earliest = around.program.journey.accept_from
            self._waiting = await self._intake.read(
                records, around.clock.now(), options.pause_every, self._pause, earliest, options.max_records
            )
            self._took("decode", started)

    def _idle_for(self) -> float:
        """Seconds until there is something else to do than to wait for touchpoints."""
        return self._reclassifier.idle_for(self._around.clock.monotonic())

    async def _between_batches(self) -> None:
        await self._reclassify()

    async def _process_touchpoints(self) -> None:
        """One batch of the waiting records. The result is the same as if they were processed one by one."""
        await self._process_items(min(len(self._waiting), self._around.options.max_records))

    async def _process_items(self, most: int) -> None:
        """One batch of the first `most` waiting items."""
        engine = self._engine
        wall = self._around.clock.now()
        count, bound = await self._load_for(most, wall)
        if count == 0:
            await self._fire_timers(bound)
            return
        try:
            taken, unusable = await self._classify(count, wall)
        except CannotJudge as failure:
            await self._start_over_without(failure)
            return
        # A late touchpoint may have set a timer that is already due in stream time.
        if taken == count and engine.stream_time is not None:
            await self._advance(engine.stream_time)
        await self._commit(taken, unusable)

    async def _load_for(self, most: int, wall: int) -> tuple[int, int]:
        """Load the customers of the first `most` waiting items, and those whose timers these make due.

        Returns how many of them can be judged before timers that were not loaded may be due, and by when these are.
        """
        engine, waiting = self._engine, self._waiting
        missing = waiting.find(engine, most)
        loaded = await self._load(missing, waiting.stream_time_after(most, engine.stream_time, wall))
        if not loaded.more_due:
            return most, NEVER
        # Stream time may not pass this point before these timers have fired.
        bound = loaded.due[-1].due + self._around.program.grace
        return waiting.count_before(bound, most, engine.stream_time, wall), bound

    async def _start_over_without(self, failure: "CannotJudge") -> None:
        """Make a record that cannot be judged a dead letter, and discard everything judged since the last commit."""
        self._judge.tell_of_failure(self._waiting, failure.position, failure)
        # Memory may hold half of its effects. Once the batch in flight is applied, the view is consistent.
        await self._settle()
        self._begin_engine()
        self._waiting = self._waiting.with_rejected(failure.position, rejected("evaluation_failed", str(failure)))
        # Such records rarely come alone, and starting over for each would take time quadratic in their number.
        self._judge.is_careful = True

    async def _process_quiet_time(self) -> None:
        """Check that the view is still as we left it, and fire the timers that have become due."""
        await self._settle()
        position = self._pace.position(self._engine.stream_time, *self._asked_at)
        loaded = await self._load([], position)
        self.sound = True
        self._more_timers = loaded.more_due
        if loaded.due and position is not None:
            await self._fire_timers(loaded.due[-1].due + self._around.program.grace if loaded.more_due else position)

    async def _fire_timers(self, stream_time: int) -> None:
        """Commit a batch without touchpoints: time advances, but only as far as all timers due by then are loaded."""
        # Until the batch in flight is applied, the view's due timers may be out of date. Afterwards every entry is a timer that fires.
        await self._settle()
        self._announced.traces = NO_TRACES
        await self._advance(stream_time)
        await self._commit(0, [])

    async def _advance(self, stream_time: int) -> None:
        """Advance time as far as the timers that fire on the way fit into one batch."""
        engine = self._engine
        while not engine.advance(stream_time):
            self._announce()
            await self._pause()
            if engine.fired >= self._around.options.max_fired:
                self._more_timers = True
                return

    async def _reclassify(self) -> None:
        """Commit a batch of customers that `etapa reclassify` carries over to this version of the journey."""
        clock, engine = self._around.clock, self._engine
        portion = await self._reclassifier.next(clock.monotonic())
        if portion is None:
            return
        await self._load(engine.missing(portion.customer_ids), None)
        moved = failed = 0
        for count, customer_id in enumerate(portion.customer_ids, start=1):
            try:
                while (has_moved := engine.reclassify(customer_id, publish=portion.request.publish)) is None:
                    await self._pause()
                moved += has_moved
            except EvaluationFailed as failure:
                failed += 1
                who = {"customer_id": customer_id}
                logger.warning("partition %d: a customer was not reclassified: %s", self._around.partition, failure, extra=who)
            if count % self._around.options.pause_every == 0:
                await self._pause()
        await self._commit(0, [])
        await self._settle()
        await self._reclassifier.carried_over(clock.monotonic(), len(portion.customer_ids) - failed, moved, failed)

    async def _load(self, customer_ids: Sequence[str], stream_time: int | None) -> LoadedCustomers:
        """Load customers into memory: those named, and those with a timer due by `stream_time`."""
        around = self._around
        started = around.clock.monotonic()
        due_by = None if stream_time is None else stream_time - around.program.grace
        loaded = await self._view.load(customer_ids, due_by, self._engine.missing)
        await self._admit(customer_ids, self._who_lives_here(customer_ids, loaded))
        self._took("load", started)
        return loaded

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        """Without those of whom only a forwarding address is left."""
        return loaded

    async def _admit(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> None:
        admit, every = self._engine.admit, self._around.options.pause_every
        for count, (customer_id, state) in enumerate(zip(customer_ids, loaded.states, strict=True), start=1):
            admit(customer_id, None if state is None else decode_state(state, customer_id, self._common))
            if count % every == 0:
                await self._pause()
        if not loaded.due.have_states:
            # All of them were in memory already, or were named.
            return
        unknown = set(self._engine.missing(loaded.due.customer_ids))
        for count, due in enumerate(loaded.due, start=1):
            if due.customer_id in unknown:
                admit(due.customer_id, decode_state(due.state, due.customer_id, self._common))
            if count % every == 0:
                await self._pause()

    async def _classify(self, count: int, wall: int) -> tuple[int, list[tuple[Record, Rejected]]]:
        """See `Judge.judge`."""
        started = self._around.clock.monotonic()
        self._announced.traces = self._waiting.traces(count)
        judged = await self._judge.judge(self._engine, self._waiting, count, wall)
        self._took("classify", started)
        return judged

    async def _commit(self, count: int, unusable: Sequence[tuple[Record, Rejected]], *, empty: bool = False) -> None:
        """Commit what the engine did with the first `count` waiting records. Without any effect nothing is written, unless `empty`."""
        around, clock = self._around, self._around.clock
        told, work = self._engine.news(), self._engine.collect()
        if not (count or work.changed or work.erased or work.denied or empty):
            return
        started = clock.monotonic()
        announced, self._announced = self._announced, self._nothing_announced()
        if announced.traces is None:
            announced.traces = self._waiting.traces(count) if told else NO_TRACES
        for first in range(0, len(told), around.options.pause_every):
            announced.add(told[first : first + around.options.pause_every])
            await self._pause()
        encoded = await encode(
            changed=work.changed,
            journey=announced.journey,
            version=announced.version,
            pause_every=around.options.pause_every,
            pause=self._pause,
            common=self._common,
            outcomes=work.outcomes,
            erased=work.erased,
        )
        accounted = self._account(count, unusable)
        letters = self._letters(accounted)
        moved = self._moved(count, encoded)
        arrivals = arrivals_of(self._waiting.records, count)
        # What is judged is not needed while waiting for Kafka, and takes more memory than all else in a batch.
        self._waiting = self._waiting.without_first(count)
        pages = await self._ledger.enter(work.tally, self._engine.stream_time, self._pause)
        if work.denied:
            pages = {**pages, **denied_fields(around.options.forget_key, work.denied)}
        if moved.pages:
            pages = {**pages, **moved.pages}
        started = self._took("encode", started)
        await self._settle()
        started = self._took("wait", started)

        mark = self._mark_after(announced, work, accounted, moved)
        transaction = Transaction(
            stage_changes=announced.stage_changes,
            campaign_triggers=announced.campaign_triggers,
            dead_letters=letters,
            states=encoded.states,
            mark_key=MARK_KEY,
            mark_value=encode_mark(mark),
            next_offset=mark.through + 1,
            ledger=ledger_records(pages),
            campaign_outcomes=encoded.campaign_outcomes,
            transfers=moved.sends,
            moved=moved.departures,
        )
        state_offset = await around.log.commit(transaction)
        committed = self._took("commit", started)

        self._view.apply(view_mark(mark, state_offset), encoded.applied, pages, committed)
        self._go_on_from(mark, accounted, work)
        if count:
            self._judge.is_careful = any(reason.reason == "evaluation_failed" for _, reason in unusable)
        self._report(mark, accounted, announced, work, moved, arrivals, committed)

    def _mark_after(self, announced: Announced, work: Work, accounted: Accounted, moved: MovedInBatch) -> Mark:
        journey = self._around.program.journey
        return Mark(
            group=self._around.options.group,
            partitions=self._topics.partitions,
            through=accounted.through,
            stream_time=self._engine.stream_time,
            journey=journey.id,
            version=journey.version,
            zones=ZONE_DATA,
            memories=dict(self._common.memories),
            names=self._common.names,
            begun=accounted.begun,
            topics=dict(self._topics.ids),
            last_change=self._last_change_after(announced, work),
            replaced=self._replaced,
            moving=moved.mark,
        )

    def _go_on_from(self, mark: Mark, accounted: Accounted, work: Work) -> None:
        """Take what was just committed for the beginning of the next batch."""
        self.sound = True
        self._next_offset = mark.through + 1
        self._stream_time = mark.stream_time
        self._last_change = mark.last_change
        self._intake.committed(accounted)
        for digest, denial in work.denied.items():
            if denial is None:
                self._denied.pop(digest, None)
            else:
                self._denied[digest] = denial
        self._engine.forget(self._around.options.customers_in_memory, {**work.changed, **work.erased} if work.erased else work.changed)

    def _report(
        self, mark: Mark, accounted: Accounted, announced: Announced, work: Work, moved: MovedInBatch, arrivals: Arrivals, committed: float
    ) -> None:
        """Tell the observer of a batch that was committed at `committed` on the monotonic clock."""
        around = self._around
        for failure in work.failures:
            who = {"customer_id": failure.customer_id}
            logger.warning("partition %d: the timer of a customer was dropped: %s", around.partition, failure, extra=who)
            logger.debug("what was raised", exc_info=failure, extra=who)
            around.observer.timer_failed(around.partition, failure.customer_id, str(failure))
        around.observer.enrolled(around.partition, self._ledger.enrolled)
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
                denied=len(self._denied),
                timers_fired=work.timers_fired,
                timer_delays=work.timer_delays.packed(),
                arrivals=arrivals,
                committed_at=around.clock.now(),
                stream_time=mark.stream_time,
                seconds=self._seconds,
                began={step: committed - began for step, began in self._began.items()},
                source=accounted.source,
                forwarded=moved.forwarded,
                moves=moved.counted,
                links=moved.links,
            ),
        )
        self._seconds, self._began = {}, {}

    def _account(self, count: int, unusable: Sequence[tuple[Record, Rejected]]) -> Accounted:
        return self._intake.account(self._waiting, count, unusable, self._next_offset)

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        """What a batch has to do with customers who move between partitions; adds to what it stores."""
        return NOTHING_MOVED

    def _letters(self, accounted: Accounted) -> list[Outgoing]:
        return dead_letters(accounted.letters, self._around.options.topic, self._around.partition)

    def _last_change_after(self, announced: Announced, work: Work) -> str | None:
        """What the mark says of the last stage change. It does not name a customer who was forgotten."""
        last = self._last_change if announced.last_change is None else "{}/{}".format(*announced.last_change)
        return None if last is not None and last.rpartition("/")[0] in work.requested else last

    async def _settle(self) -> None:
        """Wait until the view shows every committed batch."""
        await self._view.settle()

    def _announce(self) -> None:
        """Write the stage changes that were made lately, unless it is not known yet what traces they belong to."""
        if self._announced.traces is not None:
            self._announced.add(self._engine.news())

    async def _pause(self) -> None:
        await self._around.clock.sleep(0)

    def _took(self, step: BatchStep, started: float) -> float:
        """Record how long a step took. Returns the time now."""
        now = self._around.clock.monotonic()
        self._began.setdefault(step, started)
        self._seconds[step] = self._seconds.get(step, 0.0) + now - started
        return now
