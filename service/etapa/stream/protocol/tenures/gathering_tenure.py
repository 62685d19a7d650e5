"""A tenure that takes in whatever came from other places in few batches: touchpoints, customers and claims together, in their order.

A customer who is on the way arrives behind all else that was sent to its new home, so what waits for it waits for every batch before it.
The result is that of one batch after the other. Where something unusual happens, nothing is kept of the attempt, and that is what is done.
"""

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Final

from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomersDenied,
    CustomerUnknown,
    PlaceFinished,
    SettlingAnswered,
    SettlingAsked,
    StateMoved,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
)
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import Encoded
from etapa.stream.protocol.forwarded_items import LivesElsewhere, read_forwarded
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.ports import Transfers
from etapa.stream.protocol.records import IncomingTransfer
from etapa.stream.protocol.stream_time import stream_time_after
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.leaving_tenure import LeavingTenure
from etapa.stream.protocol.waiting import CannotJudge, Waiting


class GatheringTenure(LeavingTenure):
    """A tenure that takes transfers in together."""

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken, transfers)
        self._forwarded: int | None = None
        """How many touchpoints of the batch were forwarded, if they are noted already; none in a batch of another kind."""

    async def _take_in(self, came: Sequence[IncomingTransfer]) -> None:
        left = list(came)
        while left:
            usual = list(takewhile(lambda each: is_usual(each.transfer, self._moves.layout), left))
            done = await self._gather(usual)
            if not done:
                done = max(1, len(usual))
                await super()._take_in(left[:done])
            left = left[done:]

    async def _gather(self, came: Sequence[IncomingTransfer]) -> int:
        """Take in as many of these as can be one batch. Returns how many; 0 if they have to be taken in one kind after the other."""
        around, options = self._around, self._around.options
        touchpoints = [each for each in came if isinstance(each.transfer.sent, TouchpointForwarded)]
        if len(touchpoints) == len(came) or self._judge.is_careful or self._moves.has_sends:
            return 0
        await self._settle()
        wall = around.clock.now()
        if touchpoints:
            self._inflow.pace.heard(around.clock.monotonic())
        earliest = around.program.journey.accept_from
        read = await read_forwarded(touchpoints, options.decoder, wall, options.pause_every, self._pause, earliest)
        judged = [item for item in read.items if isinstance(item, Touchpoint)]
        if len(judged) < len(read.items):
            return 0
        others = [sent.customer_id for each in came if isinstance(sent := each.transfer.sent, StateMoved | CustomerClaimed)]
        missing = dict.fromkeys([*self._engine.missing_of(read.items), *self._engine.missing(others)])
        by = stream_time_after(read.items, self._engine.stream_time, wall) if touchpoints else None
        loaded = await self._load(list(missing), by)
        if loaded.more_due:
            return 0
        before = self._moves.marked()
        gathering = Gathering(came, read, judged)
        try:
            is_whole = await self._follow_all(gathering, wall)
        except CannotJudge:
            is_whole = False
        if not is_whole:
            # As after a takeover: what is only in memory is asked for again.
            self._begin_engine()
            self._moves = type(self._moves)(around.partition, before)
            self._left, self._stages = {}, []
            self._reclassifier.nobody_came()
            return 0
        self._waiting = Waiting(list(read.records)[: gathering.read], read.items[: gathering.read])
        self._touchpoints_from = touchpoints[: gathering.read]
        self._forwarded = gathering.forwarded
        await self._commit(gathering.read, [], empty=True)
        self._forwarded, self._touchpoints_from = None, []
        await self._settle_moves()
        return gathering.done

    async def _follow_all(self, gathering: "Gathering", wall: int) -> bool:
        """Do what the transfers say, up to the first that has to come in the next batch. Returns false if timers would be too many for one."""
        engine = self._engine
        for each in gathering.came:
            sent = each.transfer.sent
            if isinstance(sent, TouchpointForwarded):
                if not gathering.may_touch(self._left):
                    break
                if not self._follow_touchpoint(gathering, each.transfer.sender, sent, wall):
                    return False
            elif gathering.may_follow(each.transfer, self._left):
                await self._act_on_one(each.transfer)
                # Timers may have come that are due in our stream time.
                if engine.stream_time is not None and not engine.advance(engine.stream_time):
                    return False
            else:
                break
            self._moves.take(each.transfer)
            self._moves.next_transfer = each.offset + 1
            gathering.done += 1
            if gathering.done % self._around.options.pause_every == 0:
                await self._pause()
        # A late touchpoint may have set a timer that is already due in stream time.
        return engine.stream_time is None or engine.advance(engine.stream_time)

    def _follow_touchpoint(self, gathering: "Gathering", sender: int, sent: TouchpointForwarded, wall: int) -> bool:
        """Judge or forward the next touchpoint. Returns false if timers have to fire before it. Raises `CannotJudge`."""
        position, touchpoint = gathering.read, gathering.touchpoint
        if not self._engine.knows(touchpoint.customer_id):
            place = self._moves.whereabouts(touchpoint.customer_id, sender)
            if isinstance(place, int):
                item = LivesElsewhere(place=place, touchpoint=touchpoint, made=sent.made)
                # At once: an answer that follows must come behind it.
                self._moves.forward(item, gathering.waiting.records[position], (sent.partition, sent.offset), self._deny_list)
                gathering.forwarded_one(item)
                return True
        if gathering.waiting.take(self._engine, position, position + 1, wall, []) == position:
            return False
        gathering.judged_one()
        return True

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        if self._forwarded is None:
            return super()._moved(count, encoded)
        return super()._moved(0, encoded)._replace(forwarded=self._forwarded)


class Gathering:
    """How far a batch has come with the transfers that it is made of."""

    def __init__(self, came: Sequence[IncomingTransfer], waiting: Waiting, touchpoints: Sequence[Touchpoint]) -> None:
        """`waiting`: the records of `touchpoints` among those that came, and these."""
        self.came: Final = came
        self._touchpoints = touchpoints
        self.waiting: Final = waiting
        self.done = 0
        """Transfers."""
        self.read = 0
        """Touchpoints among them."""
        self.forwarded = 0
        self._told_of: set[str] = set()
        """Whose touchpoints are in this batch."""

    @property
    def touchpoint(self) -> Touchpoint:
        """The next one."""
        return self._touchpoints[self.read]

    def may_touch(self, left: Collection[str]) -> bool:
        """Whether the next touchpoint can be in this batch. `left`: who has left in it, and needs an address before anything else comes."""
        return self.touchpoint.customer_id not in left

    def may_follow(self, transfer: Transfer, left: Collection[str]) -> bool:
        """Whether a transfer of another kind can be in this batch: nobody comes and goes in one, or leaves behind a touchpoint of it."""
        sent = transfer.sent
        return not isinstance(sent, StateMoved | CustomerClaimed) or not (sent.customer_id in left or sent.customer_id in self._told_of)

    def judged_one(self) -> None:
        """The next touchpoint was judged."""
        self._told_of.add(self.touchpoint.customer_id)
        self.read += 1

    def forwarded_one(self, item: LivesElsewhere) -> None:
        """The next touchpoint was forwarded."""
        self._told_of.add(self.touchpoint.customer_id)
        self.waiting.items[self.read] = item
        self.read += 1
        self.forwarded += 1


def is_usual(transfer: Transfer, layout: TopicLayout | None) -> bool:
    """Whether it can be in a batch with others: it tells of no later layout, and no pace."""
    sent = transfer.sent
    if isinstance(sent, StateMoved | TouchpointForwarded | CustomerClaimed | PlaceFinished):
        return sent.layout is None or (layout is not None and sent.layout.generation <= layout.generation)
    return isinstance(sent, CustomerUnknown | CustomersDenied | SettlingAsked | SettlingAnswered)
