"""What the HTTP server needs from other rooms: a reader of the view, and checks of what is ready."""

from collections.abc import Sequence
from typing import Protocol

from etapa.hosting.health import Health
from etapa.stream.protocol.readers import LedgerParts, StageCounts, StoredCustomer


class StageReader(Protocol):
    """Reads the view over all partitions, as `stream.redis_view.ViewReader` does. Methods raise `ViewError`."""

    async def stage_counts(self) -> StageCounts:
        """How many customers are in each stage, and which partitions are missing from that."""

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        """The ledgers of all partitions, as far as they may hold times from `since` up to but without `until`."""

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        """What the view holds of a customer; none when no customer has this id."""


class RequestObserver(Protocol):
    """Is told of each request, as `metrics.http.HttpMetrics` is."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request for a path of this template was answered so, and took so long."""


class ReadinessCheck(Protocol):
    """Knows whether this process does its work, as `stream.member.Member` does."""

    async def health(self) -> Sequence[Health]:
        """Check everything that must work. Does not raise: what cannot be checked is not ready."""
