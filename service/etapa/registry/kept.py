"""The schemas that were fetched from a registry, kept ready for reading records."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.schemas import SchemaNeeded, SchemaReader, SchemasAway
from etapa.registry.confluent import Registered, Registry, RegistryError, UnknownSchema
from etapa.registry.refusal import SchemaRefused
from etapa.registry.schema_readers import reader_of

logger = logging.getLogger(__name__)

MOST_KEPT: Final = 1000
"""The most schemas that are kept. Beyond that, the oldest are dropped and fetched again when needed."""
UNKNOWN_FOR: Final = 60.0
"""Seconds after which the registry is asked again for a schema that it did not have."""


class KeptSchemas:
    """The `Schemas` of one registry. Safe to use from several threads."""

    def __init__(
        self,
        registry: Registry,
        *,
        most: int = MOST_KEPT,
        clock: Callable[[], float] = time.monotonic,
        compiled: Callable[[Registered], SchemaReader] = reader_of,
    ) -> None:
        self._registry = registry
        self._most = most
        self._clock = clock
        self._compiled = compiled
        self._kept: dict[int, tuple[SchemaReader | Rejected, float | None]] = {}
        """By schema number: its reader, and when to ask again."""
        self._asking = asyncio.Lock()
        self._writing = threading.Lock()

    def reader(self, number: int) -> SchemaReader | Rejected:
        """As `Schemas.reader`."""
        kept = self._kept.get(number)
        if kept is None or (kept[1] is not None and self._clock() >= kept[1]):
            raise SchemaNeeded(number)
        return kept[0]

    def fetch(self, number: int) -> None:
        """As `Schemas.fetch`."""
        until: float | None = None
        found: SchemaReader | Rejected
        try:
            found = self._compiled(self._registry.schema(number))
        except UnknownSchema as error:
            found = rejected("invalid", str(error))
            until = self._clock() + UNKNOWN_FOR
        except SchemaRefused as error:
            found = rejected("invalid", f"schema {number} cannot be used: {error}")
            logger.warning("schema %d of the registry cannot be used, so its records become dead letters: %s", number, error)
        except RegistryError as error:
            raise SchemasAway(number, str(error)) from error
        with self._writing:
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = (found, until)

    async def learn(self, number: int) -> None:
        """As `Schemas.learn`."""
        async with self._asking:
            try:
                self.reader(number)
            except SchemaNeeded:
                await asyncio.to_thread(self.fetch, number)
