"""`etapa topics create`: make the Kafka topics, or check those that are there."""

import asyncio

import click
import msgspec
from aiokafka.errors import KafkaConnectionError

from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.servers import kafka_silent, quiet_libraries
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.security import KafkaSettingsError
from etapa.stream.kafka.topics import TopicReport, TopicsError, create_topics


@click.group()
def topics() -> None:
    """Create the Kafka topics that Etapa reads and writes."""


@topics.command(short_help="Create the topics that are missing.")
@settings_flags("kafka_bootstrap_servers", "partitions", "replication")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(as_json: bool, **flags: str | None) -> None:
    """Create the topics that are missing, all with the same number of partitions.

    Topics that are there already are left as they are, and looked at: exit code 1 if they do not fit. Can be run again at any time.
    """
    settings = settings_from(flags).settings
    try:
        cluster = Cluster(settings)
    except KafkaSettingsError as error:
        raise WrongUse(str(error)) from None
    quiet_libraries(settings)
    try:
        reports = asyncio.run(create_topics(cluster))
    except TopicsError as error:
        if isinstance(error.__cause__, KafkaConnectionError | TimeoutError):
            raise CheckFailed(kafka_silent(settings)) from None
        raise CheckFailed(str(error)) from None
    for report in reports:
        if report.warning:
            click.echo(f"Warning: {report.warning}", err=True)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"topics": reports})))
        return
    for report in reports:
        click.echo(_line(report))


def _line(report: TopicReport) -> str:
    count = f"{report.partitions} partition{'' if report.partitions == 1 else 's'}"
    return f"{report.name}: {'created' if report.created else 'was there'}, {count}"
