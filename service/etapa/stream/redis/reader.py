"""Reads the view across all partitions, for display."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import NoPermissionError

from etapa.contracts.stored.forwarding import NO_STAGE
from etapa.journey.ledger.periods import period_of
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import IdCounts, LedgerPart, LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer
from etapa.stream.redis.all_partitions import AllPartitions
from etapa.stream.redis.client import RedisClient
from etapa.stream.redis.customer_search import CustomerSearch
from etapa.stream.redis.errors import view_errors
from etapa.stream.redis.stage_members import stage_members
from etapa.stream.redis.view import LEDGER, PartitionKeys, awaited, fields_of, read_counts


class ViewReader:
    """Reads the whole view. Methods raise `ViewError`."""

    def __init__(self, settings: Settings, client: RedisClient) -> None:
        self._client = client
        self._prefix = settings.redis_prefix
        self._partitions = AllPartitions(settings, client)
        self._seconds = settings.redis_timeout / SECOND

    async def partition_count(self) -> int | None:
        """See `AllPartitions.count`."""
        return await self._partitions.count()

    async def stage_counts(self) -> StageCounts:
        """Customers by stage, and the partitions that are missing."""
        partitions = await self._partitions.count() or self._partitions.expected

        def ask(pipe: Any, keys: PartitionKeys) -> None:
            pipe.hget(keys.mark, "complete")
            pipe.hgetall(keys.counts)

        answers = await self._partitions.each(range(partitions), ask)
        total: dict[str, int] = {}
        missing = []
        for partition, (complete, counts) in enumerate(zip(answers[::2], answers[1::2], strict=True)):
            if complete != b"1":
                missing.append(partition)
                continue
            for stage, count in read_counts(counts).items():
                total[stage] = total.get(stage, 0) + count
        return StageCounts(total, partitions, missing)

    async def ids(self, partitions: Sequence[int]) -> Mapping[int, IdCounts]:
        """How many linked people and forwarding addresses these partitions have."""

        def ask(pipe: Any, keys: PartitionKeys) -> None:
            pipe.hlen(keys.linked)
            pipe.hget(keys.counts, NO_STAGE)

        answers = await self._partitions.each(partitions, ask)
        found = zip(partitions, answers[::2], answers[1::2], strict=True)
        return {partition: IdCounts(people, int(addresses or 0)) for partition, people, addresses in found}

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        """The ledgers of all partitions: the pages that may hold times from `since` to before `until`."""
        partitions = await self._partitions.count() or self._partitions.expected
        first = b"" if since is None else period_of(since, "hour").encode()
        last = b"" if until is None else period_of(until - 1, "hour").encode()
        parts, missing = [], []
        async with view_errors("reading the ledger", self._seconds):
            for partition in range(partitions):
                keys = PartitionKeys(self._prefix, partition)
                mark, pages = await LEDGER.run(self._client, [keys.mark, keys.ledger], [first, last])
                fields = fields_of(mark)
                if fields.get(b"complete") == b"1":
                    parts.append(LedgerPart(fields_of(pages), int(fields[b"stream_time"]) if fields[b"stream_time"] else None))
                else:
                    missing.append(partition)
        return LedgerParts(parts, missing)

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        """See `CustomerSearch.find`."""
        return await CustomerSearch(self._partitions).find(customer_id)

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        """See `stage_members`."""
        return await stage_members(self._partitions, stage, begin)

    async def takes_writes(self) -> None:
        """Raises `ViewError` when Redis does not answer, or refuses writes, as a replica or a server that cannot save does.

        It deletes a key that never exists, because all of these would answer a ping.
        """
        async with view_errors("asking Redis whether it takes writes", self._seconds):
            await awaited(self._client.delete(f"{self._prefix}:never-there"))

    async def eviction_policy_problem(self) -> str | None:
        """What is wrong with Redis's `maxmemory-policy`; none when it is `noeviction`, or when Redis does not tell."""
        try:
            async with view_errors("asking Redis for its maxmemory-policy", self._seconds):
                told: Any = await awaited(self._client.info("memory"))
        except ViewError as error:
            if isinstance(error.__cause__, NoPermissionError):
                return None
            raise
        # A Cluster client answers for one node, or by node.
        servers = [told] if "maxmemory_policy" in told else [one for one in told.values() if isinstance(one, dict)]
        policies = {str(one.get("maxmemory_policy", "noeviction")) for one in servers} - {"noeviction"}
        if not policies:
            return None
        return f"Redis has maxmemory-policy {', '.join(sorted(policies))}: it may discard states. Set it to noeviction"
