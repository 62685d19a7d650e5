"""A tenure of a partition that hands customers over to other partitions, and takes them in: the steps of docs/moving-customers.md.

Between two batches of touchpoints, what `transfers` holds is taken in, in batches of its own; and some customers whose home is elsewhere leave.
Only touchpoints are judged in the usual way, wherever they were read. Everything else is done while no batch is in flight.
"""

import logging
from collections.abc import Sequence
from itertools import groupby

import msgspec

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.stored.denial_transfer import denials_of, take_in
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, decode_forwarding, is_forwarding
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomersDenied,
    CustomerUnknown,
    LayoutAnnounced,
    PlaceFinished,
    StateMoved,
    TouchpointForwarded,
    Transfer,
    TransferError,
    WaysTold,
)
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import Encoded, dead_letters, leave_addresses
from etapa.stream.protocol.belonging import LINKED_ELSEWHERE, PartitionRefused
from etapa.stream.protocol.forwarded_items import ForgetElsewhere, LivesElsewhere, as_read, elsewhere, read_forwarded
from etapa.stream.protocol.intake import Accounted
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.ports import LoadedCustomers, Transfers
from etapa.stream.protocol.records import IncomingTransfer, Outgoing, Record, forwarder, layouts_followed, was_made
from etapa.stream.protocol.residence import Moves
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.leavers import LeaverSearch
from etapa.stream.protocol.tenures.tenure import Tenure
from etapa.stream.protocol.waiting import NOTHING_WAITING, Waiting

logger = logging.getLogger(__name__)


class MovingTenure(Tenure):
    """A tenure with a second input."""

    _waits_in_rows = False

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken)
        self._transfers = transfers
        self._moves = Moves(around.partition, None if taken.mark is None else taken.mark.moving)
        self._touchpoints_from: list[IncomingTransfer] = []
        """The transfers that the waiting records were in; empty while these are from `touchpoints`."""
        self._is_held_up = False
        """Whether the first waiting touchpoint is of a customer who may be on the way."""
        self._may_be_new = taken.mark is None
        self._left: dict[str, ForwardingAddress] = {}
        self._stages: list[tuple[str, str]] = []
        self._search = LeaverSearch(around.view, around.options.max_leaving, around.options.leaving_rate, self._moves.per_second)

    async def _open_ledger(self) -> None:
        await super()._open_ledger()
        # A place that a layout added must know it before it judges. No more than that: under load, `transfers` is never at its end.
        while self._may_be_new and self._moves.layout is None and await self._take_transfers_in(0.0):
            pass

    async def _between_batches(self) -> None:
        await self._take_transfers_in(self._around.options.idle_wait if self._is_held_up else 0.0)
        await self._let_some_leave()
        await super()._between_batches()

    async def _let_some_leave(self) -> None:
        """One batch of customers whose home is elsewhere, or the news that there are none left."""

    # --- touchpoints ---

    async def _process_touchpoints(self) -> None:
        """One batch of the waiting records, up to the first that has to wait. Those of customers who live elsewhere are forwarded."""
        count, are_ours = await self._look_where_they_live(), not self._touchpoints_from
        if are_ours:
            self._hold_up(is_held_up=count == 0)
        if count:
            await self._process_items(count)
            if are_ours and not self._waiting.records:
                self._moves.forget_claims()
        elif self._moves.has_sends:
            await self._commit(0, [], empty=True)

    def _hold_up(self, *, is_held_up: bool) -> None:
        if is_held_up != self._is_held_up:
            self._around.observer.held_up(self._around.partition, self._around.clock.now() if is_held_up else None)
        self._is_held_up = is_held_up

    async def _look_where_they_live(self) -> int:
        """Mark touchpoints to be forwarded, and claim customers who may be on the way. Returns how many come before the first of these."""
        if not self._touchpoints_from and self._moves.are_settling():
            return 0
        waiting, most = self._waiting, self._around.options.max_records
        items = [as_read(item) for item in waiting.items[:most]]
        if missing := self._engine.missing_of(items):
            await self._load(missing, None)
        count = len(items)
        for position, item in enumerate(items):
            if not isinstance(item, Touchpoint | ForgetRequest) or self._engine.knows(item.customer_id):
                continue
            place = self._moves.whereabouts(item.customer_id, forwarder(self._touchpoints_from, position))
            if isinstance(place, int):
                has_left = item.customer_id in self._moves.addresses
                is_made = self._around.options.decoder.makes_several or was_made(self._touchpoints_from, position)
                items[position] = elsewhere(item, place, self._deny_list, has_left=has_left, is_made=is_made)
            elif place == "maybe on the way":
                self._moves.claim(item.customer_id)
                count = min(count, position)
        self._waiting = Waiting(waiting.records, items + waiting.items[most:])
        return count

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        states = list(loaded.states)
        for position, state in enumerate(states):
            if state is not None and is_forwarding(state):
                self._moves.note_address(customer_ids[position], decode_forwarding(state))
                states[position] = None
        return msgspec.structs.replace(loaded, states=states)

    # --- transfers ---

    async def _take_transfers_in(self, wait: float) -> bool:
        """Take in what `transfers` holds, up to a limit. Returns whether it held anything."""
        records = await self._transfers.fetch(self._moves.next_transfer, self._around.options.max_records, wait)
        held, self._waiting = self._waiting, NOTHING_WAITING
        try:
            await self._take_in(list(self._moves.new_of(records)))
        except TransferError as error:
            raise PartitionRefused(f"partition {self._around.partition}: {error}") from error
        self._waiting = held
        # Repeats at the end are passed over again by a successor.
        self._moves.next_transfer = records[-1].offset + 1 if records else self._moves.next_transfer
        return bool(records)

    async def _take_in(self, came: Sequence[IncomingTransfer]) -> None:
        """Take these in: touchpoints in batches of their own, and what is between them."""
        for forwarded, run in groupby(came, lambda each: isinstance(each.transfer.sent, TouchpointForwarded)):
            await (self._judge_forwarded if forwarded else self._act_on)(list(run))

    async def _judge_forwarded(self, run: list[IncomingTransfer]) -> None:
        """Judge touchpoints that were read elsewhere, or forward them once more."""
        around = self._around
        for layout in layouts_followed(run):
            self._adopt(LayoutAnnounced(layout))
        self._inflow.pace.heard(around.clock.monotonic())
        self._touchpoints_from = run
        options, earliest = around.options, around.program.journey.accept_from
        self._waiting = await read_forwarded(run, options.decoder, around.clock.now(), options.pause_every, self._pause, earliest)
        while self._waiting.records:
            await self._process_touchpoints()

    async def _act_on(self, run: list[IncomingTransfer]) -> None:
        """Take customers in, answer claims, and note what other places say: one batch."""
        await self._settle()
        customers = [sent.customer_id for each in run if isinstance(sent := each.transfer.sent, StateMoved | CustomerClaimed)]
        customers += [one for each in run if isinstance(sent := each.transfer.sent, WaysTold) for one in sent.customer_ids]
        await self._load(self._engine.missing(customers), None)
        for each in run:
            await self._act_on_one(each.transfer)
            self._moves.take(each.transfer)
            self._moves.next_transfer = each.offset + 1
        if self._engine.stream_time is not None:
            # Timers may have come that are due in our stream time.
            await self._advance(self._engine.stream_time)
        await self._commit(0, [], empty=True)
        await self._settle_moves()

    async def _act_on_one(self, transfer: Transfer) -> None:
        moves, sent = self._moves, transfer.sent
        if isinstance(sent, StateMoved | CustomerClaimed | PlaceFinished) and sent.layout is not None:
            self._adopt(LayoutAnnounced(sent.layout))
        if isinstance(sent, StateMoved):
            await self._arrive(sent)
        elif isinstance(sent, CustomerClaimed):
            await self._answer(sent, transfer.sender)
        elif isinstance(sent, CustomersDenied):
            take_in(self._deny_list, sent)
        elif isinstance(sent, PlaceFinished):
            moves.has_ended(transfer.sender, sent.layout)
        elif isinstance(sent, LayoutAnnounced):
            self._adopt(sent)
            moves.keep_pace(sent)
            self._search.keep_to(moves.per_second)
        elif not moves.hear(transfer):
            raise PartitionRefused(f"partition {self._around.partition}: {LINKED_ELSEWHERE}")

    async def _answer(self, claimed: CustomerClaimed, to: int) -> None:
        """The new home of a customer asks for it."""
        if self._engine.knows(claimed.customer_id):
            self._leave(claimed.customer_id, to)
        else:
            self._moves.send_all(to, denials_of(self._deny_list, claimed.customer_id))
            self._moves.send(to, CustomerUnknown(claimed.customer_id, claimed.layout))

    def _adopt(self, announced: LayoutAnnounced) -> None:
        if self._moves.adopt(announced.layout):
            self._search.begin_anew()

    async def _arrive(self, moved: StateMoved) -> None:
        engine, customer_id = self._engine, moved.customer_id
        if engine.knows(customer_id):
            who = {"customer_id": customer_id}
            logger.error("partition %d: a customer came who lives here already; it stays as it is", self._around.partition, extra=who)
            return
        customer = decode_state(moved.state, customer_id)
        if not self._engine.missing([customer_id]):
            engine.drop(customer_id)
        engine.admit(customer_id, None)
        engine.arrive(customer)
        self._left.pop(customer_id, None)
        self._stages.append((NO_STAGE, customer.stage))
        if engine.stream_time is None:
            # Without it, no timer would fire here before the first touchpoint.
            engine.stream_time = moved.stream_time
        await self._reclassifier.judge_who_came(engine, customer_id, self._around.clock.monotonic())

    def _leave(self, customer_id: str, to: int) -> None:
        customer = self._engine.leave(customer_id)
        self._left[customer_id] = ForwardingAddress(to, customer.sequence)
        self._stages.append((customer.stage, NO_STAGE))
        self._moves.send(to, StateMoved(customer_id, encode_state(customer), self._engine.stream_time, self._moves.layout))

    # --- the batch ---

    async def _commit(self, count: int, unusable: Sequence[tuple[Record, Rejected]], *, empty: bool = False) -> None:
        await super()._commit(count, unusable, empty=empty)
        for customer_id in self._moves.forget_addresses():
            # Whoever has a state since this batch stays in memory until the view shows it.
            if not self._engine.knows(customer_id):
                self._engine.drop(customer_id)

    async def _settle_moves(self) -> None:
        """Those who left are kept in memory until the view shows it."""
        await self._settle()
        for customer_id in self._left:
            self._engine.drop(customer_id)
        self._left = {}
        await self._reclassifier.count_who_came(self._around.clock.monotonic())

    def _account(self, count: int, unusable: Sequence[tuple[Record, Rejected]]) -> Accounted:
        # Of `touchpoints` nothing more is done by what was forwarded.
        return super()._account(0, [])._replace(letters=unusable) if self._touchpoints_from else super()._account(count, unusable)

    def _letters(self, accounted: Accounted) -> list[Outgoing]:
        if not self._touchpoints_from:
            return super()._letters(accounted)
        origins = {id(record): self._origin(position)[0] for position, record in enumerate(self._waiting.records)}
        topic = self._around.options.topic
        return [letter for one in accounted.letters for letter in dead_letters([one], topic, origins[id(one[0])])]

    def _origin(self, position: int) -> tuple[int, int]:
        """Partition and offset of `touchpoints` where the waiting record at `position` was read first."""
        sent = self._touchpoints_from[position].transfer.sent if self._touchpoints_from else None
        if isinstance(sent, TouchpointForwarded):
            return sent.partition, sent.offset
        return self._around.partition, self._waiting.records[position].offset

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        moves, forwarded = self._moves, 0
        for position in range(count):
            item, record = self._waiting.items[position], self._waiting.records[position]
            if isinstance(item, ForgetElsewhere):
                encoded.add_erased([item.customer_id])
            if isinstance(item, LivesElsewhere | ForgetElsewhere):
                forwarded += isinstance(item, LivesElsewhere)
                moves.forward(item, record, self._origin(position), self._deny_list)
        if self._touchpoints_from and count:
            for each in self._touchpoints_from[:count]:
                moves.take(each.transfer)
                moves.next_transfer = each.offset + 1
            self._touchpoints_from = self._touchpoints_from[count:]
        stages, self._stages = self._stages, []
        return moves.in_batch(stages, forwarded, leave_addresses(self._left, self._around.program.journey, encoded, moves.layout))
