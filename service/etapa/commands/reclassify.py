"""`etapa reclassify`: have the workers judge every customer by a new version of the journey now, and show their progress."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from etapa.commands.files.journey_files import journey_from
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import rate_of_customers, settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import quiet_libraries, redis_trouble
from etapa.contracts.stored.reclassification import ReclassifyRequest
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.facts.instant import time_text
from etapa.journey.language.phrasing.quantities import number_text
from etapa.settings import Settings
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.reclassify_control import Asked, ReclassifyControl
from etapa.stream.redis.store import Store

RATE = 1000.0
LOOK_EVERY = 0.5
"""Seconds between two checks of the progress."""
QUIET_LINES_EVERY = 20
"""Checks between two printed lines when there is no terminal to overwrite the last one on."""


@click.command()
@settings_flags("journey", "redis_url", "group")
@click.option("--publish", is_flag=True, help="Publish the resulting stage changes. Without it, they stay unpublished.")
@rate_of_customers(RATE, "Customers a second")
@click.option("--stop", is_flag=True, help="Stop the run. Customers already done keep their new stages.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def reclassify(publish: bool, rate: float, stop: bool, as_json: bool, **flags: str | None) -> None:
    """Judge all customers by the journey's new version now, instead of at their next touchpoint.

    The workers do it, each for its partitions, as soon as they run this version of the journey; this command asks them to and shows the
    progress. Ctrl-C ends the display but not the work; run it again to see the progress. Exit code 1 if a customer could not be judged.
    """
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    quiet_libraries(settings)
    try:
        asked = asyncio.run(_stop(settings) if stop else _reclassify(settings, journey.version, publish=publish, rate=rate))
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    except KeyboardInterrupt:
        if not stop:
            click.echo("\nThe workers continue. Run the same command to see their progress, or add --stop to end it.", err=True)
        raise
    total = _total(asked)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(total)))
    elif stop:
        click.echo("ended" if asked else "nothing was under way")
    else:
        moved = f"{total['moved']:,} changed their stage, {'as published' if publish else 'silently'}"
        click.echo(f"{total['carried_over']:,} of {total['customers']:,} customers were carried over to version {journey.version}; {moved}")
    if total["failed"]:
        raise CheckFailed(f"{total['failed']:,} customers could not be judged and were left unchanged; the workers' logs say why")


async def _stop(settings: Settings) -> Sequence[Asked]:
    async with Store(settings) as store:
        control = store.reclassify_control()
        partitions = await control.partition_count() or settings.partitions
        asked = [each for each in await control.asked(partitions) if each.under_way]
        await control.withdraw(partitions)
        return asked


async def _reclassify(settings: Settings, version: int, *, publish: bool, rate: float) -> Sequence[Asked]:
    async with Store(settings) as store:
        control = store.reclassify_control()
        partitions = await control.partition_count()
        if partitions is None:
            raise CheckFailed(f"no worker has been at work under the prefix {settings.redis_prefix!r} (ETAPA_REDIS_PREFIX, or the group)")
        request = await _request(control, partitions, version, publish=publish, rate=rate)
        return await _watch(control, partitions, request)


async def _request(control: ReclassifyControl, partitions: int, version: int, *, publish: bool, rate: float) -> ReclassifyRequest:
    """The request under way, if it is the same, or a new one."""
    asked = await control.asked(partitions)
    under_way = next((each.request for each in asked if each.under_way), None)
    if under_way is None:
        now = SystemClock().now()
        request = ReclassifyRequest(id=f"{version}-{now}", version=version, publish=publish, rate=rate / partitions, at=now)
        await control.ask(request, range(partitions))
        return request
    told = (
        f"under way since {time_text(under_way.at)}: to version {under_way.version}, {'published' if under_way.publish else 'silently'},"
        f" at most {number_text(under_way.rate * partitions)} customers a second"
    )
    if (under_way.version, under_way.publish) != (version, publish):
        raise CheckFailed(f"another run is {told}. Wait for it, or end it with `etapa reclassify --stop`")
    click.echo(f"Already {told}.", err=True)
    # The earlier command may have been interrupted before it had asked every partition.
    left_out = [number for number, each in enumerate(asked) if each.request is None or each.request.id != under_way.id]
    await control.ask(under_way, left_out)
    return under_way


async def _watch(control: ReclassifyControl, partitions: int, request: ReclassifyRequest) -> Sequence[Asked]:
    looks = 0
    while True:
        there_are = await control.partition_count() or partitions
        if there_are > partitions:
            # Customers are moving to new partitions, and some of them will be judged there.
            await control.ask(request, range(partitions, there_are))
            partitions = there_are
        asked = await control.asked(partitions)
        for number, each in enumerate(asked):
            if each.request is None or each.request.id != request.id:
                _show("", last=True)
                raise CheckFailed(
                    f"partition {number} no longer has the request: the run was ended, or Redis lost it. Run the command again"
                )
        if not any(each.under_way for each in asked):
            _show("", last=True)
            return asked
        if sys.stderr.isatty() or looks % QUIET_LINES_EVERY == 0:
            _show(_progress(asked, request), last=False)
        looks += 1
        await SystemClock().sleep(LOOK_EVERY)


def _progress(asked: Sequence[Asked], request: ReclassifyRequest) -> str:
    total = _total(asked)
    waiting = sum(each.progress is None for each in asked)
    line = f"{total['looked_at']:,} of {total['customers']:,} looked at, {total['carried_over']:,} carried over, {total['moved']:,} moved"
    return line + (f"; {waiting} of {len(asked)} partitions wait for a worker with version {request.version}" if waiting else "")


def _show(line: str, *, last: bool) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)
    elif not last:
        click.echo(line, err=True)


def _total(asked: Sequence[Asked]) -> dict[str, Any]:
    """What `--json` prints."""
    noted = [each.progress for each in asked if each.progress is not None]
    request = next((each.request for each in asked if each.request is not None), None)
    return {
        "version": None if request is None else request.version,
        "publish": None if request is None else request.publish,
        "partitions": len(asked),
        "partitions_done": sum(progress.done for progress in noted),
        "customers": sum(each.customers for each in asked),
        "looked_at": sum(progress.looked_at for progress in noted),
        "carried_over": sum(progress.carried_over for progress in noted),
        "moved": sum(progress.moved for progress in noted),
        "failed": sum(progress.failed for progress in noted),
    }
