"""Reads a partition's raw keys in Redis, to compare them with what they should be."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

from etapa.contracts.stored.ledger_page import LINKED_PREFIX
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError, ViewMark
from etapa.stream.protocol.readers import Inspected, Shown
from etapa.stream.redis.client import RedisClient, Script
from etapa.stream.redis.errors import view_errors
from etapa.stream.redis.view import LEDGER, PartitionKeys, fields_of, read_mark

_INSPECT = Script("inspect.lua")
_SCAN_COUNT = 1_000


class RedisInspection:
    """The keys of one partition. Methods raise `ViewError`."""

    def __init__(self, settings: Settings, client: RedisClient, partition: int) -> None:
        self._client = client
        self._keys = PartitionKeys(settings.redis_prefix, partition)
        self._partition = partition
        self._seconds = settings.redis_timeout / SECOND

    async def inspect(self, customer_ids: Sequence[bytes]) -> Inspected:
        """What Redis holds of these customers, at most a few hundred."""
        keys = [self._keys.stage, self._keys.state, self._keys.counts, self._keys.timers, self._keys.mark]
        async with self._errors():
            mark, stages, states, due, counts = await _INSPECT.run(self._client, keys, list(customer_ids))
        shown = [
            Shown(customer_id, stage, state, None if score is None else float(score))
            for customer_id, stage, state, score in zip(customer_ids, stages, states, due, strict=True)
        ]
        try:
            read = read_mark(dict(zip(mark[::2], mark[1::2], strict=True)))
            numbers = {stage.decode(errors="backslashreplace"): int(count) for stage, count in zip(counts[::2], counts[1::2], strict=True)}
        except (KeyError, ValueError) as error:
            message = f"partition {self._partition}: the mark or the counts cannot be read ({error!r}); something else writes to these keys"
            raise ViewError(message) from None
        return Inspected(read, shown, numbers)

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        """The stored pages of the ledger by name, and the mark at that same moment."""
        async with self._errors():
            mark, ledger = await LEDGER.run(self._client, [self._keys.mark, self._keys.ledger], [])
        try:
            return read_mark(fields_of(mark)), fields_of(ledger)
        except (KeyError, ValueError) as error:
            message = f"partition {self._partition}: the mark cannot be read ({error!r}); something else writes to these keys"
            raise ViewError(message) from None

    async def linked(self) -> AsyncGenerator[Mapping[bytes, bytes], None]:
        """The people with several ids by the name of their entry, in portions and possibly with repeats."""
        client: Any = self._client
        cursor = -1
        while cursor:
            async with self._errors():
                cursor, people = await client.hscan(cast("str", self._keys.linked), max(0, cursor), count=_SCAN_COUNT)
            cursor = int(cursor)
            yield {LINKED_PREFIX + kept: entry for kept, entry in people.items()}

    async def customer_ids(self) -> AsyncGenerator[Sequence[bytes], None]:
        """Every id in any of the keys, in portions and possibly with repeats. Ids added or removed during the scan may be missed."""
        client: Any = self._client
        for scan, key in ((client.hscan, self._keys.stage), (client.hscan, self._keys.state), (client.zscan, self._keys.timers)):
            cursor = -1
            while cursor:
                async with self._errors():
                    found = await scan(cast("str", key), max(0, cursor), count=_SCAN_COUNT)
                cursor = int(found[0])
                # A hash arrives as a mapping, a sorted set as pairs.
                yield list(found[1]) if isinstance(found[1], dict) else [one for one, _ in found[1]]

    async def remove_mark(self) -> bool:
        """Make the partition's owner rebuild it from the log; false when there was no mark."""
        async with self._errors():
            removed: Any = await cast("Any", self._client.unlink(self._keys.mark))
            return bool(removed)

    def _errors(self) -> Any:
        return view_errors(f"partition {self._partition}: looking at its keys", self._seconds)
