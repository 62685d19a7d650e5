"""`etapa rebuild`: have Redis refilled from `customer-state`."""

import sys
from collections.abc import Sequence

import click

from etapa.commands.letters.dead_letter_options import check_partitions
from etapa.commands.terminal.confirmation import ask, somebody_can_be_asked, yes_option
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.interruption import told_if_interrupted
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.servers import redis_trouble
from etapa.commands.terminal.words import counted
from etapa.contracts.stored.mark import MarkError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.groups.workers import workers_of
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.topics.topic_ids import topics_now
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.store import Store
from etapa.stream.upkeep.rebuild import NobodyAtWork, rebuilding, see_that_it_can_be_rebuilt

_GOES_ON = "A partition whose rebuild has begun is rebuilt all the same. Run the same command again for those that come after it."


@click.command()
@click.option("--partition", "partitions", type=click.IntRange(min=0), multiple=True, metavar="P", help="Only this one; may be repeated.")
@click.option("--no-wait", is_flag=True, help="Request all rebuilds at once, and do not wait for them.")
@yes_option
@settings_flags("kafka_bootstrap_servers", "redis_url", "group")
def rebuild(partitions: Sequence[int], no_wait: bool, yes: bool, **flags: str | None) -> None:
    """Have the workers refill Redis from customer-state, one partition at a time.

    Published records do not change. While a partition is being rebuilt, its touchpoints wait, and requests for its customers are
    refused with that reason. If no worker runs, the next one that starts does it.
    """
    settings = settings_from(flags).settings
    if somebody_can_be_asked(yes=yes):
        which = f"partition {', '.join(map(str, sorted(set(partitions))))}" if partitions else "every partition"
        ask(f"Rebuild {which} under the prefix {settings.redis_prefix} in {settings.redis_url}?")
    try:
        with told_if_interrupted(_GOES_ON):
            on_kafka(settings, lambda cluster, count: _rebuild(cluster, count, sorted(set(partitions)), wait=not no_wait))
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except (PartitionRefused, MarkError) as error:
        raise CheckFailed(f"nothing was changed: {error}") from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None


async def _rebuild(cluster: Cluster, count: int, partitions: Sequence[int], *, wait: bool) -> None:
    settings = cluster.settings
    check_partitions(partitions, count)
    workers = await workers_of(cluster)
    async with Store(settings) as store:
        # Check all of them before anything is changed.
        chosen = await _those_with_states(cluster, store, partitions or range(count))
        if not chosen:
            return
        if not workers:
            await _request(store, chosen)
            click.echo(f"no worker is in group {settings.group}: the next one that starts rebuilds {_these(chosen)}", err=True)
        elif not wait:
            await _request(store, chosen)
            click.echo(
                f"{counted(workers, 'worker')} rebuild{'s' if workers == 1 else ''} {_these(chosen)}; `etapa verify` compares the result",
                err=True,
            )
        else:
            try:
                for partition in chosen:
                    await _rebuild_partition(cluster, store, partition)
            except NobodyAtWork:
                raise CheckFailed(
                    f"the last worker of group {settings.group} has left; the next one that starts continues the rebuild"
                ) from None


async def _those_with_states(cluster: Cluster, store: Store, partitions: Sequence[int]) -> list[int]:
    topics = await topics_now(cluster)
    chosen = []
    for partition in partitions:
        async with StateTopic(cluster, partition) as states:
            if await see_that_it_can_be_rebuilt(states, store.view(partition), partition, cluster.settings.group, topics):
                chosen.append(partition)
            else:
                click.echo(f"partition {partition}: nothing was ever processed", err=True)
    return chosen


async def _request(store: Store, partitions: Sequence[int]) -> None:
    for partition in partitions:
        await store.inspection(partition).remove_mark()


async def _rebuild_partition(cluster: Cluster, store: Store, partition: int) -> None:
    view = store.view(partition)
    live = sys.stderr.isatty()

    async def workers() -> int:
        return await workers_of(cluster)

    async with StateTopic(cluster, partition) as states:
        async for done in rebuilding(states, view, store.inspection(partition), workers):
            if live:
                click.echo(f"\rpartition {partition}: {done.share:.0%}", err=True, nl=False)
    customers = sum((await view.counts()).values())
    click.echo(f"{chr(13) if live else ''}partition {partition}: rebuilt, {counted(customers, 'customer')}", err=True)


def _these(partitions: Sequence[int]) -> str:
    return counted(len(partitions), "partition") if len(partitions) != 1 else f"partition {partitions[0]}"
