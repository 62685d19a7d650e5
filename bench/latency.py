"""How long it takes from a touchpoint to the change that it causes, as a consumer of committed records sees it, at an even pace.

    python -m bench.latency [--rate N] [--seconds N] [--rounds N] [--partitions N] [--only NAME]

Etapa beside the least that is exactly once in Python: a loop that consumes, transforms and produces in transactions (see
`bench.contestants.bare_loop`), with a producer for each partition as Etapa has, and with one for all. Each gets the same touchpoints in turn,
round after round. The consumer that watches is part of what is measured, and the same for all.
"""

import asyncio
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import psutil

from bench.reporting.report import Table, machine, write_json
from bench.servers.place import BenchPlace, create_topic, create_worker_topics, prefer, running, servers

RESULTS = Path(__file__).parent / "results"
ETAPA = "Etapa, exactly once"
BARE_EACH = "bare loop, a producer for each partition"
BARE_ONE = "bare loop, one producer"
CONTESTANTS = (ETAPA, BARE_EACH, BARE_ONE)
QUANTILES = 1000

Runs = Mapping[str, Sequence[Sequence[int]]]
"""Microseconds, sorted, of every run."""


def run(place: BenchPlace, contestant: str, name: str, probe: Mapping[str, str], *, preferred: bool) -> list[int]:
    """One contestant under load. `name` is one that nobody has had before."""
    topic = f"{name}-touchpoints"
    asyncio.run(create_topic(place.kafka, topic, place.partitions))
    environment = place.worker_environment(name, topic)
    changes = environment["ETAPA_TOPIC_STAGE_CHANGES"]
    common = {"BENCH_KAFKA": place.kafka, "BENCH_PARTITIONS": str(place.partitions), "BENCH_TOPIC": topic, "BENCH_CHANGES": changes}
    if contestant == ETAPA:
        create_worker_topics(environment)
        module = ["etapa", "run"]
    else:
        asyncio.run(create_topic(place.kafka, changes, place.partitions))
        module = ["bench.contestants.bare_loop"]
        environment = {**common, "BENCH_GROUP": name, "BENCH_PRODUCERS": "one" if contestant == BARE_ONE else "each"}
    with running(module, environment) as contestant_process, running(["bench.contestants.latency_probe"], {**common, **probe}) as watching:
        if preferred:
            prefer([contestant_process.pid, watching.pid])
        told, _ = watching.communicate()
    if watching.returncode:
        raise click.ClickException(f"{contestant}: the probe failed")
    return sorted(json.loads(told))


def quantile(ascending: Sequence[int], share: float) -> float:
    """Milliseconds."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] / 1000


def summary(runs: Runs) -> dict[str, dict[str, list[float]]]:
    """Milliseconds by contestant and figure, for each run."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: {figure: [quantile(run, share) for run in each] for figure, share in shares.items()} for name, each in runs.items()}


def table_of(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> Table:
    """Medians of the runs. The last column compares p99 with the bare loop of the same shape."""
    bare = figures.get(BARE_EACH)
    rows = []
    for name, each in figures.items():
        medians = [statistics.median(each[figure]) for figure in ("p50", "p95", "p99", "max")]
        spread = f"{min(each['p99']):.0f} to {max(each['p99']):.0f}"
        ratio = "" if bare is None else f"{medians[2] / statistics.median(bare['p99']):.2f}"
        rows.append([name, *(f"{median:.0f}" for median in medians), spread, ratio])
    return Table(["milliseconds", "p50", "p95", "p99", "max", "p99, spread", "p99 / bare loop"], rows)


@click.command()
@click.option("--rate", default=1000, show_default=True, help="Touchpoints a second.")
@click.option("--seconds", default=20.0, show_default=True, help="How long each run is measured.")
@click.option("--warm-up", default=5.0, show_default=True, help="Seconds before that.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--customers", default=20_000, show_default=True)
@click.option("--only", multiple=True, help="Contestants whose name begins like this; several times for several.")
@click.option("--protocol", type=click.IntRange(1, 2), default=2, show_default=True, help="Brokers' level of transaction.version.")
@click.option("--preferred", is_flag=True, help="Where other work shares the cores (Linux, as root): let it wait. Said in the results.")
@click.option("--save/--no-save", default=True, help="Write bench/results/latency.{json,png,svg}.")
def main(
    rate: int,
    seconds: float,
    warm_up: float,
    rounds: int,
    partitions: int,
    customers: int,
    only: tuple[str, ...],
    protocol: int,
    preferred: bool,  # noqa: FBT001
    save: bool,  # noqa: FBT001
) -> None:
    """Measure how long changes take, Etapa beside bare transaction loops."""
    about = machine()
    names = [name for name in CONTESTANTS if not only or name.lower().startswith(tuple(each.lower() for each in only))]
    probe = {"BENCH_RATE": str(rate), "BENCH_CUSTOMERS": str(customers), "BENCH_SECONDS": str(seconds), "BENCH_WARM_UP": str(warm_up)}
    runs: dict[str, list[list[int]]] = {name: [] for name in names}
    with servers(partitions, {"transaction.version": protocol}) as place:
        if preferred:
            prefer(each.pid for each in psutil.Process().children(recursive=True))
        for turn in range(1, rounds + 1):
            for position, name in enumerate(names):
                latencies = run(place, name, f"run-{turn}-{position}", probe, preferred=preferred)
                runs[name].append(latencies)
                told = "  ".join(f"p{round(share * 100)} {quantile(latencies, share):.0f}" for share in (0.5, 0.95, 0.99))
                click.echo(f"round {turn}: {name:<40} {len(latencies):>6,} changes  {told} ms", err=True)
    figures = summary(runs)
    click.echo(table_of(figures).as_text())
    if save:
        settings = {
            "rate": rate,
            "seconds": seconds,
            "rounds": rounds,
            "partitions": partitions,
            "customers": customers,
            "protocol": protocol,
            "preferred": preferred,
        }
        curves = {name: curve(each) for name, each in runs.items()}
        results = {"milliseconds": figures, "curves": curves, "changes": {name: [len(one) for one in each] for name, each in runs.items()}}
        write_json(RESULTS / "latency.json", about, settings, results)
        from bench.reporting.latency_plot import plot_latency

        plot_latency(curves, RESULTS)
        click.echo(f"Results and plots: {RESULTS}/latency.json, .png, .svg", err=True)


def curve(runs: Sequence[Sequence[int]]) -> list[float]:
    """Milliseconds at evenly spaced shares of all runs together, from the least to the most."""
    together = sorted(latency for run in runs for latency in run)
    return [quantile(together, number / QUANTILES) for number in range(QUANTILES + 1)]


if __name__ == "__main__":
    main()
