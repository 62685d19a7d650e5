"""Breaks a real installation under load and checks its output: `python -m tests.faults --minutes 20 --seed 1`.

With `--requests` it sabotages individual requests of workers instead, by their kind; `--requests --help` says more.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import click
import msgspec

from tests.faults.breaking.catalogue import CATALOGUE, a_round, pairs
from tests.faults.drill import Drill, DrillOutcome, Failure
from tests.faults.report import as_json, line_of, recoveries, table_of
from tests.faults.requests import command as requests
from tests.faults.trials import all_trials as trials
from tests.servers.processes import ServerError

_CHECK_EVERY = 10
_REQUESTS = "--requests"


def _kinds(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    names = sorted(CATALOGUE) if value is None else value.split(",")
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown:
        message = f"{', '.join(unknown)}; there are {', '.join(CATALOGUE)}"
        raise click.BadParameter(message)
    return names


def _trials(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    names = [] if value is None else list(trials.LONG) if value == "all" else value.split(",")
    unknown = [name for name in names if name not in trials.LONG]
    if unknown:
        message = f"{', '.join(unknown)}; there are all, {', '.join(trials.LONG)}"
        raise click.BadParameter(message)
    return names


def _sequence(kinds: list[str], seed: int, until: float, *, in_pairs: bool) -> Iterator[str]:
    random = Random(seed)
    while True:
        for kind in (pairs if in_pairs else a_round)(kinds, random):
            if time.monotonic() >= until:
                return
            yield kind


@click.command(help=__doc__)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=20.0, show_default=True, help="Minutes for which faults are injected."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed that decides what breaks, and when.")
@click.option("--workers", type=click.IntRange(1, 8), default=2, show_default=True, help="Number of worker processes.")
@click.option("--rate", type=click.FloatRange(1), default=400.0, show_default=True, help="Touchpoints a second.")
@click.option("--kinds", callback=_kinds, help="Faults, by name, separated by commas; by default all.")
@click.option("--pairs", "in_pairs", is_flag=True, help="Two faults at once.")
@click.option("--only", callback=_trials, help="Run trials of overload and shortage instead of faults: names separated by commas, or all.")
@click.option("--short", is_flag=True, help="A small version of these trials.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything to this file.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which logs and data are kept; by default they are removed.",
)
def main(
    minutes: float,
    seed: int,
    workers: int,
    rate: float,
    kinds: list[str],
    in_pairs: bool,
    only: list[str],
    short: bool,
    json_file: Path | None,
    folder: Path | None,
) -> None:
    """Exit code 1 if an invariant was broken or something did not recover."""
    place = folder or Path(tempfile.mkdtemp(prefix="etapa-faults-"))
    failed = _try(only, short, place, json_file) if only else _break(minutes, seed, workers, rate, kinds, in_pairs, place, json_file)
    if failed is not None:
        click.echo(f"\nFAILED; logs are in {place}\n{failed}", err=True)
        sys.exit(1)
    if folder is None:
        shutil.rmtree(place)


def _try(names: list[str], short: bool, place: Path, json_file: Path | None) -> str | None:
    """Run trials. Returns what was wrong."""
    tried = trials.try_all(names, trials.SHORT if short else trials.LONG, place, click.echo)
    click.echo(f"\n{trials.table_of(tried)}")
    _write(json_file, tried)
    return "\n".join(f"{one.name}: {one.problem}" for one in tried if one.problem) or None


def _break(
    minutes: float, seed: int, workers: int, rate: float, kinds: list[str], in_pairs: bool, place: Path, json_file: Path | None
) -> str | None:
    """Inject faults. Returns what was wrong."""
    outcomes: list[DrillOutcome] = []
    totals: dict[str, int] = {}
    failure: str | None = None

    def tell(outcome: DrillOutcome) -> None:
        outcomes.append(outcome)
        click.echo(line_of(outcome))

    try:
        with Drill(place, seed=seed, workers=workers, rate=rate) as drill:
            faults = _sequence(kinds, seed, time.monotonic() + minutes * 60, in_pairs=in_pairs)
            for number, kind in enumerate(faults, start=1):
                drill.run([kind], tell)
                if number % _CHECK_EVERY == 0:
                    drill.check()
            totals = drill.finish()
    except (Failure, ServerError, AssertionError) as error:
        failure = str(error)
    click.echo(f"\n{table_of(recoveries(outcomes))}\n\n{len(outcomes)} faults, seed {seed}; {totals or 'not finished'}")
    _write(json_file, as_json(seed, outcomes, totals, failure))
    return failure


def _write(json_file: Path | None, found: Any) -> None:
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if _REQUESTS in arguments:
        arguments.remove(_REQUESTS)
        requests.main(arguments)
    else:
        main()
