"""Which triggers of one partition are finished, and what may be committed: never past an open one, in whatever order they end.

Records are *fetched* (Faust has them), then *taken* in order (they reached us). A taken record may be for a target; the
partition keeps a *lane* for each. At most `window` records of a lane are open, that is, held in memory until they are
delivered or dead letters. When a lane is full it falls *behind*: from there on its records are passed over, so that
they hold nobody up, and are read again from the lane's own position once there is room.

A finished record is *through*. What is stored is the lowest offset that is not through for some lane and, since lanes may be through
with much beyond it, what else is through: a restart delivers nothing again that was through when it was stored.

Pure: no waiting, no clock. A `PartitionProgress` lives from the assignment of a partition to its revocation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.errors import EtapaError

LONGEST_MEMO = 3_500
"""Characters of metadata in one commit; by default brokers accept 4,096 bytes."""

_FORMAT = 2

Admission = Literal["open", "through", "later"]


class Skipped(EtapaError):
    """A record was handed over, but an earlier one that was fetched never was."""


class Through(msgspec.Struct, frozen=True):
    """What was through when an offset was committed: everything before `upto` except `open`, and except lanes from where they are behind."""

    upto: int
    open: frozenset[int] = frozenset()
    behind: Mapping[str, int] = {}

    def holds(self, lane: str, offset: int) -> bool:
        """Whether this record of this lane is through."""
        return offset < self.place(lane) and offset not in self.open

    def place(self, lane: str) -> int:
        """The offset before which everything of this lane is through, except what is open."""
        return self.behind.get(lane, self.upto)

    def may_miss(self, first: int, end: int) -> int:
        """How many of the offsets from `first` (inclusive) to `end` (exclusive) may hold a record that is not through."""
        sure = min([self.upto, *self.behind.values()])
        return max(0, end - max(first, sure)) + sum(first <= offset < min(end, sure) for offset in self.open)


class Kept(msgspec.Struct, frozen=True):
    """The stored progress of a partition: everything before `offset` is through, and so is what `through` says, if that is known."""

    offset: int
    through: Through | None = None
    topic_id: str | None = None
    """The id of the topic that these offsets belong to, as Kafka's tools write it; None when it is not known."""

    def may_miss(self, end: int) -> int:
        """How many of the offsets before `end` may hold a record that is not through."""
        return (self.through or Through(self.offset)).may_miss(self.offset, end)


def furthest(kept: Sequence[Kept]) -> Kept | None:
    """The most advanced of these; None when there is none.

    Of two that were stored by owners of the same partition, one always includes the other, so any measure that grows with progress
    finds it: first how far everything is through, then how far each lane is, then how little of that is open.
    """
    lanes = {lane for one in kept if one.through is not None for lane in one.through.behind}

    def measure(one: Kept) -> tuple[int, int, int, int]:
        through = one.through or Through(one.offset)
        return one.offset, through.upto, sum(through.place(lane) for lane in lanes), -len(through.open)

    return max(kept, key=measure, default=None)


class PartitionProgress:
    """The progress of one partition since it was assigned."""

    def __init__(self, window: int, begin: int, before: Through | None = None, topic_id: str | None = None) -> None:
        """Reading begins at offset `begin` of the topic with this id; `before` says what is known to be through beyond it."""
        self._window = window
        self._topic_id = topic_id
        self._before = before or Through(upto=0)
        self._waiting: dict[int, None] = {}
        self._last_fetched = -1
        self._next = begin
        self._open: dict[str, dict[int, None]] = {}
        self._behind: dict[str, int] = {}
        self.has_settled = False
        """Whether anything was delivered or became a dead letter."""
        self._passed_by: dict[str, set[int]] = {}
        """For lanes that are behind: the few records that were open among many that are through. Otherwise all would count as not through."""

    def fetched(self, offsets: Iterable[int]) -> None:
        """Records were fetched, in order. Until a record is taken, nothing beyond it can be committed."""
        for offset in offsets:
            # After a seek back the same records come again: those still waiting go on waiting, and the others were taken.
            if offset > self._last_fetched:
                self._waiting[offset] = None
                self._last_fetched = offset

    def take(self, offset: int) -> bool:
        """A record was handed over. False when it had been handed over before. Raises `Skipped`."""
        if offset not in self._waiting:
            return False
        earliest = next(iter(self._waiting))
        if earliest != offset:
            raise Skipped(f"offset {offset} was handed over, but the earlier {earliest} never was")
        del self._waiting[offset]
        self._next = offset + 1
        return True

    def was_through(self, lane: str, offset: int) -> bool:
        """Whether a record of this lane was already through when the offset where reading began was committed."""
        return self._before.holds(lane, offset)

    def admit(self, lane: str, offset: int) -> Admission:
        """Where a record of this lane that was just taken stands: to be delivered now, already through, or to be read again later."""
        if self._before.holds(lane, offset):
            return "through"
        if lane in self._behind or not self.room(lane):
            self._behind.setdefault(lane, offset)
            if offset < self._before.place(lane):
                self._passed_by.setdefault(lane, set()).add(offset)
            return "later"
        self._open.setdefault(lane, {})[offset] = None
        return "open"

    def settle(self, lane: str, offset: int) -> None:
        """An open record is through."""
        del self._open[lane][offset]
        self.has_settled = True

    def room(self, lane: str) -> int:
        """How many more records of the lane may be open."""
        return max(0, self._window - len(self._open.get(lane, ())))

    @property
    def behind(self) -> Mapping[str, int]:
        """The lanes that are behind, each with the offset to read it from."""
        return self._behind

    def look(self, lane: str, offset: int, *, mine: bool) -> Admission:
        """A record was read for a lane that is behind. `later`: there is no room, so read it again; `through`: there is nothing to do."""
        place = self._behind.get(lane)
        if place is None or offset < place:
            return "through"
        deliver = mine and not self._before.holds(lane, offset)
        if deliver and not self.room(lane):
            return "later"
        if deliver:
            self._open.setdefault(lane, {})[offset] = None
        self._move_on(lane, offset + 1)
        return "open" if deliver else "through"

    def gone(self, lane: str, start: int) -> None:
        """Records before `start` are no longer in the log."""
        if lane in self._behind:
            self._move_on(lane, max(start, self._behind[lane]))

    def _move_on(self, lane: str, offset: int) -> None:
        self._behind[lane] = offset
        if lane in self._passed_by:
            self._passed_by[lane] = {each for each in self._passed_by[lane] if each >= offset}
        if offset >= self._next:
            del self._behind[lane]
            self._passed_by.pop(lane, None)

    @property
    def waiting(self) -> int:
        """Records fetched but not taken."""
        return len(self._waiting)

    @property
    def first_waiting(self) -> int | None:
        """The next record to be taken, if one was fetched."""
        return next(iter(self._waiting), None)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was fetched is through."""
        return not self._waiting and not self._behind and not any(self._open.values())

    def open_in(self, lane: str) -> int:
        """Open records of a lane."""
        return len(self._open.get(lane, ()))

    def kept(self) -> Kept:
        """What is to be stored now."""
        return Kept(self.committable(), self.through(), self._topic_id)

    def committable(self) -> int:
        """The offset where reading must begin so that nothing is lost."""
        return min([self._next, *self._behind.values(), *(min(offsets) for offsets in self._open.values() if offsets)])

    def through(self) -> Through:
        """What is through by now, including what cannot be committed yet."""
        following, before = self._next, self._before
        opened = {offset for offsets in (*self._open.values(), *self._passed_by.values()) for offset in offsets}
        behind = {lane: max(place, before.place(lane)) for lane, place in self._behind.items()}
        if following < before.upto:
            # Reading has not got as far as last time, so what was known about the rest still holds.
            opened |= {offset for offset in before.open if offset >= following}
            behind = {lane: max(place, following) for lane, place in before.behind.items()} | behind
        upto = max(following, before.upto)
        return Through(upto, frozenset(opened), {lane: place for lane, place in behind.items() if place < upto})


def memo_of(kept: Kept, routing: str) -> str:
    """What is stored with an offset, as metadata of its commit. If it would be too long, only the topic's id is stored; the only cost is
    that some deliveries are repeated.

    `routing` identifies which campaign belongs to which lane: with another routing, the positions of lanes would mean something else.
    """
    committed = kept.offset
    through = kept.through or Through(committed)
    places = {lane: place - committed for lane, place in through.behind.items()}
    opened = sorted(offset - committed for offset in through.open)
    beyond = max(0, through.upto - committed)
    memo = msgspec.json.encode([_FORMAT, kept.topic_id, routing, beyond, opened, places]).decode()
    return memo if len(memo.encode()) <= LONGEST_MEMO else msgspec.json.encode([_FORMAT, kept.topic_id, routing, 0, (), {}]).decode()


_decode = msgspec.json.Decoder(tuple[int, str | None, str, int, list[int], dict[str, int]]).decode


def kept_of(memo: str, committed: int, routing: str) -> Kept:
    """What was stored with a commit; the offset alone when there is no memo, or none that can be relied on."""
    try:
        number, topic_id, written_for, upto, opened, places = read_json(_decode, memo.encode())
    except msgspec.DecodeError:
        return Kept(committed)
    if number != _FORMAT:
        return Kept(committed)
    if written_for != routing:
        return Kept(committed, topic_id=topic_id)
    through = Through(
        committed + upto, frozenset(committed + each for each in opened), {lane: committed + place for lane, place in places.items()}
    )
    return Kept(committed, through, topic_id)
