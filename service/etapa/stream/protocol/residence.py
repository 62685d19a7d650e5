"""Where customers live and what is sent between partitions: the decisions of docs/moving-customers.md. Pure.

A place is a partition. What is here in memory only (claims, and who was found to live nowhere) is asked for again after a takeover.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.denial_transfer import denials_of
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, is_placeholder
from etapa.contracts.stored.mark import MovingMark
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    CustomerClaimed,
    CustomersDenied,
    CustomerUnknown,
    LayoutAnnounced,
    PlaceFinished,
    Sent,
    SettlingAnswered,
    SettlingAsked,
    TopicLayout,
    Transfer,
    TransferError,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.deny_list import DenyList
from etapa.stream.protocol.forwarded_items import ForgetElsewhere, LivesElsewhere, sent_along
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.observer import MovesCounted
from etapa.stream.protocol.records import IncomingTransfer, Outgoing, Record
from etapa.stream.protocol.settling import EarlierForwards

Whereabouts = Literal["here", "maybe on the way"]


class Moves:
    """What one place knows of the others, and what it is about to send to them."""

    def __init__(self, place: int, marked: MovingMark | None) -> None:
        self._place: Final = place
        mark = MovingMark(next_transfer=0) if marked is None else marked
        self.next_transfer = mark.next_transfer
        self.layout = mark.layout
        self._sent, self._taken = dict(mark.sent), dict(mark.taken)
        self._ended = set(mark.ended)
        self.per_second = mark.per_second
        """The pace at which customers leave, as announced; 0 stops them."""
        self._revision, self._to_leave = mark.revision, mark.to_leave
        self._left, self._arrived = mark.left, mark.arrived
        self.follows_links = mark.follows_links
        self._earlier = EarlierForwards(mark.settled)
        self._claimed: set[str] = set()
        self._nowhere: set[str] = set()
        """Customers of whom their old home has told that they do not come: it does not know them, or they stay where they are."""
        self._addresses: dict[str, int] = {}
        """Those read since the last batch."""
        self._stateless: set[str] = set()
        """Who was found to live here without a state since the last batch."""
        self._sends: list[tuple[int, Outgoing]] = []

    @property
    def has_sends(self) -> bool:
        """Whether something is to be sent with the next batch."""
        return bool(self._sends)

    @property
    def someone_may_have_to_leave(self) -> bool:
        """Whether this place has not finished yet."""
        return self.layout is not None and self._place not in self._ended

    @property
    def addresses(self) -> Mapping[str, int]:
        """The forwarding addresses read since the last batch."""
        return self._addresses

    def adopt(self, layout: TopicLayout) -> bool:
        """Follow a layout from now on, unless it is older than the present one. Returns whether it is followed from now on."""
        if self.layout is not None and layout.generation <= self.layout.generation:
            return False
        has_arrived = self.layout is None or self._earlier.settled >= self.layout.generation
        self._earlier.adopt(layout, self._sent, has_arrived=has_arrived)
        self.layout = layout
        self.per_second, self._revision = None, 0
        # Nobody lives at a place that was not part of the layout before.
        self._ended = set(range(layout.before, max(layout.before, layout.partitions)))
        self._to_leave, self._left, self._arrived = None, 0, 0
        self.forget_claims()
        return True

    def keep_pace(self, announced: LayoutAnnounced) -> None:
        """Customers leave at this pace from now on, unless it was announced before the present one."""
        if announced.layout == self.layout and announced.revision >= self._revision:
            self.per_second, self._revision = announced.per_second, announced.revision

    def home(self, customer_id: str) -> int:
        """Where the customer should live."""
        return self._place if self.layout is None else partition_of(customer_id, self.layout.partitions)

    def note_address(self, customer_id: str, address: ForwardingAddress) -> None:
        """The customer has left for this address, or lives here without a state."""
        if is_placeholder(customer_id, address):
            self._stateless.add(customer_id)
        else:
            self._addresses[customer_id] = address.place

    def leaves_a_trace(self, customer_id: str) -> bool:
        """Whether an address of the customer was read since the last batch, or that it lives here without a state."""
        return customer_id in self._stateless or customer_id in self._addresses

    def is_stateless(self, customer_id: str) -> bool:
        """Whether the customer was found to live here without a state since the last batch."""
        return customer_id in self._stateless

    def whereabouts(self, customer_id: str, forwarded_by: int | None = None) -> int | Whereabouts:
        """Where a touchpoint of a customer goes that has no state here: the place to forward it to, or nowhere.

        `forwarded_by`: the place that it came from, which follows no later layout; none when it was read in our own partition.
        """
        if customer_id in self._stateless:
            return "here"
        to = self._addresses.get(customer_id)
        if self.layout is None:
            return "here" if to is None else to
        here, before = self._place, partition_of(customer_id, self.layout.before)
        if self.home(customer_id) != here:
            return self.way_home(customer_id) if to is None else to
        is_told = before == here or before in self._ended or customer_id in self._nowhere
        if not is_told and forwarded_by is None:
            return "maybe on the way"
        # With links, whoever has this id may live anywhere. Without, an address at home is left from an earlier layout: who comes back may be on
        # the way; who was forgotten meanwhile does not come.
        if to is not None and self.follows_links:
            return to
        # What the old home forwards comes behind the customer's state.
        return "here" if is_told or before == forwarded_by else before

    def way_home(self, customer_id: str) -> int:
        """Where a place that knows nothing of a customer sends what comes for it: to the old home, and from there to the new one. At home it is here."""
        layout, here, home = self.layout, self._place, self.home(customer_id)
        before = home if layout is None else partition_of(customer_id, layout.before)
        # Only the old home knows whether the customer has left for the new one; a place of an earlier layout does not.
        return home if here in (home, before) else before

    def has_to_tell(self, customer_id: str) -> bool:
        """Whether this place is the old home of the customer, and another one the new home."""
        layout, here = self.layout, self._place
        return layout is not None and partition_of(customer_id, layout.before) == here != partition_of(customer_id, layout.partitions)

    def is_told_of(self, customer_id: str, layout: TopicLayout) -> None:
        """The old home has told that the customer does not come."""
        if layout == self.layout:
            self._nowhere.add(customer_id)

    def claim(self, customer_id: str) -> None:
        """Ask the customer's old home for it, unless that was done before."""
        if self.layout is not None and customer_id not in self._claimed:
            self._claimed.add(customer_id)
            self.send(partition_of(customer_id, self.layout.before), CustomerClaimed(customer_id, self.layout))

    def are_settling(self) -> bool:
        """Whether no touchpoint may be read yet, since earlier ones that were forwarded may still be on their way. Asks for them."""
        if self.layout is None:
            return False
        for place, question in self._earlier.questions(self.layout, self._sent, self.others()).items():
            self.send(place, question)
        return self._earlier.settled < self.layout.generation

    def hear(self, transfer: Transfer) -> bool:
        """Note an answer, or answer a question, of another place. Returns whether it was one that concerns nobody who lives here."""
        sent = transfer.sent
        if isinstance(sent, CustomerUnknown):
            self.is_told_of(sent.customer_id, sent.layout)
        elif isinstance(sent, SettlingAsked):
            self.send(transfer.sender, SettlingAnswered(sent.layout, sent.round))
        elif isinstance(sent, SettlingAnswered):
            self._earlier.hear(transfer.sender, sent)
        else:
            return False
        return True

    def forget_claims(self) -> None:
        """Nothing waits any more."""
        self._claimed.clear()
        self._nowhere.clear()

    def has_ended(self, place: int, layout: TopicLayout) -> None:
        """Nobody is left at this place who has to move in this layout."""
        if layout == self.layout:
            self._ended.add(place)

    def there_are(self, customers: int) -> None:
        """So many customers are here. The first number since the layout was adopted tells about how many have to leave."""
        if self._to_leave is None and self.layout is not None:
            self._to_leave = self._left + round(customers * self.layout.share_leaving(self._place))

    def finish(self, denied: Sequence[CustomersDenied]) -> Iterator[int]:
        """Nobody is left here who has to move: tell the other places one by one. Whoever was forgotten here stays forgotten elsewhere.

        Before each place it gives the number of bytes that wait to be sent. This place has ended with the batch that tells the last one.
        """
        if self.layout is not None:
            for place in self.others():
                yield sum(len(outgoing.value or b"") for _, outgoing in self._sends)
                self.send_all(place, denied if place < self.layout.partitions else ())
                self.send(place, PlaceFinished(self.layout))
            self.has_ended(self._place, self.layout)

    def in_batch(self, stages: Sequence[tuple[str, str]], forwarded: int, departures: Sequence[Outgoing]) -> MovedInBatch:
        """Everything about moves that belongs to the next batch; `stages` and the others as in `MovedInBatch`."""
        left, arrived = sum(after == NO_STAGE for _, after in stages), sum(before == NO_STAGE for before, _ in stages)
        self._left += left
        self._arrived += arrived
        counted = MovesCounted(left, arrived, self.someone_may_have_to_leave and self.per_second != 0)
        return MovedInBatch(self.marked(), self.take_sends(), stages, forwarded, departures, counted)

    def others(self) -> list[int]:
        """All other places, of both layouts."""
        layout = self.layout
        return [] if layout is None else [place for place in range(max(layout.partitions, layout.before)) if place != self._place]

    def next_number(self, to: int) -> int:
        """The number of what is sent next to a place."""
        return self._sent.get(to, 0) + 1

    def send(self, to: int, sent: Sent) -> None:
        """Send it with the next batch."""
        number = self.next_number(to)
        self._sent[to] = number
        self._sends.append((to, Outgoing(None, encode_transfer(Transfer(sender=self._place, number=number, sent=sent)))))

    def forward(self, item: LivesElsewhere | ForgetElsewhere, record: Record, origin: tuple[int, int], denied: DenyList | None) -> None:
        """Forward a record that was read first at `origin`. If its customer was forgotten here, the other place hears of that before."""
        self.send_all(item.place, denials_of(denied, item.touchpoint.customer_id))
        made = item.made if isinstance(item, LivesElsewhere) else None
        self.send(item.place, sent_along(record, origin, self.layout, made, is_needed=made is None))

    def send_all(self, to: int, several: Iterable[Sent]) -> None:
        """Send them with the next batch, in this order."""
        for sent in several:
            self.send(to, sent)

    def is_repeated(self, transfer: Transfer, ahead: Mapping[int, int]) -> bool:
        """Whether a transfer was taken in before. `ahead`: those that were read and are not taken in yet.

        Raises `TransferError` if one before it is missing.
        """
        if transfer.sender == ANNOUNCER:
            return False
        last = ahead.get(transfer.sender, self._taken.get(transfer.sender, 0))
        if transfer.number > last + 1:
            raise TransferError(
                f"the last transfer from partition {transfer.sender} was number {last}, and the next is number {transfer.number}:"
                " transfers lost records"
            )
        return transfer.number <= last

    def new_of(self, records: Sequence[Record]) -> Iterator[IncomingTransfer]:
        """Those that were not taken in before. Raises `TransferError`."""
        ahead: dict[int, int] = {}
        for record in records:
            transfer = decode_transfer(record.value)
            if not self.is_repeated(transfer, ahead):
                ahead[transfer.sender] = transfer.number
                yield IncomingTransfer(record.offset, transfer)

    def take(self, transfer: Transfer) -> None:
        """It is taken in with the next batch."""
        if transfer.sender != ANNOUNCER:
            self._taken[transfer.sender] = transfer.number

    def marked(self) -> MovingMark:
        """For the mark of the next batch."""
        return MovingMark(
            next_transfer=self.next_transfer,
            sent=dict(self._sent),
            taken=dict(self._taken),
            layout=self.layout,
            ended=tuple(sorted(self._ended)),
            per_second=self.per_second,
            revision=self._revision,
            to_leave=self._to_leave,
            left=self._left,
            arrived=self._arrived,
            settled=self._earlier.settled,
            follows_links=self.follows_links,
        )

    def take_sends(self) -> list[tuple[int, Outgoing]]:
        """Everything to be sent; the caller sends it."""
        sends, self._sends = self._sends, []
        return sends

    def forget_addresses(self) -> list[str]:
        """Whose addresses were read. They have to be read again."""
        read = [*self._addresses, *self._stateless]
        self._addresses, self._stateless = {}, set()
        return read
