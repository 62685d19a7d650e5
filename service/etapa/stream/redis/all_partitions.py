"""Asks all partitions of the view in one round trip, and finds out how many there are."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from etapa.contracts.stored.transfer import TopicLayout
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.client import RedisClient
from etapa.stream.redis.errors import view_errors
from etapa.stream.redis.view import PartitionKeys

_decode_layout = msgspec.json.Decoder(TopicLayout).decode


class MarkedLayout(NamedTuple):
    """How customers are laid out, by all marks together."""

    partitions: int
    """How many partitions the view has. While their number changes, marks differ, and the largest counts."""
    moving: TopicLayout | None
    """The latest layout to which customers moved, or are moving; none if none ever did."""


class AllPartitions:
    """Methods raise `ViewError`."""

    def __init__(self, settings: Settings, client: RedisClient) -> None:
        self._client = client
        self._prefix = settings.redis_prefix
        self._seconds = settings.redis_timeout / SECOND
        self.expected = settings.partitions
        """How many partitions to look at before anything is known."""

    async def count(self) -> int | None:
        """How many partitions the view has; none when there is no mark."""
        found = await self.layout()
        return None if found is None else found.partitions

    async def layout(self) -> MarkedLayout | None:
        """None when there is no mark."""

        def ask(pipe: Any, keys: PartitionKeys) -> None:
            pipe.hmget(keys.mark, ["partitions", "layout"])

        known, most = 0, self.expected
        counts: list[int] = []
        layouts: list[TopicLayout] = []
        while known < most:
            for count, layout in await self.each(range(known, most), ask):
                if count is not None:
                    counts.append(int(count))
                if layout:
                    layouts.append(_layout(layout))
            known, most = most, max([most, *counts])
        if not counts:
            return None
        return MarkedLayout(max(counts), max(layouts, key=lambda each: each.generation, default=None))

    async def each(self, partitions: Iterable[int], ask: Any) -> list[Any]:
        """The answers to what `ask` (called with a pipeline and a partition's keys) asks of each of these partitions, in order."""
        async with view_errors("reading the view", self._seconds):
            pipe = self._client.pipeline(transaction=False)
            for partition in partitions:
                ask(pipe, PartitionKeys(self._prefix, partition))
            answers: list[Any] = await pipe.execute()
            return answers


def _layout(field: bytes) -> TopicLayout:
    try:
        return _decode_layout(field)
    except msgspec.DecodeError as error:
        raise ViewError(f"the layout in a mark of the view cannot be read: {error}") from error
