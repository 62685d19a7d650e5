"""The ledger of a running installation, for commands that report its figures."""

import asyncio
from typing import NamedTuple

import click

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.servers import quiet_libraries, redis_trouble
from etapa.commands.terminal.words import counted
from etapa.contracts.stored.state import StateError
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.settings import Settings
from etapa.stream.protocol.ledger_keeper import ledger_of
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import LedgerParts
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.store import Store


class LiveLedger(NamedTuple):
    """The merged ledger of all partitions, and the partitions that are missing from it."""

    ledger: JourneyLedger
    missing: list[int]


def live_ledger(settings: Settings, since: int | None = None, until: int | None = None) -> LiveLedger:
    """The ledger from Redis: the parts that may hold times from `since` (inclusive) to `until` (exclusive).

    Reports missing partitions on stderr. Ends the command when Redis does not answer or the ledger cannot be read.
    """
    quiet_libraries(settings)
    try:
        found = asyncio.run(_read(settings, since, until))
        ledger = ledger_of(found.parts)
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    except StateError as error:
        raise CheckFailed(f"the ledger cannot be read: {error}") from None
    if found.missing:
        click.echo(
            f"Without {counted(len(found.missing), 'partition')} that are incomplete in Redis: new, lost, or being rebuilt", err=True
        )
    return LiveLedger(ledger, list(found.missing))


async def _read(settings: Settings, since: int | None, until: int | None) -> LedgerParts:
    async with Store(settings) as store:
        return await store.reader().ledger(since, until)
