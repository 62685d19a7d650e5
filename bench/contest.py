"""The contest: the same touchpoints through Etapa, its peers and the ceiling, on a real Kafka and Redis, in turn.

    python -m bench.contest [--rounds N] [--touchpoints N] [--short N] [--customers N] [--partitions N] [--only NAME]

Kafka, Redis and the contestant share the machine, so the touchpoints a second hang on how many cores there are. The CPU time
for each touchpoint is that of the contestant's process alone: that is the figure to trust. Medians of all rounds, with the
smallest and the largest beside them. Each is measured *warm*, over the second half of the topic, between two moments at which equally much is under way,
and *from cold*, from the start of its process to the last touchpoint. Slow contestants get a shorter topic: the first part of the same stream.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import click

from bench.contestants.jvm_peers import why_not_here
from bench.contestants.lineup import CONTESTANTS, Contest, Contestant
from bench.contestants.outcomes import delete_outputs
from bench.contestants.results import ContestError, RunResult, Topic
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import HISTORY, RESULTS, topic_of
from bench.servers.place import BenchPlace, servers
from bench.workload.touchpoints import made_up
from etapa.journey.units import DAY

Runs = Mapping[str, Sequence[RunResult]]
# As many touchpoints of a customer in a day, however many there are: with more, each would change a stage less often.
_PER_HISTORY = 300_000 / 20_000


def compete(place: BenchPlace, contestants: Sequence[Contestant], long: Topic, short: Topic, rounds: int) -> Runs:
    """Each contestant once a round, so that what else the machine does falls on all of them.

    A peer whose result is wrong is out, and takes nothing from the others. Raises `ContestError` if ours is.
    """
    runs: dict[str, list[RunResult]] = {contestant.name: [] for contestant in contestants}
    contest = Contest(place)
    for turn in range(1, rounds + 1):
        for place_in_turn, contestant in enumerate(contestants):
            if contestant.name not in runs:
                continue
            name = f"run-{turn}-{place_in_turn}"
            try:
                result = contestant.run(contest, short if contestant.is_slow else long, name)
            except ContestError as error:
                if contestant.name.startswith("Etapa"):
                    raise
                click.echo(f"round {turn}: {contestant.name} is out: {error}", err=True)
                del runs[contestant.name]
                continue
            finally:
                delete_outputs(place, name)
            runs[contestant.name].append(result)
            click.echo(
                f"round {turn}: {contestant.name:<34} {result.per_second:>9,.0f}/s {result.cpu_microseconds:>7.1f} µs warm"
                f" {result.cold_microseconds:>7.1f} µs from cold {result.peak_mebibytes:>6,.0f} MiB",
                err=True,
            )
    return runs


def table_of(runs: Runs) -> Table:
    ceiling = statistics.median(result.cpu_microseconds for result in runs["ceiling"]) if "ceiling" in runs else None
    rows = []
    for name, results in runs.items():
        costs = [result.cpu_microseconds for result in results]
        rows.append(
            [
                name,
                f"{_median(results, lambda one: one.per_second):,.0f}",
                f"{statistics.median(costs):.1f}",
                f"{min(costs):.1f} to {max(costs):.1f}",
                "" if ceiling is None else f"{statistics.median(costs) / ceiling:.1f}",
                f"{_median(results, lambda one: one.cold_microseconds):.1f}",
                _blank(_median(results, lambda one: one.warm.kafka_cpu_seconds / one.warm.touchpoints * 1e6)),
                _blank(_median(results, lambda one: one.warm.redis_cpu_seconds / one.warm.touchpoints * 1e6)),
                f"{max(one.peak_mebibytes for one in results):,.0f}",
            ]
        )
    heads = ["", "touchpoints/s", "CPU µs, warm", "spread", "/ ceiling", "CPU µs, from cold", "Kafka µs", "Redis µs", "peak MiB"]
    return Table(heads, rows)


def _median(results: Sequence[RunResult], figure: Callable[[RunResult], float]) -> float:
    return statistics.median(map(figure, results))


def _blank(figure: float) -> str:
    return f"{figure:.1f}" if figure else ""


def chosen(only: Sequence[str]) -> list[Contestant]:
    """Who takes part here: all that can, or those whose names begin like one of these."""
    names = tuple(name.lower() for name in only)
    asked = [each for each in CONTESTANTS if (each.name.lower().startswith(names) if names else not each.is_aside)]
    missing = why_not_here()
    if missing and any(each.on_the_jvm for each in asked):
        left_out = ", ".join(each.name for each in asked if each.on_the_jvm)
        click.echo(f"Left out: {left_out}. They need a JDK and Maven: {missing}", err=True)
        asked = [each for each in asked if not each.on_the_jvm]
    return asked


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--touchpoints", "count", default=1_500_000, show_default=True, help="For all but the slowest.")
@click.option("--short", "short_count", default=40_000, show_default=True, help="For those that take an order of magnitude longer.")
@click.option("--customers", default=20_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option("--only", multiple=True, help="Contestants whose name begins like this; several times for several.")
@click.option("--save/--no-save", default=True, help="Write bench/results/contest.{json,png,svg}.")
def main(rounds: int, count: int, short_count: int, customers: int, partitions: int, only: tuple[str, ...], save: bool) -> None:  # noqa: FBT001
    """Measure Etapa, its peers and the ceiling side by side."""
    contestants = chosen(only)
    about = machine()
    yesterday = time.time_ns() // 1000 - DAY
    history = max(30 * DAY, int(HISTORY * count / customers / _PER_HISTORY))
    click.echo(f"Making up {count:,} touchpoints of {customers:,} customers in {history // DAY:,} days …", err=True)
    touchpoints = list(made_up(count, customers, yesterday - history, yesterday))
    with servers(partitions) as place:
        long = topic_of(place, "touchpoints", touchpoints)
        short = topic_of(place, "touchpoints-short", touchpoints[:short_count])
        changes = long.book.changes / count
        click.echo(f"{changes:.2f} stage changes for each touchpoint", err=True)
        runs = compete(place, contestants, long, short, rounds)
    table = table_of(runs)
    click.echo(table.as_text())
    if save:
        settings = {
            "touchpoints": count,
            "short": short_count,
            "customers": customers,
            "partitions": partitions,
            "rounds": rounds,
            "changes_of_a_touchpoint": round(changes, 2),
        }
        write_json(RESULTS / "contest.json", about, settings, {name: list(results) for name, results in runs.items()})
        from bench.reporting.plots import plot_contest

        plot_contest(runs, RESULTS)
        click.echo(f"Raw results and plots: {RESULTS}/contest.json, .png, .svg", err=True)


if __name__ == "__main__":
    main()
