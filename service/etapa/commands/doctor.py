"""`etapa doctor`: check everything that Etapa needs, and say what is wrong and what to do."""

import asyncio
import os
from pathlib import Path

import click
import msgspec

from etapa.commands.files.journey_files import FileUnreadable, load_file
from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.options import WORKER_FLAGS, settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import quiet_libraries
from etapa.commands.terminal.words import counted
from etapa.deliver.delivery_checkup import check_delivery
from etapa.hosting.check_result import CheckResult
from etapa.hosting.foreign_text import printable
from etapa.journey.language.load import Loaded
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.redis.address import RedisUrlError
from etapa.stream.upkeep.doctor import check_installation, check_servers


@click.command()
@settings_flags(*(name for name in WORKER_FLAGS if name in ("journey", "kafka_bootstrap_servers", "redis_url", "group")), "delivery")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool, **flags: str | None) -> None:
    """Check the journey, Kafka, Redis and everything in them that Etapa needs, with the settings that a worker would have.

    With a delivery file it also checks delivery: the file, its secrets, where its targets are, its topics and its group. It posts nothing.

    Each line is good, a warning or bad, with its cause and what to do. If one server is away, the others are checked all the same. It
    changes nothing, except that it writes to Redis under a partition -1 and removes that again, and that Kafka learns the transactional id
    GROUP.doctor. Exit code 1 if anything is bad.
    """
    settings = settings_from(flags).settings
    quiet_libraries(settings)
    try:
        cluster = Cluster(settings)
        checked, for_links = _journey(settings)
        results = [*check_installation(), checked, *asyncio.run(_servers_and_delivery(cluster, for_links=for_links))]
    except (KafkaSettingsError, RedisUrlError) as error:
        raise WrongUse(str(error)) from None
    bad = sum(one.level == "bad" for one in results)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode({"good": not bad, "checks": results})))
    else:
        _print(results)
    if bad:
        click.get_current_context().exit(1)


async def _servers_and_delivery(cluster: Cluster, *, for_links: bool) -> list[CheckResult]:
    file = cluster.settings.delivery
    if file is None:
        return await check_servers(cluster, for_links=for_links)
    servers, delivery = await asyncio.gather(check_servers(cluster, for_links=for_links), check_delivery(Path(file), os.environ))
    return [*servers, *delivery]


def _journey(settings: Settings) -> tuple[CheckResult, bool]:
    """The result, and whether workers with this journey follow links."""
    path = settings.journey_path
    try:
        loaded = load_file(str(path))
    except FileUnreadable as error:
        return CheckResult("Etapa", "journey", "bad", str(error), "ETAPA_JOURNEY (or --journey) names the journey file"), False
    journey = loaded.journey
    return _loaded(path, loaded), journey is not None and journey.identity is not None


def _loaded(path: Path, loaded: Loaded) -> CheckResult:
    if loaded.journey is None:
        found = f"{path} has {counted(sum(one.severity == 'error' for one in loaded.findings), 'error')}"
        return CheckResult("Etapa", "journey", "bad", found, f"`etapa validate {path}` shows them")
    warnings = sum(one.severity == "warning" for one in loaded.findings)
    named = f"journey {loaded.journey.id}, version {loaded.journey.version}"
    if warnings:
        return CheckResult("Etapa", "journey", "warning", f"{named}: {counted(warnings, 'warning')}", f"`etapa validate {path}` shows them")
    return CheckResult("Etapa", "journey", "good", named)


def _print(results: list[CheckResult]) -> None:
    place = max(len(f"{one.area} {one.check}") for one in results)
    for one in results:
        click.echo(f"{one.level:<7}  {f'{one.area} {one.check}':<{place}}  {printable(one.found)}")
        if one.advice:
            click.echo(f"{'':<7}  {'':<{place}}  > {printable(one.advice)}")
    counts = [(level, sum(one.level == level for one in results)) for level in ("bad", "warning", "good")]
    click.echo(", ".join(f"{count} {level}" for level, count in counts if count), err=True)
