"""The contest: the same touchpoints through Etapa, its peers and the ceiling, on a real Kafka and Redis, in turn.

    python -m bench.contest [--rounds N] [--touchpoints N] [--short N] [--customers N] [--partitions N] [--only NAME]

Kafka, Redis and the contestant share the machine, so the touchpoints a second hang on how many cores there are. The CPU time
for each touchpoint is that of the contestant's process alone: that is the figure to trust. Medians of all rounds, with the
smallest and the largest beside them. Slow contestants get a shorter topic: the first part of the same stream.
"""

import statistics
import time
from collections.abc import Mapping, Sequence

import click

from bench.contestants.lineup import CONTESTANTS, Contestant, RunResult, Topic
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import HISTORY, RESULTS, topic_of
from bench.servers.place import BenchPlace, servers
from bench.workload.touchpoints import made_up
from etapa.journey.units import DAY

Runs = Mapping[str, Sequence[RunResult]]


def compete(place: BenchPlace, contestants: Sequence[Contestant], long: Topic, short: Topic, rounds: int) -> Runs:
    """Each contestant once a round, so that what else the machine does falls on all of them."""
    runs: dict[str, list[RunResult]] = {contestant.name: [] for contestant in contestants}
    for turn in range(1, rounds + 1):
        for place_in_turn, contestant in enumerate(contestants):
            result = contestant.run(place, short if contestant.short else long, f"run-{turn}-{place_in_turn}")
            runs[contestant.name].append(result)
            click.echo(
                f"round {turn}: {contestant.name:<28} {result.per_second:>11,.0f}/s {result.cpu_microseconds:>9.1f} µs CPU", err=True
            )
    return runs


def table_of(runs: Runs) -> Table:
    ceiling = statistics.median(result.cpu_microseconds for result in runs["ceiling"]) if "ceiling" in runs else None
    etapa = statistics.median(result.per_second for result in runs["Etapa, exactly once"]) if "Etapa, exactly once" in runs else None
    rows = []
    for name, results in runs.items():
        speeds = [result.per_second for result in results]
        costs = [result.cpu_microseconds for result in results]
        rows.append(
            [
                name,
                f"{statistics.median(speeds):,.0f}",
                f"{min(speeds):,.0f} to {max(speeds):,.0f}",
                f"{statistics.median(costs):.1f}",
                f"{min(costs):.1f} to {max(costs):.1f}",
                "" if ceiling is None else f"{statistics.median(costs) / ceiling:.1f}",
                "" if etapa is None else f"{etapa / statistics.median(speeds):.1f}",
            ]
        )
    return Table(["", "touchpoints/s", "spread", "CPU µs each", "spread", "CPU / ceiling", "Etapa is × faster"], rows)


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--touchpoints", "count", default=300_000, show_default=True, help="For the worker and the ceiling.")
@click.option("--short", "short_count", default=20_000, show_default=True, help="For those that take an order of magnitude longer.")
@click.option("--customers", default=20_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--only", multiple=True, help="Contestants whose name begins like this; several times for several.")
@click.option("--save/--no-save", default=True, help="Write bench/results/contest.{json,png,svg}.")
def main(rounds: int, count: int, short_count: int, customers: int, partitions: int, only: tuple[str, ...], save: bool) -> None:  # noqa: FBT001
    """Measure Etapa, its peers and the ceiling side by side."""
    contestants = [each for each in CONTESTANTS if not only or each.name.lower().startswith(tuple(name.lower() for name in only))]
    about = machine()
    yesterday = time.time_ns() // 1000 - DAY
    click.echo(f"Making up {count:,} touchpoints of {customers:,} customers …", err=True)
    touchpoints = list(made_up(count, customers, yesterday - HISTORY, yesterday))
    with servers(partitions) as place:
        long = topic_of(place, "touchpoints", touchpoints)
        short = topic_of(place, "touchpoints-short", touchpoints[:short_count])
        click.echo(f"{long.book.changes / count:.2f} stage changes for each touchpoint", err=True)
        runs = compete(place, contestants, long, short, rounds)
    table = table_of(runs)
    click.echo(table.as_text())
    if save:
        settings = {"touchpoints": count, "short": short_count, "customers": customers, "partitions": partitions, "rounds": rounds}
        write_json(RESULTS / "contest.json", about, settings, {name: list(results) for name, results in runs.items()})
        from bench.reporting.plots import plot_contest

        plot_contest(runs, RESULTS)
        click.echo(f"Raw results and plots: {RESULTS}/contest.json, .png, .svg", err=True)


if __name__ == "__main__":
    main()
