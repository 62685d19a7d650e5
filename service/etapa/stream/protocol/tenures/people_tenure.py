"""A tenure with people who have several ids: their touchpoints are judged under the id that is kept, and all their ids are forgotten together.

Who has which ids is kept like pages of the ledger. What changes it is in `linking_tenure`.
"""

from collections.abc import Collection, Mapping, Sequence

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import ForwardingAddress
from etapa.contracts.stored.linked_ids import linked_fields, read_linked_ids
from etapa.contracts.stored.state import StateError
from etapa.contracts.stored.transfer import LayoutAnnounced, PersonForgotten, Transfer, TransferError
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.identity.people import LinkedIds, People
from etapa.journey.identity.under import under
from etapa.journey.language.model import LINK
from etapa.stream.protocol.batch import NOT_OURS, Encoded, Item, Waiting
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.forwarded_items import as_read
from etapa.stream.protocol.ports import LoadedCustomers, Transfers
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.residence import MovedInBatch
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.moving_tenure import MovingTenure


class PeopleTenure(MovingTenure):
    """A tenure that knows who has which ids."""

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken, transfers)
        if self._moves.layout is not None:
            self._refuse_layout()
        # Nor is it added by a layout.
        self._may_be_new = False
        self._said_so = self._moves.follows_links
        self._moves.follows_links = True
        self._people = People()
        self._erased: list[str] = []
        """Ids of people forgotten in this batch, whose addresses go."""

    def _refuse_layout(self) -> None:
        raise PartitionRefused(
            f"partition {self._around.partition}: customers were moved to another number of partitions, and links do not go together with that"
            " yet. Take `identity` out of the journey file, or start with new output topics, another ETAPA_GROUP and another ETAPA_REDIS_PREFIX"
        )

    def _adopt(self, announced: LayoutAnnounced) -> None:
        self._refuse_layout()

    async def _open_ledger(self) -> None:
        await super()._open_ledger()
        if not self._said_so:
            # From now on, whatever the journey file says later.
            await self._commit(0, [], empty=True)
            self._said_so = True

    def _learn(self, pages: Mapping[bytes, bytes]) -> None:
        for person in read_linked_ids(pages):
            self._people.learn(person)

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        here = super()._who_lives_here(customer_ids, loaded)
        to_here = [one for one in customer_ids if self._moves.addresses.get(one) == self._around.partition and one not in self._left]
        lost = [one for one in to_here if self._people.of(one) is None]
        if lost:
            # It would be sent from here to here for ever.
            raise StateError(f"{len(lost)} linked ids lead to people of partition {self._around.partition} of whom nothing is stored")
        return here

    async def _into_memory(self, customer_id: str) -> None:
        missing = self._engine.missing([customer_id])
        if missing:
            await self._load(missing, None)

    def _home(self, customer_id: str) -> int:
        return partition_of(customer_id, self._topics.partitions)

    def _settle_person(self, person: LinkedIds, are_right: Collection[str] = ()) -> None:
        """Somebody lives here under the id that is kept; the other ids lead there. `are_right`: ids that do so already, if they are others."""
        self._people.settle(person, is_at_home=self._home(person.least) == self._around.partition)
        here = self._around.partition
        for customer_id in person.ids:
            if customer_id != person.kept and customer_id not in are_right:
                self._left[customer_id] = ForwardingAddress(here, person.sequence_of(customer_id), person.kept)

    # --- touchpoints ---

    async def _process_touchpoints(self) -> None:
        waiting, most = self._waiting, self._around.options.max_records
        self._waiting = Waiting(waiting.records, [*map(self._under_kept, waiting.items[:most]), *waiting.items[most:]])
        if not await self._process_alone(self._waiting.items[0]):
            await super()._process_touchpoints()

    async def _process_alone(self, item: Item) -> bool:
        """Process the first waiting item if it is a batch of its own. Returns whether it is."""
        person = self._people.of(item.customer_id) if isinstance(item, ForgetRequest) else None
        if person is None or not isinstance(item, ForgetRequest):
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

    async def _look_where_they_live(self) -> int:
        """What is a batch of its own ends a batch of touchpoints."""
        count = await super()._look_where_they_live()
        ends = (place for place, item in enumerate(self._waiting.items[:count]) if self._is_alone(as_read(item)))
        return min(count, next(ends, count))

    def _is_alone(self, item: Item) -> bool:
        if isinstance(item, Touchpoint):
            return item.type == LINK
        return isinstance(item, ForgetRequest) and self._people.of(item.customer_id) is not None

    def _under_kept(self, item: Item) -> Item:
        item = as_read(item)
        if not isinstance(item, Touchpoint) or item.type == LINK:
            return item
        person = self._people.of(item.customer_id)
        return item if person is None or person.kept == item.customer_id else under(item, person.kept)

    # --- people who are forgotten ---

    async def _forget_person(self, person: LinkedIds, forgotten: PersonForgotten, asked: str) -> None:
        """Forget all ids of somebody who lives here, and tell every other place, any of which may have addresses of them.

        `asked`: the id in the request.
        """
        await self._forget_ids(forgotten, asked)
        self._people.leave(person)
        for place in range(self._topics.partitions):
            if place != self._around.partition:
                self._moves.send(place, forgotten)

    async def _forget_ids(self, forgotten: PersonForgotten, asked: str | None = None) -> None:
        for customer_id, digest in forgotten.digests.items():
            await self._into_memory(customer_id)
            request = ForgetRequest(customer_id, digest, forgotten.at, forgotten.until)
            if not self._engine.forget_customer(request, was_read=customer_id == asked):
                raise TransferError("another partition has forgotten a person with another ETAPA_FORGET_KEY: all workers need the same one")
            self._left.pop(customer_id, None)
            self._erased.append(customer_id)

    async def _act_on_one(self, transfer: Transfer) -> None:
        sent = transfer.sent
        if not isinstance(sent, PersonForgotten):
            await super()._act_on_one(transfer)
            return
        await self._forget_ids(sent)

    def _is_forgotten(self, person: LinkedIds, at: int) -> bool:
        """Whether this is nobody, because the only id was forgotten: a link of it changes nothing."""
        denied, engine = self._deny_list, self._engine
        if denied is None or len(person.ids) > 1 or engine.knows(person.kept):
            return False
        return denied.denies(person.kept, at if engine.stream_time is None else max(at, engine.stream_time))

    # --- the batch ---

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        erased, self._erased = self._erased, []
        told = {outgoing.key for outgoing in encoded.states}
        encoded.add_erased(customer_id for customer_id in erased if customer_id.encode() not in told)
        moved = super()._moved(count, encoded)
        return moved._replace(pages=linked_fields(self._people.take_changed()))
