"""One tenure: a loop of batches, from a takeover until something is in doubt or we are asked to leave.

While one batch is applied to the view, the next is read, decoded, loaded and judged; its commit waits for the apply. This
is safe because the customers of the batch in flight stay in memory, so a load may miss them, and because a load counts only
if the view's mark at that moment is the last one applied or the one in flight.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.stored.denial import denied_fields, read_denials
from etapa.contracts.stored.ledger_page import LedgerField
from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.arrivals import arrivals_of
from etapa.stream.protocol.batch import Encoded, dead_letters, encode
from etapa.stream.protocol.intake import Accounted
from etapa.stream.protocol.judge import Judge
from etapa.stream.protocol.ledger_keeper import LedgerKeeper
from etapa.stream.protocol.moved_in_batch import NOTHING_MOVED, MovedInBatch
from etapa.stream.protocol.ports import LoadedCustomers
from etapa.stream.protocol.records import Outgoing, Record
from etapa.stream.protocol.takeover import TakenOver, view_mark
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.admission import admit
from etapa.stream.protocol.tenures.announced import NO_TRACES, Announced
from etapa.stream.protocol.tenures.committed_so_far import CommittedSoFar
from etapa.stream.protocol.tenures.following_view import FollowingView
from etapa.stream.protocol.tenures.inflow import Inflow
from etapa.stream.protocol.tenures.reclassifier import Reclassifier, carry_over
from etapa.stream.protocol.tenures.step_times import StepTimes
from etapa.stream.protocol.tenures.written_batch import WrittenBatch
from etapa.stream.protocol.waiting import NOTHING_WAITING, CannotJudge


class Tenure:
    """Everything known about a partition while it is ours. Discarded as a whole when anything is in doubt."""

    _waits_in_rows = True
    """Whether few of the waiting items are asked for as objects, other than to be judged."""

    def __init__(self, around: TaskContext, taken: TakenOver) -> None:
        self._around = around
        self._committed = CommittedSoFar(around, taken)
        self._view = FollowingView(around, taken.applied)
        self._times = StepTimes(around.clock)
        self._inflow = Inflow(around, taken, self._times, self._pause, in_rows=self._waits_in_rows)
        self._waiting = NOTHING_WAITING
        self._more_timers = False
        self._judge = Judge(around, self._pause, self._announce)
        self._reclassifier = Reclassifier(around.view, around.program.version, self._pause)
        self._ledger = LedgerKeeper({}, None)
        self._begin_engine()
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
        self._deny_list = None if options.forget_key is None else DenyList(options.forget_key, self._committed.denied)
        return Partition(self._around.program, self._committed.stream_time, options.pause_every, self._deny_list)

    @property
    def done_up_to(self) -> int:
        """The offset of the first touchpoint that may still be waiting: all touchpoints before it are committed."""
        return max(self._committed.next_offset, self._inflow.nothing_before)

    async def process(self, stopping: Callable[[], bool]) -> None:
        """Process batches until `stopping()`, then finish the current one. Raises `InDoubt`, `LogError` or `ViewError`."""
        try:
            await self._open_ledger()
            if self._committed.was_never_processed and self._around.options.start == "latest":
                # Otherwise touchpoints that arrive before the first batch would be skipped if we stopped in between.
                await self._commit(0, [], empty=True)
            while not stopping():
                if not self._waiting.records:
                    await self._read()
                if self._waiting.records:
                    await self._process_touchpoints()
                elif self._inflow.caught_up:
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
        self._ledger = LedgerKeeper(pages, self._committed.stream_time)
        self._committed.denied = read_denials(self._around.options.forget_key, pages)
        self._take_up(pages)
        self._begin_engine()
        self._around.observer.enrolled(self._around.partition, self._ledger.enrolled)

    def _take_up(self, pages: Mapping[LedgerField, bytes]) -> None:
        """Go on with what else is kept like pages of the ledger."""

    async def _read(self) -> None:
        """Fetch the records that are there and decode them."""
        wait = 0.0 if self._more_timers else min(self._around.options.idle_wait, self._idle_for())
        self._waiting = await self._inflow.read(self._committed.next_offset, wait)

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
        position = self._inflow.quiet_position(self._engine.stream_time)
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
        carried_over, moved, failed = await carry_over(portion, engine, self._around, self._pause)
        await self._commit(0, [])
        await self._settle()
        await self._reclassifier.carried_over(clock.monotonic(), carried_over, moved, failed)

    async def _load(self, customer_ids: Sequence[str], stream_time: int | None) -> LoadedCustomers:
        """Load customers into memory: those named, and those with a timer due by `stream_time`."""
        around = self._around
        started = around.clock.monotonic()
        due_by = None if stream_time is None else stream_time - around.program.grace
        loaded = await self._view.load(customer_ids, due_by, self._engine.missing)
        lives, every = self._who_lives_here(customer_ids, loaded), around.options.pause_every
        await admit(self._engine, customer_ids, lives, self._committed.common, every=every, pause=self._pause)
        self._times.took("load", started)
        return loaded

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        """Without those of whom only a forwarding address is left."""
        return loaded

    async def _classify(self, count: int, wall: int) -> tuple[int, list[tuple[Record, Rejected]]]:
        """See `Judge.judge`."""
        started = self._around.clock.monotonic()
        self._announced.traces = self._waiting.traces(count)
        judged = await self._judge.judge(self._engine, self._waiting, count, wall)
        self._times.took("classify", started)
        return judged

    async def _commit(self, count: int, unusable: Sequence[tuple[Record, Rejected]], *, empty: bool = False) -> None:
        """Commit what the engine did with the first `count` waiting records. Without any effect nothing is written, unless `empty`."""
        around, every = self._around, self._around.options.pause_every
        told, work = self._engine.news(), self._engine.collect()
        if not (count or work.changed or work.erased or work.denied or empty):
            return
        started = around.clock.monotonic()
        announced, self._announced = self._announced, self._nothing_announced()
        if announced.traces is None:
            announced.traces = self._waiting.traces(count) if told else NO_TRACES
        for first in range(0, len(told), every):
            announced.add(told[first : first + every])
            await self._pause()
        encoded = await encode(
            work.changed, announced.journey, announced.version, every, self._pause, self._committed.common, work.outcomes, work.erased
        )
        accounted = self._account(count, unusable)
        letters = self._letters(accounted)
        moved = self._moved(count, encoded)
        batch = WrittenBatch(work, announced, encoded, accounted, letters, moved, arrivals_of(self._waiting.records, count))
        # What is judged is not needed while waiting for Kafka, and takes more memory than all else in a batch.
        self._waiting = self._waiting.without_first(count)
        counted = await self._ledger.enter(work.tally, self._engine.stream_time, self._pause)
        pages = {**counted, **denied_fields(around.options.forget_key, work.denied), **moved.pages}
        started = self._times.took("encode", started)
        await self._settle()
        started = self._times.took("wait", started)

        mark = self._committed.mark_after(batch, self._engine.stream_time)
        state_offset = await around.log.commit(batch.transaction(mark, pages))
        committed = self._times.took("commit", started)

        self._view.apply(view_mark(mark, state_offset), encoded.applied, pages, committed)
        self.sound = True
        self._committed.go_on_from(mark, batch)
        self._inflow.intake.committed(accounted)
        self._engine.forget(around.options.customers_in_memory, {**work.changed, **work.erased} if work.erased else work.changed)
        if count:
            self._judge.is_careful = any(reason.reason == "evaluation_failed" for _, reason in unusable)
        around.observer.enrolled(around.partition, self._ledger.enrolled)
        batch.tell(around, mark, len(self._committed.denied), self._times, committed)

    def _account(self, count: int, unusable: Sequence[tuple[Record, Rejected]]) -> Accounted:
        return self._inflow.intake.account(self._waiting, count, unusable, self._committed.next_offset)

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        """What a batch has to do with customers who move between partitions; adds to what it stores."""
        return NOTHING_MOVED

    def _letters(self, accounted: Accounted) -> list[Outgoing]:
        return dead_letters(accounted.letters, self._around.options.topic, self._around.partition)

    async def _settle(self) -> None:
        """Wait until the view shows every committed batch."""
        await self._view.settle()

    def _announce(self) -> None:
        """Write the stage changes that were made lately, unless it is not known yet what traces they belong to."""
        if self._announced.traces is not None:
            self._announced.add(self._engine.news())

    async def _pause(self) -> None:
        await self._around.clock.sleep(0)
