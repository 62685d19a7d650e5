"""Taking a partition over: from the fence to the first touchpoint to read.

The log is the truth. Its last mark says how far the partition got; whatever the view lacks is applied here, in a chain of
chunks that any later owner can continue. Groups, partition counts and topics that do not match are never mixed: they are
checked before the view is touched, and refused with a message that says why.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

import msgspec

from etapa.contracts.stored.mark import MARK_KEY, Mark, MarkError, decode_mark
from etapa.contracts.stored.state import StateError
from etapa.errors import EtapaError
from etapa.stream.protocol.belonging import OF_ANOTHER_VERSION, LastMark, MayPass, PartitionRefused, is_state, refuse_what_is_not_ours
from etapa.stream.protocol.damage import Damage, look_for_damage
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ports import (
    VIEW_FORMAT,
    ApplyOutcome,
    Log,
    LogError,
    States,
    TakeoverReason,
    Topics,
    TopicsMissing,
    TransactionHangs,
    Transfers,
    View,
    ViewMark,
)
from etapa.stream.protocol.records import Applied, StateRecord, collect
from etapa.stream.protocol.task_options import Start, TaskOptions

logger = logging.getLogger(__name__)

FIRST_LOOK_BACK = 64
"""How many records at the end of `customer-state` are first searched for the last mark. Only aborted transactions can follow it."""


class InDoubt(EtapaError):
    """What we hold in memory may differ from what is stored. Discard it and take the partition over again."""

    def __init__(self, reason: TakeoverReason, message: str) -> None:
        super().__init__(message)
        self.reason: TakeoverReason = reason


class TakenOver(msgspec.Struct, frozen=True):
    """Where a partition stands after it has been taken over."""

    mark: Mark | None
    """The last mark in the log; none when the partition was never processed."""
    applied: int | None
    """The `customer-state` offset of that mark, which is where the view is now."""
    next_offset: int
    """The offset of the touchpoint to read first. The log has been told to seek to it."""
    topics: Topics
    """As they were at the takeover; the next mark names them."""
    customers: int
    """States that were read from the log and applied to the view."""
    damage: Sequence[Damage]


async def take_over(
    log: Log,
    view: View,
    observer: TaskObserver,
    partition: int,
    options: TaskOptions,
    pause: Callable[[], Awaitable[bool]],
    transfers: Transfers | None = None,
) -> TakenOver | None:
    """Fence, find the last mark, bring the view up to it and seek to the next touchpoint.

    `pause` lets others run and returns true when we are asked to leave; the result is then none, and the next owner continues
    from what was done. Raises `PartitionRefused`, `LogError` or `ViewError`.
    """
    try:
        await log.fence()
    except (TransactionHangs, TopicsMissing) as error:
        raise MayPass(str(error)) from error
    topics = await log.topics()
    # In this order: the view never shows more than was committed, so what it shows now is within the range read next.
    shown = await view.mark()
    first, end = await log.state_range()
    try:
        last = await last_mark(log, first, end)
        refuse_what_is_not_ours(partition, options.group, topics, shown, last)
        if last is not None:
            last.see_that_states_can_be_read()
        begins_with_all = last is None and await _was_added(partition, topics, transfers)
        expected, next_offset = await _next_offset(log, observer, partition, "earliest" if begins_with_all else options.start, last)
        customers = 0
        if last is not None and (shown is None or shown.state_offset < last.offset):
            caught_up = await _catch_up(log, view, first, shown, last, options.pause_every, pause)
            if caught_up is None:
                return None
            customers = caught_up
        damage = await look_for_damage(log, observer, partition, None if last is None else last.mark, expected)
    except (MarkError, StateError) as error:
        raise PartitionRefused(
            f"partition {partition} of customer-state holds what this version cannot use: {error}. {OF_ANOTHER_VERSION}"
        ) from error
    log.seek(next_offset)
    if last is None:
        return TakenOver(None, None, next_offset, topics, 0, damage)
    return TakenOver(last.mark, last.offset, next_offset, topics, customers, damage)


async def last_mark(log: States, first: int, end: int) -> LastMark | None:
    """Find the last mark in `customer-state` without reading it all. Raises `MayPass` if there are records but no mark, and `MarkError`."""
    look_back = FIRST_LOOK_BACK
    while first < end:
        start = max(first, end - look_back)
        found: StateRecord | None = None
        state: StateRecord | None = None
        anything = False
        async for records in log.states(start, end):
            for record in records:
                anything = True
                if record.key == MARK_KEY:
                    found = record
                elif is_state(record):
                    state = record
        if found is not None:
            return LastMark(found.offset, decode_mark(found.value), state)
        if start == first:
            if anything:
                # Or a new owner has written a later mark by now, and the earlier one was compacted away.
                raise MayPass("customer-state holds records but no mark: something else writes to the topic")
            break
        look_back *= 8
    return None


async def _catch_up(
    log: Log, view: View, first: int, shown: ViewMark | None, last: LastMark, pause_every: int, pause: Callable[[], Awaitable[bool]]
) -> int | None:
    """Apply what the view lacks, in chunks. Returns the number of states applied; none when we are asked to leave."""
    customers = 0
    follows = None if shown is None else shown.state_offset
    async with _Applying(view, follows) as applying:
        async for records in log.states(first if follows is None else follows + 1, last.offset + 1):
            changed: dict[str, Applied] = {}
            pages: dict[bytes, bytes | None] = {}
            reached = None
            for start in range(0, len(records), pause_every):
                last_state = collect(records[start : start + pause_every], changed, pages)
                reached = reached if last_state is None else last_state
                if await pause():
                    return None
            complete = bool(records) and records[-1].offset == last.offset
            # A chunk in between never ends at a mark's offset, so no batch of a paused predecessor can follow it and
            # make half a view look complete.
            offset = last.offset if complete else reached
            if offset is None:
                continue
            mark = view_mark(last.mark, offset) if complete else _on_the_way(last.mark, offset, shown)
            await applying.next(mark, list(changed.values()), pages)
            customers += len(changed)
            if complete:
                await applying.settle()
                return customers
    raise LogError(f"customer-state ended before its mark at offset {last.offset} was read")


_TURNS = 8
"""Turns of the event loop until a call to Redis is sent: measured from 1 to 30, more than this made no difference."""


class _Applying:
    """Applies chunks to the view one at a time, each while the next is being read."""

    def __init__(self, view: View, follows: int | None) -> None:
        self._view = view
        self._follows = follows
        self._under_way: asyncio.Task[ApplyOutcome] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        # No call of ours may still run when the next takeover begins.
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def next(self, mark: ViewMark, customers: Sequence[Applied], pages: Mapping[bytes, bytes | None]) -> None:
        """Start applying a chunk once the previous one is applied. Raises what `settle` does."""
        # Prepared while the previous one is being applied, so that the view does not wait for it.
        apply = self._view.apply(self._follows, mark, customers, pages)
        try:
            await self.settle()
        except BaseException:
            apply.close()
            raise
        self._under_way = asyncio.create_task(apply)
        self._follows = mark.state_offset
        # Reading does not always let others run, and a call is not sent on the first turn: have it sent before reading goes on.
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait for the chunk that is under way. Raises `InDoubt` or `ViewError`."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return
        try:
            outcome = await under_way
        finally:
            under_way.cancel()
        if outcome == "refused":
            raise InDoubt("refused", "the view is no longer where its last chunk left it")


async def _was_added(partition: int, topics: Topics, transfers: Transfers | None) -> bool:
    """Whether a partition without a mark was added by a new layout: whatever is in it belongs to customers who are known elsewhere."""
    return transfers is not None and topics.transfers > partition and bool(await transfers.fetch(0, 1, 0.0))


async def _next_offset(log: Log, observer: TaskObserver, partition: int, start: Start, last: LastMark | None) -> tuple[int, int]:
    """The offset after the mark, and the first offset to read; reports the touchpoints in between, which are lost."""
    first, end = await log.touchpoint_range()
    if last is None:
        expected = next_offset = first if start == "earliest" else end
    else:
        expected = next_offset = last.mark.through + 1
        if next_offset > end:
            raise MayPass(
                f"partition {partition}: touchpoints were processed up to offset {last.mark.through}, but the topic ends before offset {end}; "
                "it was recreated, or this is another cluster. Start with new output topics and another ETAPA_REDIS_PREFIX"
            )
        if next_offset < first:
            logger.error(
                "partition %d: up to %d touchpoints (offsets %d to %d) were removed by the topic's retention before they were processed; "
                "they are lost. Going on at %d",
                partition,
                first - next_offset,
                next_offset,
                first - 1,
                first,
            )
            observer.touchpoints_gone(partition, first - next_offset)
            next_offset = first
    return expected, next_offset


def view_mark(mark: Mark, state_offset: int) -> ViewMark:
    """The view's mark once it shows everything up to the mark at `state_offset`."""
    return ViewMark(
        state_offset,
        mark.through,
        mark.stream_time,
        mark.group,
        mark.partitions,
        VIEW_FORMAT,
        complete=True,
        memories=mark.memories,
        names=mark.names,
        layout=None if mark.moving is None else mark.moving.layout,
    )


def _on_the_way(last: Mark, state_offset: int, shown: ViewMark | None) -> ViewMark:
    through, stream_time = (-1, None) if shown is None else (shown.through, shown.stream_time)
    return ViewMark(
        state_offset,
        through,
        stream_time,
        last.group,
        last.partitions,
        VIEW_FORMAT,
        complete=False,
        memories=last.memories,
        names=last.names,
    )
