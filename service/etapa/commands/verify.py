"""`etapa verify`: compare Redis and `stage-changes` with `customer-state`, while the worker runs."""

import sys
from collections.abc import Callable, Sequence

import click
import msgspec

from etapa.commands.letters.dead_letter_options import check_partitions
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import redis_trouble
from etapa.commands.terminal.words import counted
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import MarkError
from etapa.contracts.stored.state import StateError
from etapa.hosting.foreign_text import printable
from etapa.journey.engine.deny_list import DenyKey
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.changes_topic import ChangesTopic, keeps_last_change_only
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.topics.topic_ids import topics_now
from etapa.stream.protocol.ports import Topics, ViewError
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.redis.inspection import RedisInspection
from etapa.stream.redis.store import Store
from etapa.stream.upkeep.change_chains import ChangeFault, chain_faults, stretches_among
from etapa.stream.upkeep.change_walk import ChangeWalk, Walked, fault_in_words
from etapa.stream.upkeep.verification import Difference, NotShown, Verification, Verified, WentBack

TRIES = 3
"""How many times the comparison of a partition is tried if its view goes back meanwhile."""


@click.command()
@click.option("--partition", "partitions", type=click.IntRange(min=0), multiple=True, metavar="P", help="Only this one; may be repeated.")
@settings_flags("kafka_bootstrap_servers", "redis_url", "group")
@click.option("--without-changes", is_flag=True, help="Do not read stage-changes, which may take long or be forbidden.")
@click.option("--json", "as_json", is_flag=True, help="Print each difference as one JSON object per line.")
def verify(partitions: Sequence[int], without_changes: bool, as_json: bool, **flags: str | None) -> None:
    """Compare what Redis shows with customer-state, customer by customer, while the worker runs. Exit code 1 if they differ.

    Every state must equal, byte for byte, what the topic says up to the offset that Redis shows, and stages, timers and counts must follow
    from the states; `etapa rebuild` repairs what differs. Then it reads stage-changes: the changes of each customer must be numbered without gaps
    and reach the number in the customer's state. Nothing is changed.
    """
    settings = settings_from(flags).settings
    emit = _print_object if as_json else _print_row
    try:
        found = on_kafka(
            settings, lambda cluster, count: _verify(cluster, count, sorted(set(partitions)), emit, with_changes=not without_changes)
        )
    except RedisUrlError as error:
        raise WrongUse(str(error)) from None
    except ViewError as error:
        raise CheckFailed(redis_trouble(settings, error)) from None
    except (StateError, MarkError) as error:
        raise CheckFailed(f"{settings.topic_customer_state} holds what this version cannot read: {error}") from None
    differences = sum(one.differences for one, _ in found)
    undecided = sum(one.undecided for one, _ in found)
    faults = sum(walked.faults for _, walked in found if walked is not None)
    if undecided:
        click.echo(
            f"{counted(undecided, 'customer')} could not be compared, because the topic had later states than Redis showed", err=True
        )
    customers = sum(one.customers for one, _ in found)
    compared = f"{counted(customers, 'customer')} in {counted(len(found), 'partition')}"
    wrong = [counted(differences, "difference")] if differences else []
    wrong += [f"{counted(faults, 'fault')} in {settings.topic_stage_changes}"] if faults else []
    if wrong:
        raise CheckFailed(f"{' and '.join(wrong)}; compared {compared}")
    click.echo(f"Redis agrees with {settings.topic_customer_state}: {compared}", err=True)
    if not without_changes:
        changes = sum(walked.changes for _, walked in found if walked is not None)
        click.echo(f"{settings.topic_stage_changes} is complete: {counted(changes, 'change')}", err=True)


Emit = Callable[[Difference | ChangeFault], None]


async def _verify(
    cluster: Cluster, count: int, partitions: Sequence[int], emit: Emit, *, with_changes: bool
) -> list[tuple[Verified, Walked | None]]:
    settings = cluster.settings
    check_partitions(partitions, count)
    topics = await topics_now(cluster)
    compacted = with_changes and await keeps_last_change_only(cluster)
    found: list[tuple[Verified, Walked | None]] = []
    async with Store(settings) as store:
        for partition in partitions or range(count):
            async with StateTopic(cluster, partition) as states:
                one = await _verify_partition(settings, partition, states, store.inspection(partition), emit, topics)
            _tell(one)
            walked = await _walk(cluster, partition, emit, compacted=compacted) if with_changes else None
            found.append((one, walked))
    if partitions and len(partitions) < count:
        return found
    broken = await _broken_chains(cluster, [walked for _, walked in found if walked is not None])
    for fault in broken:
        emit(fault)
    return [(one, walked and msgspec.structs.replace(walked, faults=walked.faults + _within(broken, walked))) for one, walked in found]


def _within(faults: Sequence[ChangeFault], walked: Walked) -> int:
    return sum(fault.partition == walked.partition for fault in faults)


async def _broken_chains(cluster: Cluster, walks: Sequence[Walked]) -> list[ChangeFault]:
    """Faults in the changes of customers who moved between partitions, each of which was looked for again in all of them."""
    if not all(walked.complete for walked in walks):
        # What is missing may have been removed.
        return []
    faults = chain_faults([walked.stretches for walked in walks])
    for _ in range(TRIES):
        if not faults:
            break
        keys = {key for key, _ in faults}
        claims = [{key: [one for one in walked.stretches.get(key, ()) if one.last < one.first] for key in keys} for walked in walks]
        again = []
        for walked in walks:
            async with ChangesTopic(cluster, walked.partition) as changes:
                again.append(await stretches_among(changes, walked.partition, keys))
        faults = chain_faults([*claims, *again])
    return [fault for _, fault in faults]


async def _walk(cluster: Cluster, partition: int, emit: Emit, *, compacted: bool) -> Walked:
    def progress(share: float) -> None:
        if sys.stderr.isatty():
            click.echo(f"\rpartition {partition}: stage changes, {share:.0%}", err=True, nl=False)

    async with ChangesTopic(cluster, partition) as changes, StateTopic(cluster, partition) as states:
        secret = cluster.settings.forget_key
        deny_key = None if secret is None else DenyKey(secret.reveal().encode())
        walked = await ChangeWalk(partition, changes, states, emit, progress, compacted=compacted, deny_key=deny_key).run()
    whole = counted(walked.faults, "fault") if walked.faults else "whole"
    beginning = "" if walked.complete or not walked.changes else ", as far as they are still there"
    _tell_line(f"partition {partition}: {counted(walked.changes, 'stage change')}, {whole}{beginning}")
    return walked


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
    if one.through is None:
        what = "not comparable" if one.differences else "nothing was ever processed"
    else:
        differ = counted(one.differences, "difference") if one.differences else "equal"
        what = f"{counted(one.customers, 'customer')}, {differ}, up to offset {one.through}"
        if one.behind:
            what += f"; Redis is {counted(one.behind, 'record')} behind, which a running worker catches up with"
    _tell_line(f"partition {one.partition}: {what}")


def _tell_line(line: str) -> None:
    """Print a line in place of the progress shown there."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}{line}", err=True)


def _print_object(found: Difference | ChangeFault) -> None:
    echo_json(msgspec.json.encode(found))


def _print_row(found: Difference | ChangeFault) -> None:
    words = fault_in_words(found) if isinstance(found, ChangeFault) else _in_words(found)
    click.echo(f"partition {found.partition}: {printable(words)}")


def _in_words(difference: Difference) -> str:
    who, log, view = difference.customer_id, difference.log, difference.view
    match difference.kind:
        case "missing":
            return f"{who} is missing in Redis; the log has it in {log}"
        case "extra":
            return f"{who} is in Redis ({view or 'without a stage'}), but not in the log"
        case "state":
            return f"{who} has another state in Redis (stage {view or 'none'}) than in the log (stage {log})"
        case "stage":
            return f"{who} has the stage {view or 'none'} in Redis, and {log} by its state"
        case "timer":
            return f"{who} has a timer {_time(view)} in Redis, and {_time(log)} by its state"
        case "count":
            return f"the count of {difference.stage or 'forwarding addresses'} is {view} in Redis, and {log} by the log"
        case "ledger":
            if log is None or view is None:
                return f"the page {difference.page} of the ledger is missing in {'Redis' if view is None else 'the log'}"
            return f"the page {difference.page} of the ledger differs between Redis and the log"
        case "topic":
            return str(log)
        case "mark":
            return f"the log's mark says {log}, that of Redis {view}" if log is not None else f"not comparable, Redis {view}"


def _time(at: str | float | None) -> str:
    return "at no time" if at is None else f"at {format_time(int(at))}"
