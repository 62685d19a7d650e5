"""Finds a customer in the view, wherever it lives: at home, at a forwarding address, or at its old home."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import ForwardingAddress, decode_forwarding, is_forwarding, is_placeholder
from etapa.contracts.stored.state import StateError
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import BeingRebuilt, OnTheWay, StoredCustomer
from etapa.stream.redis.all_partitions import AllPartitions, MarkedLayout
from etapa.stream.redis.view import COMMON_FIELDS, PartitionKeys, read_common

MOST_HOPS: Final = 64
"""How many forwarding addresses are followed. Each change of the number of partitions adds at most one, and each link; but no partition has two of one id."""


class _Seen(NamedTuple):
    """What one partition of the view holds of one customer."""

    partition: int
    stage: bytes | None
    state: bytes | None
    common: Sequence[bytes | None]
    """For `read_common`."""
    is_incomplete: bool

    @property
    def address(self) -> ForwardingAddress | None:
        """Where the customer went from here."""
        if self.state is None or not is_forwarding(self.state):
            return None
        try:
            return decode_forwarding(self.state)
        except StateError as error:
            raise ViewError(f"partition {self.partition} of the view: {error}") from error


class CustomerSearch:
    """One search. Methods raise `ViewError`."""

    def __init__(self, partitions: AllPartitions) -> None:
        self._partitions = partitions

    async def find(self, customer_id: str) -> StoredCustomer | None:
        """What the view holds of a customer; none when it knows nobody of this id.

        Raises `BeingRebuilt` when the view is incomplete where the customer may be, and `OnTheWay`.
        """
        expected = self._partitions.expected
        marked = await self._partitions.layout()
        if marked is None and any(await self._partitions.each(range(expected), lambda pipe, keys: pipe.exists(keys.stage))):
            message = "the view has no mark: it has to be rebuilt"
            raise BeingRebuilt(message)
        layout = MarkedLayout(expected, None) if marked is None else marked
        seen = min(await self._look_at(_homes(customer_id, layout), customer_id), key=_how_little_it_tells)
        return await self._follow(seen, customer_id)

    async def _follow(self, seen: _Seen, customer_id: str) -> StoredCustomer | None:
        left: int | None = None
        for _ in range(MOST_HOPS):
            if seen.is_incomplete:
                message = f"partition {seen.partition} of the view is being rebuilt from the log"
                raise BeingRebuilt(message)
            if seen.state is None or seen.stage is None:
                break
            address = seen.address
            if address is None:
                return StoredCustomer(customer_id, seen.partition, seen.stage.decode(), seen.state, read_common(seen.common))
            if is_placeholder(customer_id, address):
                return None
            left = seen.partition
            customer_id = address.customer_id or customer_id
            [seen] = await self._look_at([address.place], customer_id)
        if left is None:
            return None
        message = f"the customer is on the way from partition {left} to partition {seen.partition}"
        raise OnTheWay(message)

    async def _look_at(self, partitions: Sequence[int], customer_id: str) -> list[_Seen]:
        def ask(pipe: Any, keys: PartitionKeys) -> None:
            pipe.hget(keys.mark, "complete")
            pipe.exists(keys.stage)
            pipe.hget(keys.stage, customer_id)
            pipe.hget(keys.state, customer_id)
            pipe.hmget(keys.mark, COMMON_FIELDS)
            # A rebuild may begin or end between two of these; the view is complete only if it is so before and after.
            pipe.hget(keys.mark, "complete")

        answers = iter(await self._partitions.each(partitions, ask))
        # One argument six times takes six answers at a time.
        rows = zip(partitions, *([answers] * 6), strict=False)
        return [
            _Seen(partition, stage, state, common, (before, after) != (b"1", b"1") and bool(before or after or anybody))
            for partition, before, anybody, stage, state, common, after in rows
        ]


def _homes(customer_id: str, layout: MarkedLayout) -> list[int]:
    """Where the customer may be if it never left for another place: at home, or still at its old home."""
    moving = layout.moving
    counts = [layout.partitions] if moving is None else [moving.partitions, moving.before]
    return list(dict.fromkeys(partition_of(customer_id, count) for count in counts))


def _how_little_it_tells(seen: _Seen) -> int:
    """A customer's state tells most, then an address, then that something may be missing."""
    if seen.is_incomplete:
        return 2
    if seen.state is None:
        return 3
    return 0 if seen.address is None else 1
