"""Taking partitions over: a warm one, and one whose Redis is empty, beside the least that reading the same log can take.

    python -m bench.recovery [--customers N] [--rounds N]

The ceiling is aiokafka's `getmany` on the same partition of `customer-state` to its end, and nothing else, with the worker's own
consumer settings. Rebuild and ceiling run in turn in this process, so what else the machine does falls on both; the ratio is what
to trust. Redis is a process of its own; what it spends is told beside.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import psutil
from aiokafka import TopicPartition

from bench.measuring.view_memory import redis_cpu
from bench.reporting.figures import RecoveryRun
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import RESULTS
from bench.servers.place import BenchPlace, create_topic, create_worker_topics, prefer, servers
from bench.servers.seeded import seed
from bench.workload.population import populate
from etapa.hosting import event_loop
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.reading.stretch import range_of
from etapa.stream.protocol.observer import NullObserver
from etapa.stream.protocol.takeover import take_over
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.view import RedisView


class PartitionUnderTest(NamedTuple):
    """The partition under test, and what reaches it."""

    settings: Settings
    place: BenchPlace
    customers: int


async def read_to_the_end(one: PartitionUnderTest) -> int:
    """The ceiling. Gives how many records there were."""
    settings = one.settings
    place = TopicPartition(settings.topic_customer_state, 0)
    reader = Cluster(settings).reading_consumer()
    await reader.start()
    try:
        reader.assign([place])
        first, end = await range_of(reader, place)
        reader.seek(place, first)
        records = 0
        while await reader.position(place) < end:
            records += sum(map(len, (await reader.getmany(place, timeout_ms=20)).values()))
        return records
    finally:
        await reader.stop()


async def taken_over(one: PartitionUnderTest) -> int:
    """What a worker does from the assignment to the first touchpoint. Gives how many states were applied."""
    settings = one.settings
    consumer = Cluster(settings).group_consumer()
    client = connect(settings)
    await consumer.start()
    consumer.assign([TopicPartition(settings.topic_touchpoints, 0)])
    log, view = KafkaLog(Cluster(settings), 0, consumer), RedisView(settings, client, 0)

    async def pause() -> bool:
        await asyncio.sleep(0)
        return False

    try:
        taken = await take_over(log, view, NullObserver(), 0, TaskOptions(group=settings.group), pause)
        if taken is None:
            raise RuntimeError("the takeover was given up")
        return taken.customers
    finally:
        await log.close()
        await consumer.stop()
        await disconnect(client)


def measured(one: PartitionUnderTest, work: Callable[[PartitionUnderTest], Awaitable[int]]) -> RecoveryRun:
    async def timed() -> RecoveryRun:
        with one.place.redis() as store:
            store_before = redis_cpu(store)
            started, spent = time.perf_counter(), time.process_time()
            await work(one)
            return RecoveryRun(one.customers, time.perf_counter() - started, time.process_time() - spent, redis_cpu(store) - store_before)

    return event_loop.run(timed())


def emptied(one: PartitionUnderTest) -> None:
    with one.place.redis() as store:
        store.flushall()


def rounds_of(one: PartitionUnderTest, rounds: int) -> dict[str, list[RecoveryRun]]:
    # As the worker does; the ceiling has it, too.
    spare_the_garbage_collector()
    runs: dict[str, list[RecoveryRun]] = {"ceiling": [], "rebuild": [], "warm": []}
    for turn in range(1, rounds + 1):
        emptied(one)
        for name, work in (("ceiling", read_to_the_end), ("rebuild", taken_over), ("warm", taken_over)):
            run = measured(one, work)
            runs[name].append(run)
            click.echo(f"round {turn}: {name:<8} {run.seconds:7.2f} s  {run.cpu_seconds:7.2f} s CPU  {run.per_second:>10,.0f}/s", err=True)
        check(one)
    return runs


def check(one: PartitionUnderTest) -> None:
    with one.place.redis() as store:
        shown = [store.hlen(f"{one.settings.redis_prefix}:{{0}}:{kind}") for kind in ("stage", "state")]
        counted = sum(int(count) for count in store.hvals(f"{one.settings.redis_prefix}:{{0}}:counts"))
    if [*shown, counted] != [one.customers] * 3:
        raise RuntimeError(f"{one.customers} customers were to be rebuilt; Redis shows {shown}, and counts {counted}")


def table_of(runs: dict[str, list[RecoveryRun]]) -> Table:
    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    ceiling = runs["ceiling"]
    rows = []
    for name, results in runs.items():
        seconds, cpu = [run.seconds for run in results], [run.cpu_seconds for run in results]
        # Of the same round: what else the machine does changes from round to round.
        wall_ratio = median([run.seconds / base.seconds for run, base in zip(results, ceiling, strict=True)])
        cpu_ratio = median([run.cpu_seconds / base.cpu_seconds for run, base in zip(results, ceiling, strict=True)])
        rows.append(
            [
                name,
                f"{median(seconds):.2f}",
                f"{median(cpu):.2f}",
                f"{median([run.redis_cpu_seconds for run in results]):.2f}",
                "" if name == "warm" else f"{median([run.per_second for run in results]):,.0f}",
                "" if name == "warm" else f"{min(run.per_second for run in results):,.0f} to {max(run.per_second for run in results):,.0f}",
                "" if name == "warm" else f"{median([run.per_cpu_second for run in results]):,.0f}",
                "" if name == "warm" else f"{wall_ratio:.1f}",
                "" if name == "warm" else f"{cpu_ratio:.1f}",
            ]
        )
    heads = ["", "seconds", "CPU s", "Redis CPU s", "customers/s", "spread", "per CPU s", "time / ceiling", "CPU / ceiling"]
    return Table(heads, rows)


@click.command()
@click.option("--customers", default=300_000, show_default=True)
@click.option(
    "--distinct", default=30_000, show_default=True, help="Made through the core; each stands for several, under ids of their own."
)
@click.option("--rounds", default=5, show_default=True)
@click.option("--preferred", is_flag=True, help="Where other work shares the cores (Linux, as root): let it wait. Said in the results.")
@click.option("--save/--no-save", default=True, help="Write bench/results/recovery.{json,png,svg}.")
def main(customers: int, distinct: int, rounds: int, preferred: bool, save: bool) -> None:  # noqa: FBT001
    """Measure takeovers of one partition."""
    about = machine()
    population = populate(distinct, 10)
    with servers(1) as place:
        if preferred:
            prefer([os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))])
        settings = load_settings(place.worker_environment("recovery", "touchpoints"), {})
        asyncio.run(create_topic(place.kafka, "touchpoints", 1))
        create_worker_topics(place.worker_environment("recovery", "touchpoints"))
        click.echo(f"Writing the states of {customers:,} customers …", err=True)
        asyncio.run(seed(settings, 0, 1, list(population.many(customers)), population))
        runs = rounds_of(PartitionUnderTest(settings, place, customers), rounds)
    click.echo(table_of(runs).as_text())
    if save:
        write_json(
            RESULTS / "recovery.json", about, {"customers": customers, "distinct": distinct, "rounds": rounds, "preferred": preferred}, runs
        )
        from bench.reporting.plots import plot_recovery

        plot_recovery({name: results for name, results in runs.items() if name != "warm"}, Path(RESULTS))


if __name__ == "__main__":
    main()
