"""The one door to Redis: everything that reads or writes the view uses the one client that is opened here."""

from typing import Self

from etapa.settings import Settings
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.reclassify_control import ReclassifyControl
from etapa.stream.redis.view import RedisView


class Store:
    """Redis as configured in the settings. Close it, or use it with `async with`.

    The constructor raises `RedisUrlError` when the URL cannot be used; it sends nothing. All views and readers share its connections.
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
        """A partition's raw keys, for comparison."""
        return RedisInspection(self.settings, self._client, partition)

    def reader(self) -> ViewReader:
        """All partitions, for display."""
        return ViewReader(self.settings, self._client)

    def reclassify_control(self) -> ReclassifyControl:
        """Through which `etapa reclassify` communicates with the owners of the partitions."""
        return ReclassifyControl(self.settings, self._client)

    async def close(self) -> None:
        """Close every connection."""
        await disconnect(self._client)
