"""What the HTTP server needs from other rooms: a reader of the view, and readiness checks."""

from collections.abc import Sequence
from typing import Protocol

from etapa.hosting.health import Health
from etapa.stream.protocol.readers import ChangesSeen, LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer


class StageReader(Protocol):
    """Reads the view over all partitions, as `stream.redis_view.ViewReader` does. Methods raise `ViewError`."""

    async def stage_counts(self) -> StageCounts:
        """How many customers are in each stage, and which partitions are missing from these counts."""

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        """The parts of all partitions' ledgers that may hold times from `since` (inclusive) to `until` (exclusive)."""

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        """What the view holds about a customer; None when no customer has this id."""

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        """Some of the customers in a stage, from a place on, and the place after them."""


class ChangesReader(Protocol):
    """Reads the latest published stage changes, as `stream.kafka.reading.latest_changes.LatestChanges` does."""

    async def latest(self) -> ChangesSeen:
        """Those of all partitions. Raises `LogError`."""


class RequestObserver(Protocol):
    """Is informed about each request, like `metrics.http.HttpMetrics`."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request for a path with this template was answered with this status, after this many seconds."""


class ReadinessCheck(Protocol):
    """Knows whether this process does its work, like `stream.member.Member`."""

    async def health(self) -> Sequence[Health]:
        """Check everything that must work. Does not raise: whatever cannot be checked counts as not ready."""
