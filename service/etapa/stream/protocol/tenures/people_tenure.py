"""A tenure with people who have several ids: their touchpoints are judged under the id that is kept, and all their ids are forgotten together.

Who has which ids is stored, and read when it is needed: a link or a request to forget needs a person's entry, a touchpoint only the address that its
id left. What changes it is in `linking_tenure`.
"""

from collections.abc import Collection, Sequence

import msgspec

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import ForwardingAddress, decode_forwarding
from etapa.contracts.stored.linked_ids import decode_linked_ids, linked_fields
from etapa.contracts.stored.state import StateError
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    LayoutAnnounced,
    PersonForgotten,
    Transfer,
    TransferError,
)
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.identity.people import LinkedIds, People, alone
from etapa.journey.identity.under import under
from etapa.journey.language.model import LINK
from etapa.stream.protocol.batch import Encoded
from etapa.stream.protocol.forwarded_items import as_read
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.ports import LoadedCustomers, Transfers
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.leaving_tenure import LeavingTenure
from etapa.stream.protocol.waiting import NOT_OURS, Item, Waiting


class PeopleTenure(LeavingTenure):
    """A tenure that knows who has which ids."""

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken, transfers)
        self._said_so = self._moves.follows_links
        self._moves.follows_links = True
        self._people = People()
        self._as_read: list[Item] = []
        """The items of the next batch, before they were put under the ids that are kept."""
        self._erased: list[str] = []
        """Ids whose addresses go with this batch: those of people who were forgotten."""

    async def _open_ledger(self) -> None:
        await super()._open_ledger()
        if not self._said_so:
            # From now on, whatever the journey file says later.
            await self._commit(0, [], empty=True)
            self._said_so = True

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        lives = super()._who_lives_here(customer_ids, loaded)
        addresses, here = self._moves.addresses, self._around.partition
        if addresses:
            for customer_id, state in zip(customer_ids, loaded.states, strict=True):
                # What the next batch stores of an id counts more than what is stored.
                if state is not None and addresses.get(customer_id) == here and customer_id not in self._left:
                    self._note(customer_id, decode_forwarding(state))
        return lives

    def _note(self, customer_id: str, address: ForwardingAddress) -> None:
        if address.customer_id is None:
            # It would be sent from here to here for ever.
            raise StateError(f"an id leads from partition {address.place} to itself, and to nobody there")
        self._people.note(customer_id, address.customer_id)

    async def _person(self, customer_id: str) -> LinkedIds | None:
        """Who has this id; none: nobody here who has several ids. Then the id is in memory. Raises `StateError`."""
        people = self._people
        if people.changed(customer_id) is None and people.kept_of(customer_id) is None:
            await self._into_memory(customer_id)
        kept = people.kept_of(customer_id) or customer_id
        if people.is_changed(kept):
            return people.changed(kept)
        entry = await self._view.linked(kept)
        if entry is not None:
            return decode_linked_ids(entry)
        if kept != customer_id:
            raise StateError(f"a linked id leads to somebody of partition {self._around.partition} of whom no other ids are stored")
        return None

    async def _into_memory(self, customer_id: str) -> None:
        missing = self._engine.missing([customer_id])
        if missing:
            await self._load(missing, None)

    def _place_of(self, customer_id: str, sender: int = ANNOUNCER) -> int:
        """Where an id leads that nobody here has, and that is in memory; here: to somebody new. `sender`: who sent what is for this id."""
        moves = self._moves
        if moves.layout is None and not moves.leaves_a_trace(customer_id):
            return partition_of(customer_id, self._committed.topics.partitions)
        place = moves.whereabouts(customer_id, sender)
        return place if isinstance(place, int) else self._around.partition

    def _places(self) -> range:
        """All partitions, of this layout and of earlier ones."""
        layout = self._moves.layout
        most = self._committed.topics.partitions
        return range(most if layout is None else max(most, layout.partitions, layout.before))

    def _settle_person(self, person: LinkedIds, are_right: Collection[str] = ()) -> None:
        """Somebody lives here under the id that is kept; the other ids lead there. `are_right`: ids that do so already, if they are others."""
        self._people.settle(person)
        here = self._around.partition
        if not self._engine.missing([person.kept]) and not self._engine.knows(person.kept):
            # No state takes the place of an address that the id may have left, which leads away, or in a circle.
            self._left[person.kept] = ForwardingAddress(here, person.sequence_of(person.kept), person.kept)
        for customer_id in person.ids:
            if customer_id != person.kept and customer_id not in are_right:
                self._left[customer_id] = ForwardingAddress(here, person.sequence_of(customer_id), person.kept)

    # --- touchpoints ---

    async def _process_touchpoints(self) -> None:
        are_ours = not self._touchpoints_from
        if are_ours and self._moves.are_settling():
            await super()._process_touchpoints()
            return
        await self._put_under_kept()
        under_kept = self._waiting.items
        if not await self._process_alone(under_kept[0]):
            await super()._process_touchpoints()
        elif are_ours:
            self._hold_up(is_held_up=False)
        if self._waiting.items:
            self._put_back(under_kept)
        self._as_read = []

    def _put_back(self, under_kept: Sequence[Item]) -> None:
        """What is left of a batch is of its own ids again: until it is judged, they may lead elsewhere."""
        waiting = self._waiting
        done = len(under_kept) - len(waiting.items)
        those = zip(waiting.items, under_kept[done:], self._as_read[done:], strict=False)
        left = [own if as_read(item) is kept else item for item, kept, own in those]
        self._waiting = Waiting(waiting.records, [*left, *waiting.items[len(left) :]])

    async def _put_under_kept(self) -> None:
        """Have the touchpoints of the next batch be of those to whom their ids lead."""
        waiting, most = self._waiting, self._around.options.max_records
        self._as_read = [*map(as_read, waiting.items[:most])]
        items = [*map(self._under_kept, waiting.items[:most])]
        if missing := self._engine.missing_of(items):
            met = len(self._people)
            await self._load(missing, None)
            if len(self._people) > met:
                items = [*map(self._under_kept, items)]
        self._waiting = Waiting(waiting.records, [*items, *waiting.items[most:]])

    async def _process_alone(self, item: Item) -> bool:
        """Process the first waiting item if it is a batch of its own. Returns whether it is."""
        if not isinstance(item, ForgetRequest):
            return False
        person = await self._person(item.customer_id)
        if person is None and (self._moves.is_stateless(item.customer_id) or self._may_have_addresses(item.customer_id)):
            person = alone(item.customer_id)
        if person is None:
            return False
        await self._settle()
        unusable: list[tuple[Record, Rejected]] = []
        denied = self._deny_list
        if denied is not None and denied.is_ours(item):
            digests = {customer_id: denied.key.digest(customer_id) for customer_id in person.ids}
            await self._forget_person(person, PersonForgotten(digests=digests, at=item.at, until=item.until), item.customer_id)
        else:
            unusable.append((self._waiting.records[0], NOT_OURS))
        await self._commit(1, unusable)
        await self._settle_moves()
        return True

    def _may_have_addresses(self, customer_id: str) -> bool:
        """Whether somebody lives here of whom other places may have addresses although there is one id: an earlier layout left them."""
        return self._moves.layout is not None and self._engine.knows(customer_id)

    async def _may_be_on_the_way(self, customer_id: str) -> bool:
        """Whether what our own partition has for this id must wait until the old home has told who that is."""
        if self._touchpoints_from or await self._person(customer_id) is not None or self._engine.knows(customer_id):
            return False
        return self._moves.whereabouts(customer_id) == "maybe on the way"

    async def _look_where_they_live(self) -> int:
        """What may be a batch of its own ends a batch of touchpoints. The first item is none, or it would have been."""
        count = await super()._look_where_they_live()
        ends = (place for place, item in enumerate(self._waiting.items[1:count], start=1) if _may_be_alone(as_read(item)))
        return min(count, next(ends, count))

    def _under_kept(self, item: Item) -> Item:
        item = as_read(item)
        if not isinstance(item, Touchpoint) or item.type == LINK:
            return item
        kept = self._people.kept_of(item.customer_id)
        return item if kept is None else under(item, kept)

    # --- people who are forgotten ---

    async def _forget_person(self, person: LinkedIds, forgotten: PersonForgotten, asked: str) -> None:
        """Forget all ids of somebody who lives here, and tell every other place, any of which may have addresses of them.

        `asked`: the id in the request.
        """
        await self._forget_ids(forgotten, asked)
        self._people.leave(person)
        for place in self._places():
            if place != self._around.partition:
                self._moves.send(place, msgspec.structs.replace(forgotten, layout=self._moves.layout))

    async def _hear_of_forgotten(self, forgotten: PersonForgotten) -> None:
        if forgotten.layout is not None:
            self._adopt(LayoutAnnounced(forgotten.layout))
        await self._forget_ids(forgotten)
        if forgotten.layout == self._moves.layout:
            return
        # Who told us of it did not know the new homes yet, which may have heard of the ids from us.
        for customer_id, digest in forgotten.digests.items():
            if self._moves.has_to_tell(customer_id):
                only = msgspec.structs.replace(forgotten, digests={customer_id: digest}, layout=self._moves.layout)
                self._moves.send(self._moves.home(customer_id), only)

    async def _forget_ids(self, forgotten: PersonForgotten, asked: str | None = None) -> None:
        for customer_id, digest in forgotten.digests.items():
            await self._into_memory(customer_id)
            request = ForgetRequest(customer_id, digest, forgotten.at, forgotten.until)
            if not self._engine.forget_customer(request, was_read=customer_id == asked):
                raise TransferError("another partition has forgotten a person with another ETAPA_FORGET_KEY: all workers need the same one")
            self._left.pop(customer_id, None)
            self._people.forget([customer_id])
            self._erased.append(customer_id)

    async def _act_on_one(self, transfer: Transfer) -> None:
        sent = transfer.sent
        if isinstance(sent, PersonForgotten):
            await self._hear_of_forgotten(sent)
        else:
            await super()._act_on_one(transfer)

    def _is_forgotten(self, person: LinkedIds, at: int) -> bool:
        """Whether this is nobody, because the only id was forgotten: a link of it changes nothing."""
        denied, engine = self._deny_list, self._engine
        if denied is None or len(person.ids) > 1 or engine.knows(person.kept):
            return False
        return denied.denies(person.kept, at if engine.stream_time is None else max(at, engine.stream_time))

    # --- the batch ---

    async def _commit(self, count: int, unusable: Sequence[tuple[Record, Rejected]], *, empty: bool = False) -> None:
        await super()._commit(count, unusable, empty=empty)
        self._people.keep_at_most(self._around.options.customers_in_memory)

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        erased, self._erased = self._erased, []
        told = {outgoing.key for outgoing in encoded.states} if erased else set()
        encoded.add_erased(one for one in dict.fromkeys(erased) if one.encode() not in told and one not in self._left)
        moved = super()._moved(count, encoded)
        return moved._replace(pages=linked_fields(self._people.take_changed()))


def _may_be_alone(item: Item) -> bool:
    return isinstance(item, ForgetRequest) or (isinstance(item, Touchpoint) and item.type == LINK)
