"""`etapa topics create`: create the Kafka topics, or check existing ones. `etapa topics accept` is in `accept.py`."""

import asyncio
import shlex

import click
import msgspec

from etapa.commands.accept import accept
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import kafka_trouble, quiet_libraries
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import (
    TopicReport,
    TopicsError,
    WantedTopic,
    create_topics,
    settable,
    transfers_topic,
    wanted_topics,
)
from etapa.stream.kafka.topics.growth import partitions_by_topic, provide_transfers
from etapa.stream.protocol.ports import LogError


@click.group()
def topics() -> None:
    """Create the Kafka topics that Etapa reads and writes, and accept topics that were created again on purpose."""


topics.add_command(accept)


@topics.command(short_help="Create the topics that are missing.")
@settings_flags("kafka_bootstrap_servers", "partitions", "replication")
@click.option(
    "--without", metavar="SETTING", multiple=True, help="Leave a topic setting, such as segment.ms, to the brokers; may be repeated."
)
@click.option(
    "--print", "only_print", is_flag=True, help="Print the commands of Kafka's own tool that would create the topics, and create nothing."
)
@click.option(
    "--links", is_flag=True, help="Also create the topic through which linked ids become one customer. A journey with `identity` needs it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(without: tuple[str, ...], only_print: bool, links: bool, as_json: bool, **flags: str | None) -> None:
    """Create the topics that are missing, all with the same number of partitions.

    Existing topics are checked and left unchanged; exit code 1 if they do not fit. The brokers are first asked whether they would create
    all missing topics, so that none is created if they refuse one. You can run it again at any time.
    """
    settings = settings_from(flags).settings
    unknown = sorted(set(without) - set(settable(settings)))
    if unknown:
        raise WrongUse(f"--without: found {unknown[0]!r}; allowed: {', '.join(settable(settings))}")
    if only_print:
        needed = wanted_topics(settings, without)
        needed += [transfers_topic(settings, settings.partitions, settings.replication)] if links else []
        _print_needed(settings, needed, as_json=as_json)
        return
    try:
        cluster = Cluster(settings)
    except KafkaSettingsError as error:
        raise WrongUse(str(error)) from None
    quiet_libraries(settings)
    try:
        reports = asyncio.run(_created(cluster, without, links=links))
    except LogError as error:
        raise CheckFailed(kafka_trouble(cluster, error)) from None
    except TopicsError as error:
        # An error without a cause already says what would be right.
        raise CheckFailed(str(error) if error.__cause__ is None else kafka_trouble(cluster, error)) from None
    for report in reports:
        if report.warning:
            click.echo(f"Warning: {report.warning}", err=True)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode({"topics": reports})))
        return
    for report in reports:
        click.echo(_line(report))


async def _created(cluster: Cluster, without: tuple[str, ...], *, links: bool) -> list[TopicReport]:
    reports = await create_topics(cluster, without)
    if links:
        name = cluster.settings.topic_transfers
        had = (await partitions_by_topic(cluster)).get(name, 0)
        has = await provide_transfers(cluster, cluster.settings.partitions)
        reports.append(TopicReport(name, has, not had))
    return reports


def _line(report: TopicReport) -> str:
    count = f"{report.partitions} partition{'' if report.partitions == 1 else 's'}"
    return f"{report.name}: {'created' if report.created else 'was there'}, {count}"


def _print_needed(settings: Settings, needed: list[WantedTopic], *, as_json: bool) -> None:
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode({"topics": needed})))
        return
    if settings.kafka_security_protocol != "PLAINTEXT":
        click.echo("Each of these also needs --command-config FILE with the login.", err=True)
    for one in needed:
        click.echo(_command(settings, one))


def _command(settings: Settings, one: WantedTopic) -> str:
    words = ["kafka-topics.sh", "--bootstrap-server", settings.kafka_bootstrap_servers, "--create", "--if-not-exists", "--topic", one.name]
    words += ["--partitions", str(one.partitions), "--replication-factor", str(one.replication)]
    words += [word for name, value in one.settings.items() for word in ("--config", f"{name}={value}")]
    return shlex.join(words)
