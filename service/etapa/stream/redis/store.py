"""The one door to Redis: everything that reads or writes the view goes through the one client that is opened here."""

from typing import Self

from etapa.settings import Settings
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.reclassify_control import ReclassifyControl
from etapa.stream.redis.view import RedisView


class Store:
    """Redis as the settings say it is reached; to be closed, or used by `async with`.

    Making one raises `RedisUrlError` when the URL cannot be used; nothing is sent. What it gives shares its connections.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client = connect(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def view(self, partition: int) -> RedisView:
        """A partition of the view, as its owner sees it."""
        return RedisView(self.settings, self._client, partition)

    def inspection(self, partition: int) -> RedisInspection:
        """A partition's keys as they are, for comparing."""
        return RedisInspection(self.settings, self._client, partition)

    def reader(self) -> ViewReader:
        """All partitions, for showing them."""
        return ViewReader(self.settings, self._client)

    def reclassify_control(self) -> ReclassifyControl:
        """Where `etapa reclassify` talks to the owners of the partitions."""
        return ReclassifyControl(self.settings, self._client)

    async def close(self) -> None:
        """Close every connection."""
        await disconnect(self._client)
