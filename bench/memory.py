"""What a customer takes: in Redis, in `customer-state` after compaction, and in a worker's memory.

    python -m bench.memory [--customers N] [--each N] [--only view|topic|worker]

Half a year of a shop with the contest's touchpoints: ten for each customer on average, very unevenly. All customers are applied to a real
Redis through the worker's own code. Each kind of key is weighed by what removing it frees.
"""

import asyncio
from pathlib import Path

import click

from bench.measuring.topic_size import TopicSize, topic_size
from bench.measuring.view_memory import KEYS, StateSizes, ViewMemory, fill_view, redis_cpu, settled_memory, sizes_of, touched, weighed
from bench.measuring.worker_memory import WorkerMemory, worker_memory
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import RESULTS
from bench.servers.place import BenchPlace, servers
from bench.workload.population import Population, populate

TARGET = 400


def view_of(place: BenchPlace, population: Population, customers: int, partitions: int) -> ViewMemory:
    group = f"memory-{partitions}"
    with place.redis() as store:
        store.flushall()
        before, spent = settled_memory(store), redis_cpu(store)
        halls = population.by_partition(customers, partitions)
        asyncio.run(fill_view(place, group, halls, population.common))
        spent = redis_cpu(store) - spent
        touched(store, group, halls)
        return weighed(store, group, customers, partitions, before, spent)


def view_table(views: list[ViewMemory]) -> Table:
    heads = ["Redis, bytes for each customer", "all keys", *KEYS[:3], "rest", "target"]
    rows = []
    for one in views:
        parts = [one.freed_by_key[kind] for kind in KEYS[:3]]
        rest = one.used - sum(parts)
        name = f"{one.customers:,} customers, {one.partitions} partitions"
        rows.append([name, *(f"{value:.1f}" for value in (one.used, *parts, rest)), str(TARGET)])
    return Table(heads, rows)


def state_table(sizes: StateSizes) -> Table:
    rows = [[name, f"{value:.1f}"] for name, value in sorted(sizes.by_field.items(), key=lambda item: -item[1])]
    rows.append(["mean", f"{sizes.mean:.1f}"])
    rows += [
        ["median", str(sizes.median)],
        ["9 of 10 at most", str(sizes.ninth_decile)],
        ["99 of 100 at most", str(sizes.ninety_ninth_percentile)],
        ["largest", str(sizes.largest)],
    ]
    return Table(["a state", "bytes"], rows)


def topic_table(size: TopicSize) -> Table:
    rows = [
        [f"written {size.times_written} times, after compaction", f"{size.compacted_bytes:.1f}"],
        ["of them the state", f"{size.state_bytes:.1f}"],
    ]
    return Table(["customer-state, bytes for each customer", ""], rows)


def worker_table(workers: list[WorkerMemory]) -> Table:
    rows = [[f"{one.kept:,}", f"{one.resident_bytes / 2**20:.0f}"] for one in workers]
    return Table(["customers kept in memory", "resident MiB"], rows)


@click.command()
@click.option("--customers", default=1_000_000, show_default=True)
@click.option("--each", default=10, show_default=True, help="Touchpoints of a customer, on average.")
@click.option(
    "--distinct", default=50_000, show_default=True, help="Made through the core; each stands for several, under ids of their own."
)
@click.option("--partitions", multiple=True, default=(4, 12), show_default=True)
@click.option("--topic-customers", default=100_000, show_default=True)
@click.option("--kept", multiple=True, default=(10_000, 50_000, 200_000), show_default=True, help="Settings of a worker to weigh.")
@click.option("--only", multiple=True, type=click.Choice(["view", "topic", "worker"]))
@click.option("--save/--no-save", default=True, help="Write bench/results/memory.{json,png,svg}.")
def main(
    customers: int,
    each: int,
    distinct: int,
    partitions: tuple[int, ...],
    topic_customers: int,
    kept: tuple[int, ...],
    only: tuple[str, ...],
    save: bool,  # noqa: FBT001
) -> None:
    """Weigh customers."""
    about = machine()
    population = populate(distinct, each)
    sizes = sizes_of(population)
    click.echo(f"{population.touchpoints_each:.1f} touchpoints for each customer", err=True)
    views: list[ViewMemory] = []
    topic: TopicSize | None = None
    workers: list[WorkerMemory] = []
    with servers(1) as place:
        if not only or "view" in only:
            views = [view_of(place, population, customers, count) for count in partitions]
            click.echo(view_table(views).as_text() + "\n")
        click.echo(state_table(sizes).as_text() + "\n")
        if not only or "topic" in only:
            topic = topic_size(place, population, topic_customers, 3)
            click.echo(topic_table(topic).as_text() + "\n")
        if not only or "worker" in only:
            workers = worker_memory(place, population, max(kept), kept)
            click.echo(worker_table(workers).as_text())
    if save:
        settings = {"customers": customers, "touchpoints_each": population.touchpoints_each, "distinct": distinct, "id_characters": 9}
        results = {"state": sizes, "view": views, "topic": topic, "worker": workers}
        write_json(RESULTS / "memory.json", about, settings, results)
        from bench.reporting.plots import plot_memory

        if views:
            plot_memory(views, sizes, Path(RESULTS))


if __name__ == "__main__":
    main()
