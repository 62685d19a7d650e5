"""The transaction coordinator: who holds a transactional id, which partitions its transaction includes, and how it ends.

It knows both protocols. In the old one a transaction is identified by the producer's epoch alone, so a request to end it may have been
meant for the previous one; in the new one (KIP-890) every end raises the epoch. The end is decided and answered first; then a marker
goes to each partition, and nothing else begins until all are written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

LAST_EPOCH = 2**15 - 1
"""The last epoch: no transaction begins with it, only an end is written in it."""
OK, OLD_EPOCH, BAD_STATE, BAD_ID, CONCURRENT, FENCED = 0, 47, 48, 49, 51, 90

State = Literal["empty", "ongoing", "prepare_commit", "prepare_abort", "complete_commit", "complete_abort"]
_COMPLETE: Mapping[State, State] = {"prepare_commit": "complete_commit", "prepare_abort": "complete_abort"}


@dataclass
class Transactions:
    """The state of one transactional id."""

    producer_id: int
    timeout: float
    epoch: int = -1
    state: State = "empty"
    places: dict[str, None] = field(default_factory=dict)
    number: int = 0
    """Counts the transactions, so that a time-out does not hit the next one."""
    unwritten: int = 0
    """Markers that are on their way."""
    next_id: int | None = None
    """When the epochs are used up: the producer of the next transaction, once the markers are written."""
    before: tuple[int, int] | None = None
    """The id whose epochs were last used up, and the epoch that ended its last transaction."""


class Coordinator:
    """`later` calls something after a while; `write_marker` passes on a marker and what to call once it is written."""

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], object],
        write_marker: Callable[[str, int, int, bool, Callable[[], None]], None],
        decided: Callable[[Transactions, bool], None],
        event: Callable[[str], None],
        last_epoch: int = LAST_EPOCH,
    ) -> None:
        self._later = later
        self._write_marker = write_marker
        self._decided = decided
        self._event = event
        self._last_epoch = last_epoch
        self._next_id = 1000
        self._ids: dict[str, Transactions] = {}

    @property
    def unfinished(self) -> bool:
        """Whether a transaction is open, or a marker on its way."""
        return any(one.state == "ongoing" or one.state in _COMPLETE for one in self._ids.values())

    @property
    def is_marking(self) -> bool:
        """Whether a marker is on its way."""
        return any(one.state in _COMPLETE for one in self._ids.values())

    def init(self, transactional_id: str, timeout: float) -> tuple[int, int, int]:
        """A producer starts. Returns an error code, its id and its epoch."""
        found = self._ids.get(transactional_id)
        if found is None:
            found = self._ids[transactional_id] = Transactions(self._new_id(), timeout)
        if found.state in _COMPLETE:
            return CONCURRENT, -1, -1
        if found.state == "ongoing":
            self._event("open transaction fenced")
            self._abort_from_here(found)
            return CONCURRENT, -1, -1
        found.epoch += 1
        if found.epoch >= self._last_epoch:
            self._begin_again(found, self._new_id())
        found.timeout = timeout
        found.state = "empty"
        return OK, found.producer_id, found.epoch

    def add(self, transactional_id: str | None, producer_id: int, epoch: int, places: list[str]) -> int:
        """Add partitions to the transaction, which may begin with them."""
        found = self._ids.get(transactional_id or "")
        error = self._unknown(found, producer_id, epoch)
        if error or found is None:
            return error
        if found.state in _COMPLETE:
            return CONCURRENT
        if found.state != "ongoing":
            found.state = "ongoing"
            found.number += 1
            number = found.number
            self._later(found.timeout, lambda: self._expire(found, number))
        found.places.update(dict.fromkeys(places))
        return OK

    def verify(self, transactional_id: str | None, producer_id: int, epoch: int, place: str) -> int:
        """Whether a partition is part of the open transaction."""
        found = self._ids.get(transactional_id or "")
        error = self._unknown(found, producer_id, epoch)
        if error or found is None:
            return error
        if found.state in _COMPLETE:
            return CONCURRENT
        return OK if found.state == "ongoing" and place in found.places else BAD_STATE

    def end(self, transactional_id: str, producer_id: int, epoch: int, *, commit: bool, bumps: bool) -> tuple[int, int, int]:
        """End the transaction; `bumps`: raise the epoch, as in the new protocol. Returns an error code, and the next id and epoch."""
        found = self._ids.get(transactional_id)
        repeated = bumps and found is not None and found.state not in ("ongoing", "empty")
        if found is not None and repeated:
            repeated = (producer_id, epoch) in (found.before, (found.producer_id, found.epoch - 1))
        error = OK if repeated else self._unknown(found, producer_id, epoch)
        if error or found is None:
            return (FENCED if bumps and error == OLD_EPOCH else error), -1, -1
        error = self._end(found, commit=commit, bumps=bumps, repeated=repeated)
        if error:
            return error, -1, -1
        return (OK, found.producer_id, found.epoch) if found.next_id is None else (OK, found.next_id, 0)

    def _end(self, found: Transactions, *, commit: bool, bumps: bool, repeated: bool) -> int:
        if found.state in _COMPLETE:
            return CONCURRENT if (found.state == "prepare_commit") == commit else BAD_STATE
        if found.state == "ongoing":
            found.epoch += bumps
            if found.epoch >= self._last_epoch:
                found.next_id = self._new_id()
            self._prepare(found, commit=commit)
            return OK
        if bumps and not repeated:
            if commit:
                return BAD_STATE
            found.epoch += 1
            if found.epoch >= self._last_epoch:
                self._begin_again(found, self._new_id())
            found.state = "complete_abort"
            return OK
        return OK if found.state == ("complete_commit" if commit else "complete_abort") else BAD_STATE

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _begin_again(self, found: Transactions, producer_id: int) -> None:
        self._event("epochs used up")
        found.before = found.producer_id, found.epoch - 1
        found.producer_id, found.epoch, found.next_id = producer_id, 0, None

    def _unknown(self, found: Transactions | None, producer_id: int, epoch: int) -> int:
        if found is not None and producer_id == found.next_id:
            return CONCURRENT
        if found is None or found.producer_id != producer_id:
            return BAD_ID
        return OK if found.epoch == epoch else OLD_EPOCH

    def _expire(self, found: Transactions, number: int) -> None:
        if found.state == "ongoing" and found.number == number:
            self._event("transaction timed out")
            self._abort_from_here(found)

    def _abort_from_here(self, found: Transactions) -> None:
        found.epoch += 1
        self._prepare(found, commit=False)

    def _prepare(self, found: Transactions, *, commit: bool) -> None:
        found.state = "prepare_commit" if commit else "prepare_abort"
        self._decided(found, commit)
        places, found.places = found.places, {}
        found.unwritten = len(places)

        def written() -> None:
            found.unwritten -= 1
            if not found.unwritten:
                found.state = _COMPLETE[found.state]
                if found.next_id is not None:
                    self._begin_again(found, found.next_id)

        for place in places:
            self._write_marker(place, found.producer_id, found.epoch, commit, written)
