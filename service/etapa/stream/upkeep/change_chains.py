"""Puts together what several partitions of `stage-changes` hold of customers who moved: their sequences must be without gaps over all of them.

Partitions are read one after the other while customers move, so one may be seen nowhere or not yet. Whoever is in doubt is therefore looked for
again, in all partitions, before anything is reported.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.stream.protocol.records import Record

FaultKind = Literal["changes_missing", "change_repeated", "change_without_state", "changes_lost", "foreign_record"]


class ChangeFault(msgspec.Struct, frozen=True):
    """Something in `stage-changes` that complete transactions cannot leave."""

    partition: int
    kind: FaultKind
    customer_id: str
    offset: int | None
    """The offset of the record in `stage-changes`; none for a missing record."""
    found: int | None
    """The record's sequence, or the last one published."""
    expected: int | None
    """The sequence that it should have, or that of the customer's state."""


class Changes(Protocol):
    """One partition of `stage-changes`. Methods raise `LogError`."""

    async def changes_range(self) -> tuple[int, int]:
        """The first offset, and the offset after the last committed one."""

    def changes(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Committed records from `start` to before `end`, in chunks, in order."""


class Stretch(NamedTuple):
    """Changes numbered `first` to `last` of a customer, which one partition holds. If `last` is before `first`, it holds none of them,
    but a state that says that all up to `last` were published.
    """

    first: int
    last: int
    partition: int
    offset: int | None
    """That of the first of them."""


Stretches = Mapping[bytes, Sequence[Stretch]]


class ChangeId(NamedTuple):
    """What the id of a stage change says."""

    customer: bytes
    number: bytes


def change_id_of(record: Record) -> ChangeId:
    """Both empty if there is none."""
    found = next((value for name, value in record.headers if name == "ce_id"), b"")
    customer, _, number = found.rpartition(b"/")
    return ChangeId(customer, number)


def chain_faults(by_partition: Iterable[Stretches]) -> list[tuple[bytes, ChangeFault]]:
    """The first fault of each customer: a gap, a repeat, or a state beyond the last change. All partitions must hold all there ever was."""
    found: list[tuple[bytes, ChangeFault]] = []
    of_customer: dict[bytes, list[Stretch]] = {}
    for stretches in by_partition:
        for key, some in stretches.items():
            of_customer.setdefault(key, []).extend(some)
    for key, some in sorted(of_customer.items()):
        fault = _fault_of(key, sorted(some))
        if fault is not None:
            found.append((key, fault))
    return found


def _fault_of(key: bytes, stretches: Sequence[Stretch]) -> ChangeFault | None:
    customer_id = key.decode(errors="backslashreplace")
    reached = 0
    for first, last, partition, offset in stretches:
        if last < first:
            # Nothing is here; what the state says must be elsewhere, before.
            if last > reached:
                return ChangeFault(partition, "changes_lost", customer_id, None, reached, last)
        elif first > reached + 1:
            return ChangeFault(partition, "changes_missing", customer_id, offset, first, reached + 1)
        elif first <= reached:
            return ChangeFault(partition, "change_repeated", customer_id, offset, first, reached + 1)
        else:
            reached = last
    return None


async def stretches_among(changes: Changes, partition: int, keys: Collection[bytes]) -> Stretches:
    """What a partition holds of these customers now. Raises `LogError`."""
    found: dict[bytes, list[Stretch]] = {}
    async for records in changes.changes(*await changes.changes_range()):
        for record in records:
            key = record.key or b""
            if key not in keys or is_customer_moved(record.headers):
                continue
            customer, number = change_id_of(record)
            if customer != key or not number.isdigit():
                continue
            sequence, mine = int(number), found.setdefault(key, [])
            if mine and sequence == mine[-1].last + 1:
                mine[-1] = mine[-1]._replace(last=sequence)
            else:
                mine.append(Stretch(sequence, sequence, partition, record.offset))
    return found
