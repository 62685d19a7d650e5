"""`etapa triggers`: follow the campaign triggers as they are published."""

import sys
from collections.abc import Callable, Collection

import click
import msgspec

from etapa.commands.terminal.failures import CheckFailed
from etapa.commands.terminal.kafka_access import on_kafka
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.words import counted
from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.outgoing.campaign_trigger_message import CampaignTriggerMessage
from etapa.contracts.rfc3339 import format_time, microseconds_of
from etapa.hosting.foreign_text import json_text, printable
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.reading.topic_reader import TopicReader

_COLUMNS = (20, 20, 24, 29, 8)
_HEADINGS = ("AT", "CAMPAIGN", "CUSTOMER", "MOVE", "HOLDOUT", "ID")

Show = Callable[[CampaignTriggerMessage, bytes], str]


@click.command(short_help="Follow the campaign triggers as they are published.")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest trigger in Kafka instead of with new ones.")
@click.option("--campaign", "campaigns", multiple=True, metavar="ID", help="Only this campaign's; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N triggers.")
@settings_flags("kafka_bootstrap_servers")
@click.option("--json", "as_json", is_flag=True, help="Print each trigger as it is in Kafka, one JSON object per line.")
def triggers(from_beginning: bool, campaigns: tuple[str, ...], limit: int | None, as_json: bool, **flags: str | None) -> None:
    """Follow the campaign triggers as they are published, until Ctrl-C or until --limit.

    Only committed triggers are shown. The triggers of one customer come in order.
    """
    settings = settings_from(flags).settings
    strangers = on_kafka(
        settings,
        lambda cluster, partitions: _follow(
            cluster, partitions, set(campaigns), limit, _as_json if as_json else _as_row, from_beginning=from_beginning
        ),
    )
    if strangers:
        raise CheckFailed(f"{settings.topic_campaign_triggers} also holds {counted(strangers, 'record')} that are not triggers")


async def _follow(
    cluster: Cluster,
    partitions: int,
    campaigns: Collection[str],
    limit: int | None,
    show: Show,
    *,
    from_beginning: bool,
) -> int:
    """Show triggers until the limit. Returns how many records were not triggers."""
    if show is _as_row:
        click.echo(_row(_HEADINGS))
    shown = strangers = 0
    async with TopicReader(cluster, cluster.settings.topic_campaign_triggers) as topic:
        async for record in topic.follow(partitions, from_beginning=from_beginning):
            value = record.value or b""
            try:
                trigger = decode_campaign_trigger(value)
            except msgspec.DecodeError:
                strangers += 1
                continue
            if not campaigns or trigger.campaign in campaigns:
                click.echo(show(trigger, value))
                sys.stdout.flush()
                shown += 1
                if shown == limit:
                    break
    return strangers


def _as_json(trigger: CampaignTriggerMessage, value: bytes) -> str:
    # What we write is already a single line; what another producer wrote may be several.
    return json_text(value if b"\n" not in value else msgspec.json.format(value, indent=-1))


def _as_row(trigger: CampaignTriggerMessage, value: bytes) -> str:
    move = f"{trigger.source or '(new)'} > {trigger.to}"
    holdout = "yes" if trigger.holdout else "no"
    at = format_time(microseconds_of(trigger.at.replace(microsecond=0)))
    return _row((at, trigger.campaign, trigger.customer_id, move, holdout, trigger.id))


def _row(cells: tuple[str, ...]) -> str:
    padded = [printable(cell).ljust(width) for cell, width in zip(cells[:-1], _COLUMNS, strict=True)]
    return " ".join([*padded, printable(cells[-1])])
