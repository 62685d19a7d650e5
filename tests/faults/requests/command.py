"""Sabotages single requests of real workers and compares output with `etapa simulate`: `python -m tests.faults --requests --trials 200`."""

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import click
import msgspec

from tests.faults.requests.acts import APIS, EVERY_WAY, How, Moment, acts, ways
from tests.faults.requests.frames import ApiKey
from tests.faults.requests.report import line_of, table_of
from tests.faults.requests.rounds import RequestTrial, Rounds
from tests.faults.requests.site import Site
from tests.faults.requests.slow import Slowness, slow_connections
from tests.servers.processes import ServerError

_UNSAFE = "tests.faults.requests.unsafe_worker"


def _apis(context: click.Context, parameter: click.Parameter, value: str | None) -> list[ApiKey]:
    names = [] if value is None else value.split(",")
    unknown = [name for name in names if name not in ApiKey.__members__]
    if unknown:
        message = f"{', '.join(unknown)}; there are {', '.join(ApiKey.__members__)}"
        raise click.BadParameter(message)
    return [ApiKey[name] for name in names]


@click.command(help=__doc__)
@click.option("--trials", type=click.IntRange(min=1), default=200, show_default=True, help="Trials for each kind of request.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed that decides which requests are hit, and when.")
@click.option("--only", callback=_apis, help="Kinds of requests, by Kafka's names, separated by commas; by default all.")
@click.option("--protocol", type=click.IntRange(1, 2), default=2, show_default=True, help="Brokers' level of transaction.version.")
@click.option("--workers", type=click.IntRange(1, 4), default=2, show_default=True, help="Number of worker processes.")
@click.option("--partitions", type=click.IntRange(1, 48), default=16, show_default=True, help="Partitions, and so trials at a time.")
@click.option("--slow", "slow_only", is_flag=True, help="Instead of trials, a backlog and connections that turn slow after an EndTxn.")
@click.option("--touchpoints", type=click.IntRange(min=1), default=450_000, show_default=True, help="Size of the backlog with --slow.")
@click.option("--unsafe", is_flag=True, help="Workers that send an EndTxn again, as aiokafka does: the trials must find it.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything to this file.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Folder in which logs and data are kept.")
def main(
    trials: int,
    seed: int,
    only: list[ApiKey],
    protocol: int,
    workers: int,
    partitions: int,
    slow_only: bool,
    touchpoints: int,
    unsafe: bool,
    json_file: Path | None,
    folder: Path | None,
) -> None:
    """Exit code 1 if anything was wrong or did not recover."""
    place = folder or Path(tempfile.mkdtemp(prefix="etapa-requests-"))
    module = _UNSAFE if unsafe else "etapa"
    site = Site(place, workers=workers, partitions=partitions, transactions=protocol, module=module)
    # What is requested by name is tried in every way, even where an old protocol is known not to stand it.
    chosen = dict.fromkeys(only, EVERY_WAY) or {api: ways(api, protocol) for api in APIS[protocol]}
    failure = _slow(site, touchpoints, seed) if slow_only else _try(site, chosen, trials, seed, json_file)
    if failure is not None:
        click.echo(f"\nFAILED; logs are in {place}\n{failure}", err=True)
        sys.exit(1)
    if folder is None:
        shutil.rmtree(place)


def _try(site: Site, requests: Mapping[ApiKey, Sequence[tuple[How, Moment]]], each: int, seed: int, json_file: Path | None) -> str | None:
    done: list[RequestTrial] = []
    failure: str | None = None
    totals = "not finished"

    def tell(trial: RequestTrial) -> None:
        done.append(trial)
        click.echo(line_of(trial))

    try:
        with site:
            site.start_workers()
            with Rounds(site, seed) as rounds:
                rounds.run(acts(requests, each, Random(seed)), tell)
                totals = f"{rounds.touchpoints} touchpoints, {rounds.changes} stage changes, {rounds.triggers} campaign triggers"
    except (ServerError, RuntimeError) as error:
        failure = str(error)
    wrong = sum(bool(trial.problems) for trial in done)
    click.echo(f"\n{table_of(done)}\n\n{len(done)} trials, seed {seed}, {wrong} wrong; {totals}")
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(done)))
    return failure or (f"{wrong} of {len(done)} trials were wrong" if wrong else None)


def _slow(site: Site, touchpoints: int, seed: int) -> str | None:
    try:
        with site:
            found = slow_connections(site, touchpoints, Random(seed), click.echo)
    except (ServerError, RuntimeError) as error:
        return str(error)
    click.echo(f"\n{_told(found)}")
    return "\n".join(found.problems) or None


def _told(found: Slowness) -> str:
    return (
        f"{found.touchpoints:,} touchpoints in {found.seconds:.0f} s, {found.changes:,} stage changes;"
        f" {found.slowed} connections turned slow; {found.wrong_customers:,} customers wrong"
    )
