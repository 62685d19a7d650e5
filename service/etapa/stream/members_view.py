"""The view as a member of the consumer group reads it: through a connection that comes and goes with the member's work."""

from collections.abc import Callable

from etapa.stream.protocol.readers import LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer
from etapa.stream.redis.reader import ViewReader


class MembersView:
    """Methods raise `ViewError`, also while there is no connection."""

    def __init__(self, reader: Callable[[], ViewReader]) -> None:
        self._reader = reader

    async def stage_counts(self) -> StageCounts:
        """Customers by stage over all partitions."""
        return await self._reader().stage_counts()

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        """The ledgers of all partitions."""
        return await self._reader().ledger(since, until)

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        """What Redis holds of a customer."""
        return await self._reader().customer(customer_id)

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        """Some of the customers in a stage."""
        return await self._reader().in_stage(stage, begin)
