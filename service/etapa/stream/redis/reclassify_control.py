"""`etapa reclassify` and the partitions' owners communicate through one Redis key per partition. This is the command's side."""

from collections.abc import Sequence
from typing import Any

import msgspec

from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest, decode_progress, decode_request, encode_request
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.redis.client import RedisClient
from etapa.stream.redis.errors import view_errors
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.view import PartitionKeys, read_counts


class Asked(msgspec.Struct, frozen=True):
    """What was requested of a partition, and how far it has got."""

    request: ReclassifyRequest | None
    progress: ReclassifyProgress | None
    """The progress of this request; none when no worker has begun."""
    customers: int
    """How many live there now."""

    @property
    def under_way(self) -> bool:
        """Whether a request is not done yet."""
        return self.request is not None and not (self.progress is not None and self.progress.done)


class ReclassifyControl:
    """Methods raise `ViewError`."""

    def __init__(self, settings: Settings, client: RedisClient) -> None:
        self._settings = settings
        self._client = client

    async def partition_count(self) -> int | None:
        """How many partitions there are; none when no worker has run yet."""
        return await ViewReader(self._settings, self._client).partition_count()

    async def asked(self, partitions: int) -> Sequence[Asked]:
        """The request to each partition, if any."""

        def ask(pipe: Any, keys: PartitionKeys) -> None:
            pipe.hmget(keys.reclassify, ["request", "progress"])
            pipe.hgetall(keys.counts)

        answers = await self._each(range(partitions), ask)
        asked = []
        for (stored, noted), counts in zip(answers[::2], answers[1::2], strict=True):
            request, progress = decode_request(stored), decode_progress(noted)
            if request is None or progress is None or progress.request != request.id:
                progress = None
            asked.append(Asked(request, progress, sum(read_counts(counts).values())))
        return asked

    async def ask(self, request: ReclassifyRequest, partitions: Sequence[int]) -> None:
        """Send a request to these partitions; it replaces any earlier one."""
        value = encode_request(request)
        await self._each(partitions, lambda pipe, keys: pipe.hset(keys.reclassify, "request", value))

    async def withdraw(self, partitions: int) -> None:
        """Withdraw the request. The current portion is still finished."""
        await self._each(range(partitions), lambda pipe, keys: pipe.delete(keys.reclassify))

    async def _each(self, partitions: Sequence[int], ask: Any) -> list[Any]:
        async with view_errors("talking to the partitions' owners through Redis", self._settings.redis_timeout / SECOND):
            pipe = self._client.pipeline(transaction=False)
            for partition in partitions:
                ask(pipe, PartitionKeys(self._settings.redis_prefix, partition))
            answers: list[Any] = await pipe.execute()
            return answers
