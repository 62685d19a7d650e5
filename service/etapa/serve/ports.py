"""What the HTTP side needs of the others: somebody who reads the view, and somebody who knows what is ready.

Times are microseconds since 1970.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from etapa.journey.engine.customer import Customer


class StageReader(Protocol):
    """Reads the view over all partitions. Methods raise `ViewError` when the view does not answer."""

    async def counts(self) -> Mapping[str, int]:
        """How many customers are in each stage, by stage id; stages without customers may be missing."""

    async def customer(self, customer_id: str) -> Customer | None:
        """The customer's state, or none when nobody has this id."""


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
