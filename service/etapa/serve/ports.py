"""What the HTTP side needs of the others: somebody who reads the view, and somebody who knows what is ready."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from etapa.stream.redis_view import StageCounts, StoredCustomer


class StageReader(Protocol):
    """Reads the view over all partitions, as `stream.redis_view.ViewReader` does. Methods raise `ViewError`."""

    async def stage_counts(self) -> StageCounts:
        """How many customers are in each stage, and which partitions are missing from that."""

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        """What the view holds of a customer, or none when nobody has this id."""


class Check(msgspec.Struct, frozen=True):
    """One thing that must be good before work can be done here."""

    name: str
    """Short and stable, such as `redis` or `partition 3`."""
    ready: bool
    detail: str = ""
    """What was found, when it is not ready."""


class Readiness(Protocol):
    """Knows whether this process does its work."""

    async def checks(self) -> Sequence[Check]:
        """Every check, made now. Does not raise: what cannot be checked is not ready."""
