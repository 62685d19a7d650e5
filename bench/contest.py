"""The contest: the same touchpoints through Etapa, its peers and the ceiling, on a real Kafka and Redis, in turn.

    python -m bench.contest [--rounds N] [--touchpoints N] [--middle N] [--short N] [--customers N] [--partitions N] [--only NAME]

Kafka, Redis and the contestant share the machine, so the touchpoints a second hang on how many cores there are. The CPU time
for each touchpoint is that of the contestant's process alone: that is the figure to trust. Medians of all rounds, with the
smallest and the largest beside them. Each is measured *warm*, over the second half of the topic, between two moments at which equally much is under way,
and *from cold*, from the start of its process to the last touchpoint. Slow contestants get a shorter topic: the first part of the same stream.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import click

from bench.contestants.jvm_peers import why_not_here
from bench.contestants.lineup import CONTESTANTS, ETAPA, Contest, Contestant
from bench.contestants.outcomes import delete_outputs
from bench.contestants.results import ContestError, Length, RunResult, Topic
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import HISTORY, RESULTS, topic_of
from bench.reporting.time_left import TimeLeft
from bench.servers.place import BenchPlace, servers
from bench.workload.touchpoints import closed, made_up
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.journey.units import DAY, HOUR

Runs = Mapping[str, Sequence[RunResult]]
CEILING = "ceiling"
# As many touchpoints of a customer in a day, however many there are: with more, each would change a stage less often.
_PER_HISTORY = 300_000 / 20_000


class Standings(NamedTuple):
    """The runs of those who got through, and why others did not, by name."""

    runs: Runs
    out: Mapping[str, str]


def compete(place: BenchPlace, contestants: Sequence[Contestant], topics: Mapping[Length, Topic], rounds: int) -> Iterator[Standings]:
    """Each contestant once a round, so that what else the machine does falls on all of them. Gives the standings after each round.

    A peer whose result is wrong is out, and takes nothing from the others. Raises `ContestError` if ours is.
    """
    runs: dict[str, list[RunResult]] = {contestant.name: [] for contestant in contestants}
    out: dict[str, str] = {}
    contest = Contest(place)
    time_left = TimeLeft(list(runs), rounds)
    for turn in range(1, rounds + 1):
        for place_in_turn, contestant in enumerate(contestants):
            if contestant.name in out:
                continue
            name = f"run-{turn}-{place_in_turn}"
            began = time.monotonic()
            try:
                result = contestant.run(contest, topics[contestant.length], name)
            except ContestError as error:
                if contestant.name.startswith("Etapa"):
                    raise
                click.echo(f"round {turn} of {rounds}: {contestant.name} is out: {error}", err=True)
                out[contestant.name] = str(error)
                del runs[contestant.name]
                time_left.out(contestant.name)
                continue
            finally:
                delete_outputs(place, name)
            runs[contestant.name].append(result)
            time_left.done(contestant.name, time.monotonic() - began)
            click.echo(
                f"round {turn} of {rounds}: {contestant.name:<34} {result.per_second:>9,.0f}/s {result.cpu_microseconds:>7.1f} µs warm"
                f" {result.cold_microseconds:>7.1f} µs from cold {result.peak_mebibytes:>6,.0f} MiB"
                f" in {time.monotonic() - began:.0f} s, {time_left.minutes:.0f} min left",
                err=True,
            )
        yield Standings(runs, out)


def table_of(runs: Runs) -> Table:
    ceiling, ours = (_cost(runs[name]) if name in runs else None for name in (CEILING, ETAPA))
    rows = []
    for name, results in runs.items():
        costs = [result.cpu_microseconds for result in results]
        rows.append(
            [
                name,
                f"{results[0].touchpoints:,}",
                f"{_median(results, lambda one: one.per_second):,.0f}",
                f"{_cost(results):.1f}",
                f"{min(costs):.1f} to {max(costs):.1f}",
                "" if ceiling is None else f"{_cost(results) / ceiling:.1f}",
                "" if ours is None else f"{_cost(results) / ours:.2f}",
                f"{_cold(results):.1f}",
                _blank(_median(results, lambda one: one.warm.kafka_cpu_seconds / one.warm.touchpoints * 1e6)),
                _blank(_median(results, lambda one: one.warm.redis_cpu_seconds / one.warm.touchpoints * 1e6)),
                f"{_median(results, lambda one: one.peak_mebibytes):,.0f}",
            ]
        )
    heads = [
        "",
        "touchpoints",
        "a second",
        "CPU µs, warm",
        "spread",
        "/ ceiling",
        "/ Etapa",
        "CPU µs, from cold",
        "Kafka µs",
        "Redis µs",
        "peak MiB",
    ]
    return Table(heads, rows)


def verdicts(runs: Runs) -> str:
    """What each peer's CPU is beside Etapa's in the same run, in words, the least first. Empty without Etapa."""
    if ETAPA not in runs:
        return ""
    warm, cold = _cost(runs[ETAPA]), _cold(runs[ETAPA])
    peers = sorted((name for name in runs if name != CEILING and not name.startswith("Etapa")), key=lambda name: _cost(runs[name]))
    lines = [
        f"- **{name}** needs {_cost(runs[name]) / warm:.2f} times Etapa's CPU when warm"
        + (f", and {_cold(runs[name]) / cold:.2f} times from cold." if runs[name][0].touchpoints == runs[ETAPA][0].touchpoints else ".")
        for name in peers
    ]
    return "\n".join(lines)


def _cost(results: Sequence[RunResult]) -> float:
    return _median(results, lambda one: one.cpu_microseconds)


def _cold(results: Sequence[RunResult]) -> float:
    return _median(results, lambda one: one.cold_microseconds)


def _median(results: Sequence[RunResult], figure: Callable[[RunResult], float]) -> float:
    return statistics.median(map(figure, results))


def _blank(figure: float) -> str:
    return f"{figure:.1f}" if figure else ""


def chosen(only: Sequence[str]) -> tuple[list[Contestant], dict[str, str]]:
    """Who takes part here: all that can, or those whose names begin like one of these. And why others cannot, by name."""
    names = tuple(name.lower() for name in only)
    asked = [each for each in CONTESTANTS if (each.name.lower().startswith(names) if names else not each.is_aside)]
    missing = why_not_here()
    left_out = {each.name: f"it needs a JDK and Maven: {missing}" for each in asked if missing and each.on_the_jvm}
    for name, reason in left_out.items():
        click.echo(f"{name} is left out: {reason}", err=True)
    return [each for each in asked if each.name not in left_out], left_out


def keep(about: Mapping[str, object], settings: Mapping[str, object], standings: Standings) -> None:
    """Write the results and their plots."""
    write_json(RESULTS / "contest.json", about, settings, {"runs": standings.runs, "out": standings.out})
    # Imported late: only saving needs what draws plots.
    from bench.reporting.plots import plot_contest

    plot_contest(standings.runs, RESULTS)
    click.echo(f"Raw results and plots: {RESULTS}/contest.json, .png, .svg", err=True)


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--touchpoints", "count", default=1_500_000, show_default=True, help="For the fast ones.")
@click.option("--middle", "middle_count", default=500_000, show_default=True, help="For those whose core is Python that is not compiled.")
@click.option("--short", "short_count", default=40_000, show_default=True, help="For those that take an order of magnitude longer.")
@click.option("--customers", default=20_000, show_default=True)
@click.option("--partitions", default=4, show_default=True)
@click.option(
    "--hours", type=click.IntRange(1), help="Squeeze the history into so many hours, as in live traffic. Such a contest is not kept."
)
@click.option("--only", multiple=True, help="Contestants whose name begins like this; several times for several.")
@click.option("--save/--no-save", default=True, help="Write bench/results/contest.{json,png,svg}.")
def main(
    rounds: int,
    count: int,
    middle_count: int,
    short_count: int,
    customers: int,
    partitions: int,
    hours: int | None,
    only: tuple[str, ...],
    save: bool,  # noqa: FBT001
) -> None:
    """Measure Etapa, its peers and the ceiling side by side."""
    if save and hours is not None:
        raise click.UsageError("with --hours it is another contest than the one that is kept: use --no-save")
    if save and not IS_COMPILED:
        raise click.UsageError(
            "the core is not compiled, so results are not worth keeping: run `python hatch_build.py` first, or use --no-save"
        )
    began = time.monotonic()
    contestants, left_out = chosen(only)
    if save:
        # Now rather than after a round: without what draws plots, there is no need to begin.
        import bench.reporting.plots  # noqa: F401
    about = machine()
    yesterday = time.time_ns() // 1000 - DAY
    history = max(30 * DAY, int(HISTORY * count / customers / _PER_HISTORY)) if hours is None else hours * HOUR
    span = f"{history // DAY:,} days" if hours is None else f"{hours:,} hours"
    click.echo(f"Making up {count:,} touchpoints of {customers:,} customers in {span} …", err=True)
    touchpoints = list(made_up(count, customers, yesterday - history, yesterday))
    with servers(partitions) as place:
        counts = {Length.LONG: count, Length.MIDDLE: min(count, middle_count), Length.SHORT: min(count, short_count)}
        lengths = [length for length in Length if any(each.length is length for each in contestants)]
        topics = {length: topic_of(place, f"touchpoints-{length}", closed(touchpoints[: counts[length]], partitions)) for length in lengths}
        changes = {length: round(topic.book.changes / counts[length], 2) for length, topic in topics.items()}
        for length, each in changes.items():
            click.echo(f"{counts[length]:,} touchpoints, {each:.2f} stage changes for each", err=True)
        click.echo(f"The topics are full after {time.monotonic() - began:.0f} s", err=True)
        settings = {
            "customers": customers,
            "partitions": partitions,
            "changes_of_a_touchpoint": {f"{counts[length]:,}": each for length, each in changes.items()},
        }
        # After each round, so that what went well is kept if a later one goes wrong.
        for turn, standings in enumerate(compete(place, contestants, topics, rounds), start=1):
            click.echo(table_of(standings.runs).as_text())
            if save:
                keep(about, {**settings, "rounds": turn}, Standings(standings.runs, {**left_out, **standings.out}))
    click.echo(f"in {(time.monotonic() - began) / 60:.1f} min", err=True)


if __name__ == "__main__":
    main()
