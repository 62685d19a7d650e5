"""`etapa verify`: Redis against `customer-state`, while the worker runs."""

import sys
from collections.abc import Callable, Sequence

import click
import msgspec

from etapa.commands.terminal.dead_letter_options import check_partitions
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import redis_trouble
from etapa.commands.terminal.words import counted
from etapa.contracts.mark import MarkError
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.state import StateError
from etapa.hosting.foreign_text import printable
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.state_topic import StateTopic
from etapa.stream.kafka.topic_ids import topics_now
from etapa.stream.protocol.ports import Topics, ViewError
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.store import Store
from etapa.stream.upkeep.verification import Difference, NotShown, Verification, Verified, WentBack

TRIES = 3
"""So often a partition is begun anew whose view went back while it was compared."""


@click.command()
@click.option("--partition", "partitions", type=click.IntRange(min=0), multiple=True, metavar="P", help="Only this one; may be repeated.")
@settings_flags("kafka_bootstrap_servers", "redis_url", "group")
@click.option("--json", "as_json", is_flag=True, help="Print each difference as one JSON object per line.")
def verify(partitions: Sequence[int], as_json: bool, **flags: str | None) -> None:
    """Compare what Redis shows with customer-state, customer by customer, while the worker runs. Exit code 1 if they differ.

    Every state must be what the topic says up to the offset that Redis shows, byte for byte, and stages, timers and counts must follow
    from the states. Changes nothing; `etapa rebuild` mends what differs.
    """
    settings = settings_from(flags).settings
    emit = _print_object if as_json else _print_row
    try:
        found = on_kafka(settings, lambda cluster, count: _verify(cluster, count, sorted(set(partitions)), emit))
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    except (StateError, MarkError) as error:
        raise CheckFailed(f"{settings.topic_customer_state} holds what this version cannot read: {error}") from None
    differences = sum(one.differences for one in found)
    undecided = sum(one.undecided for one in found)
    if undecided:
        click.echo(
            f"{counted(undecided, 'customer')} could not be compared, because the topic had later states than Redis showed", err=True
        )
    customers = sum(one.customers for one in found)
    compared = f"{counted(customers, 'customer')} in {counted(len(found), 'partition')}"
    if differences:
        raise CheckFailed(f"{counted(differences, 'difference')}; compared {compared}")
    click.echo(f"Redis is what {settings.topic_customer_state} says: {compared}", err=True)


Emit = Callable[[Difference], None]


async def _verify(cluster: Cluster, count: int, partitions: Sequence[int], emit: Emit) -> list[Verified]:
    settings = cluster.settings
    check_partitions(partitions, count)
    topics = await topics_now(cluster)
    found = []
    async with Store(settings) as store:
        for partition in partitions or range(count):
            async with StateTopic(cluster, partition) as states:
                one = await _verify_partition(settings, partition, states, store.inspection(partition), emit, topics)
            found.append(one)
            _tell(one)
    return found


async def _verify_partition(
    settings: Settings, partition: int, states: StateTopic, inspection: RedisInspection, emit: Emit, topics: Topics
) -> Verified:
    def progress(compared: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\rpartition {partition}: {compared:,} customers", err=True, nl=False)

    for _ in range(TRIES):
        try:
            return await Verification(partition, settings.group, states, inspection, emit, progress, topics).run()
        except WentBack:
            click.echo(f"partition {partition}: Redis went back to an earlier state; comparing again", err=True)
        except NotShown as error:
            emit(error.difference)
            return Verified(partition, 0, None, 0, 1, 0)
    difference = Difference(partition, "mark", view=f"went back to an earlier state {TRIES} times while it was compared")
    emit(difference)
    return Verified(partition, 0, None, 0, 1, 0)


def _tell(one: Verified) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    if one.through is None:
        what = "not comparable" if one.differences else "nothing was ever processed"
    else:
        differ = counted(one.differences, "difference") if one.differences else "equal"
        what = f"{counted(one.customers, 'customer')}, {differ}, up to offset {one.through}"
        if one.behind:
            what += f"; Redis is {counted(one.behind, 'record')} behind, which a running worker catches up with"
    click.echo(f"{clear}partition {one.partition}: {what}", err=True)


def _print_object(difference: Difference) -> None:
    echo_json(msgspec.json.encode(difference))


def _print_row(difference: Difference) -> None:
    click.echo(f"partition {difference.partition}: {printable(_in_words(difference))}")


def _in_words(difference: Difference) -> str:
    who, log, view = difference.customer_id, difference.log, difference.view
    match difference.kind:
        case "missing":
            return f"{who} is missing in Redis; the log has it in {log}"
        case "extra":
            return f"{who} is in Redis ({view or 'without a stage'}), and not in the log"
        case "state":
            return f"{who} has another state in Redis (stage {view or 'none'}) than in the log (stage {log})"
        case "stage":
            return f"{who} has the stage {view or 'none'} in Redis, and {log} by its state"
        case "timer":
            return f"{who} has a timer {_time(view)} in Redis, and {_time(log)} by its state"
        case "count":
            return f"the count of {difference.stage} is {view} in Redis, and {log} by the log"
        case "topic":
            return str(log)
        case "mark":
            return f"the log's mark says {log}, that of Redis {view}" if log is not None else f"not comparable, Redis {view}"


def _time(at: str | float | None) -> str:
    return "at no time" if at is None else f"at {format_time(int(at))}"
