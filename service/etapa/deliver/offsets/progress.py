"""Which triggers of one partition are finished, and what may be committed: in whatever order they end, never past an open one.

Records are *fetched* (Faust has them), then *taken* in order (they reached us). A taken record may be for a target; the
partition keeps a *lane* for each. At most `window` records of a lane are open, that is, held in memory until they are
delivered or dead letters. When a lane is full it falls *behind*: from there on its records are only passed by, so that
they hold nobody up, and are read again from its own place once there is room.

What is kept is the least offset that is not through, for any lane, and, as lanes are through with much beyond it, what is
through beyond: a restart delivers nothing twice that was through when it was kept.

Pure: no waiting, no clock. One of these lives from the assignment of a partition to its revocation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from etapa.errors import EtapaError

LONGEST_MEMO = 3_500
"""Characters of metadata with one commit; brokers take 4,096 bytes unless told otherwise."""

_FORMAT = 2

Admission = Literal["open", "through", "later"]


class Skipped(EtapaError):
    """A record was handed over while an earlier one that was fetched never was."""


class Through(msgspec.Struct, frozen=True):
    """What was through when an offset was committed: everything before `upto` but `open`, and but lanes from where they are behind."""

    upto: int
    open: frozenset[int] = frozenset()
    behind: Mapping[str, int] = {}

    def holds(self, lane: str, offset: int) -> bool:
        """Whether this record, which is for this lane, is finished."""
        return offset < self.place(lane) and offset not in self.open

    def place(self, lane: str) -> int:
        """Everything of this lane before this offset is finished, except what is open."""
        return self.behind.get(lane, self.upto)

    def may_miss(self, first: int, end: int) -> int:
        """How many of the offsets from `first` up to but without `end` may hold a record that is not through."""
        sure = min([self.upto, *self.behind.values()])
        return max(0, end - max(first, sure)) + sum(first <= offset < min(end, sure) for offset in self.open)


class Kept(msgspec.Struct, frozen=True):
    """What was kept of a partition: everything before `offset` is through, and this much beyond it, if that is known."""

    offset: int
    through: Through | None = None
    topic_id: str | None = None
    """Of the topic that these are offsets of, as Kafka's tools write it; none where it is not known."""

    def may_miss(self, end: int) -> int:
        """How many of the offsets before `end` may hold a record that is not through."""
        return (self.through or Through(self.offset)).may_miss(self.offset, end)


def furthest(kept: Sequence[Kept]) -> Kept | None:
    """What says most of all that was kept; none when there is nothing.

    Of two that were kept by owners of one partition, one always says all that the other does, so any measure that grows with what
    is said finds it: first how far everything is through, then how far each lane is, then how little of that is open.
    """
    lanes = {lane for one in kept if one.through is not None for lane in one.through.behind}

    def measure(one: Kept) -> tuple[int, int, int, int]:
        through = one.through or Through(one.offset)
        return one.offset, through.upto, sum(through.place(lane) for lane in lanes), -len(through.open)

    return max(kept, key=measure, default=None)


class PartitionProgress:
    """The progress of one partition since it was assigned."""

    def __init__(self, window: int, begin: int, before: Through | None = None, topic_id: str | None = None) -> None:
        """Reading begins at offset `begin` of the topic with this id; `before` is what is known to be through beyond it."""
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
        """Of lanes that are behind, what was open among much that is through: without it all of that would count as not through."""

    def fetched(self, offsets: Iterable[int]) -> None:
        """Records were fetched, in order. Until each is taken nothing beyond it can be committed."""
        for offset in offsets:
            # After a seek back the same records come again; those that wait still do, and the others were taken.
            if offset > self._last_fetched:
                self._waiting[offset] = None
                self._last_fetched = offset

    def take(self, offset: int) -> bool:
        """A record was handed over. False when it had been before. Raises `Skipped`."""
        if offset not in self._waiting:
            return False
        earliest = next(iter(self._waiting))
        if earliest != offset:
            raise Skipped(f"offset {offset} was handed over, but the earlier {earliest} never was")
        del self._waiting[offset]
        self._next = offset + 1
        return True

    def was_through(self, lane: str, offset: int) -> bool:
        """Whether a record of this lane was through already when the offset was committed that reading began at."""
        return self._before.holds(lane, offset)

    def admit(self, lane: str, offset: int) -> Admission:
        """A record that was just taken is for this lane: deliver it, or it is through, or it comes again later."""
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
        """An open record is finished."""
        del self._open[lane][offset]
        self.has_settled = True

    def room(self, lane: str) -> int:
        """How many more records of the lane may be open."""
        return max(0, self._window - len(self._open.get(lane, ())))

    @property
    def behind(self) -> Mapping[str, int]:
        """Lanes that are behind, with the offset that each is to be read from."""
        return self._behind

    def look(self, lane: str, offset: int, *, mine: bool) -> Admission:
        """A record was read for a lane that is behind. `later`: there is no room, read it again; `through`: nothing to do."""
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
        """Records before `start` are not in the log any more."""
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
        """Records fetched and not taken."""
        return len(self._waiting)

    @property
    def first_waiting(self) -> int | None:
        """The next record to be taken, if it was fetched."""
        return next(iter(self._waiting), None)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was fetched is finished."""
        return not self._waiting and not self._behind and not any(self._open.values())

    def open_in(self, lane: str) -> int:
        """Open records of a lane."""
        return len(self._open.get(lane, ()))

    def kept(self) -> Kept:
        """What is to be kept now."""
        return Kept(self.committable(), self.through(), self._topic_id)

    def committable(self) -> int:
        """The offset at which reading must begin so that nothing is lost."""
        return min([self._next, *self._behind.values(), *(min(offsets) for offsets in self._open.values() if offsets)])

    def through(self) -> Through:
        """What is finished by now, including what cannot be committed yet."""
        following, before = self._next, self._before
        opened = {offset for offsets in (*self._open.values(), *self._passed_by.values()) for offset in offsets}
        behind = {lane: max(place, before.place(lane)) for lane, place in self._behind.items()}
        if following < before.upto:
            # Not yet as far as last time: what was known of the rest still holds.
            opened |= {offset for offset in before.open if offset >= following}
            behind = {lane: max(place, following) for lane, place in before.behind.items()} | behind
        upto = max(following, before.upto)
        return Through(upto, frozenset(opened), {lane: place for lane, place in behind.items() if place < upto})


def memo_of(kept: Kept, routing: str) -> str:
    """What is kept beside an offset, as metadata of its commit. When that would be too long only the topic's id is, which costs repeats and
    nothing else.

    `routing` stands for which campaign is for which lane: with another, places of lanes would mean something else.
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
    """What was kept with a commit; the offset alone when there is no memo, or none that can be relied on."""
    try:
        number, topic_id, written_for, upto, opened, places = _decode(memo)
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
