"""`etapa repartition`: lay customers out over another number of partitions while everything runs, and show how far it is."""

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from etapa.commands.reclassify import LOOK_EVERY, QUIET_LINES_EVERY
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import rate_of_customers, settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import counted
from etapa.contracts.stored.mark import MarkError
from etapa.contracts.stored.transfer import LayoutAnnounced, TopicLayout, TransferError
from etapa.hosting.system_clock import SystemClock
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.groups.workers import workers_of
from etapa.stream.kafka.topics.growth import add_partitions, partitions_by_topic, provide_transfers
from etapa.stream.upkeep.repartition import CannotRepartition, MovesNow, MovesReader, PlaceNow, announce, layout_for

RATE = 10_000.0
MOST_PARTITIONS = 10_000
LOOKS_BETWEEN_COUNTS = 20
"""Checks of the progress between two checks whether any worker is running."""


@click.command()
@click.option(
    "--to", type=click.IntRange(1, MOST_PARTITIONS), metavar="N", help="The number of partitions that customers are laid out over."
)
@click.option("--status", is_flag=True, help="Show how far it is, and end.")
@click.option("--stop", is_flag=True, help="Let no more customers leave. --to with the same number goes on.")
@rate_of_customers(RATE, "Customers that leave in a second")
@click.option("--json", "as_json", is_flag=True, help="Print where each partition is as one JSON object.")
@settings_flags("kafka_bootstrap_servers", "group")
def repartition(to: int | None, status: bool, stop: bool, rate: float, as_json: bool, **flags: str | None) -> None:
    """Lay customers out over more or fewer partitions, while workers and producers go on.

    The workers do it, each for its partitions; this command asks them to, adds partitions to the topics, and shows the progress. Ctrl-C ends
    the display but not the work; run it again to see the progress. Kafka cannot remove partitions: with fewer than before, customers leave
    the last ones, and touchpoints that still arrive there are forwarded.
    """
    settings = settings_from(flags).settings
    if (to is not None) + status + stop != 1:
        raise WrongUse("say one of --to N, --status and --stop")
    try:
        now = on_kafka(settings, lambda cluster, count: _asked(cluster, count, to, rate, stop=stop, shows=not as_json))
    except (CannotRepartition, MarkError, TransferError) as error:
        raise CheckFailed(str(error)) from None
    except KeyboardInterrupt:
        if to is not None:
            click.echo("\nThe workers continue. Run the same command to see their progress, or `etapa repartition --stop`.", err=True)
        raise
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(_as_json(now))))
    else:
        _tell(now)


async def _asked(cluster: Cluster, count: int, to: int | None, rate: float, *, stop: bool, shows: bool) -> MovesNow:
    transfers = (await partitions_by_topic(cluster)).get(cluster.settings.topic_transfers, 0)
    async with MovesReader(cluster) as reader:
        now = await reader.now(count, transfers)
        if to is not None:
            return await _Repartition(cluster, reader, count, shows=shows).carry_out(now, to, rate)
        if not stop:
            return now
        if now.layout is None or now.finished:
            raise CannotRepartition("no customers are moving: there is nothing to stop")
        await announce(cluster, LayoutAnnounced(now.layout, 0.0, now.revision + 1), count, transfers)
        return await reader.now(count, transfers)


class _Repartition:
    """The steps. Each may have been done by an earlier run of the command."""

    def __init__(self, cluster: Cluster, reader: MovesReader, count: int, *, shows: bool) -> None:
        """`count`: partitions that there are."""
        self._cluster = cluster
        self._reader = reader
        self._count = count
        self._shows = shows
        self._looks = 0

    async def carry_out(self, now: MovesNow, to: int, rate: float) -> MovesNow:
        """Announce it, add partitions, and wait until everybody is at home."""
        cluster, group = self._cluster, self._cluster.settings.group
        layout = layout_for(now, to, self._count)
        if not await workers_of(cluster):
            raise CannotRepartition(f"no worker is in group {group}: the workers move the customers, so start them first")
        needed = max(self._count, to)
        transfers = await provide_transfers(cluster, needed)
        leaving = sum(layout.share_leaving(partition) > 0 for partition in range(layout.before))
        revision = now.revision + 1 if layout == now.layout else 0
        await announce(cluster, LayoutAnnounced(layout, rate / max(1, leaving), revision), self._count, transfers)
        await self._until_adopted(layout)
        await add_partitions(cluster, needed)
        return await self._until_finished(needed)

    async def _until_adopted(self, layout: TopicLayout) -> None:
        """Wait until every partition that there is follows the layout: only then may producers use new ones."""
        while True:
            places = (await self._reader.now(self._count)).places
            waiting = sum(place.layout is None or place.layout.generation < layout.generation for place in places)
            if not waiting:
                return
            await self._next_look(f"{waiting} of {counted(self._count, 'partition')} do not know of it yet")

    async def _until_finished(self, partitions: int) -> MovesNow:
        while not (now := await self._reader.now(partitions)).finished:
            await self._next_look(_progress(now))
        _show("", shows=self._shows, last=True)
        return now

    async def _next_look(self, line: str) -> None:
        if sys.stderr.isatty() or self._looks % QUIET_LINES_EVERY == 0:
            _show(line, shows=self._shows, last=False)
        self._looks += 1
        if self._looks % LOOKS_BETWEEN_COUNTS == 0 and not await workers_of(self._cluster):
            raise CannotRepartition(
                f"the last worker of group {self._cluster.settings.group} has left; start one, and the same command goes on where this one ended"
            )
        await SystemClock().sleep(LOOK_EVERY)


def _progress(now: MovesNow) -> str:
    done = sum(place.has_finished for place in now.places)
    left, arrived = sum(place.left for place in now.places), sum(place.arrived for place in now.places)
    expected = sum(place.to_leave for place in now.places)
    share = f" of about {expected:,} ({min(1.0, left / expected):.0%})" if expected else ""
    line = f"{left:,}{share} customers have left, {arrived:,} have arrived; {done} of {counted(len(now.places), 'partition')} have finished"
    return f"{line}; stopped" if now.per_second == 0 else line


def _show(line: str, *, shows: bool, last: bool) -> None:
    if shows and sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)
    elif shows and not last:
        click.echo(line, err=True)


def _tell(now: MovesNow) -> None:
    layout = now.layout
    if layout is None:
        click.echo("customers have never moved between partitions")
        return
    if now.finished:
        moved = sum(place.arrived for place in now.places)
        click.echo(f"customers are laid out over {counted(layout.partitions, 'partition')}, {layout.before} before; {moved:,} moved")
        return
    click.echo(f"from {layout.before} to {counted(layout.partitions, 'partition')}: {_progress(now)}")
    for place in now.places:
        click.echo(f"  partition {place.partition}: {_where(place, now.layout)}")


def _where(place: PlaceNow, layout: TopicLayout | None) -> str:
    if place.layout != layout:
        return "does not know of it yet"
    end = "has finished" if place.has_finished else "goes on"
    left = f"{place.left:,} of about {place.to_leave:,}" if place.to_leave else f"{place.left:,}"
    return f"{left} left, {place.arrived:,} arrived, {end}"


def _as_json(now: MovesNow) -> dict[str, Any]:
    places: Sequence[dict[str, Any]] = [
        {
            "partition": place.partition,
            "follows": place.layout is not None and place.layout == now.layout,
            "left": place.left,
            "to_leave": place.to_leave,
            "arrived": place.arrived,
            "finished": place.has_finished,
        }
        for place in now.places
    ]
    return {
        "generation": None if now.layout is None else now.layout.generation,
        "partitions": None if now.layout is None else now.layout.partitions,
        "before": None if now.layout is None else now.layout.before,
        "stopped": now.per_second == 0,
        "finished": now.finished,
        "places": places,
    }
