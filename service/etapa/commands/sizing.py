"""`etapa sizing`: how many workers, how much Redis and how much Kafka an installation needs."""

from typing import Any

import click
import msgspec

from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.text_tables import table
from etapa.commands.terminal.words import pace_text, size_text
from etapa.journey.duration import roughly
from etapa.journey.units import DAY, SECOND
from etapa.rehearsal.measured import CHANGES, STATE_BYTES
from etapa.rehearsal.sizing import Sizing, SizingInput, size

_GIB = 2**30
POSITIVE = click.FloatRange(0, min_open=True)
COUNT = click.IntRange(1)


@click.command()
@click.option("--events-per-second", metavar="X", type=POSITIVE, required=True, help="Touchpoints a second in the busiest hour.")
@click.option(
    "--customers",
    metavar="N",
    type=COUNT,
    required=True,
    help="All customers there will ever be; a state is kept until its customer is forgotten.",
)
@click.option("--partitions", metavar="N", type=COUNT, default=12, show_default=True, help="Partitions of each topic.")
@click.option("--replication", metavar="N", type=COUNT, default=3, show_default=True, help="Copies that Kafka keeps of each record.")
@click.option(
    "--retention-days", metavar="X", type=POSITIVE, default=7.0, show_default=True, help="How long touchpoints and stage changes are kept."
)
@click.option("--redis-node-gib", metavar="X", type=POSITIVE, default=8.0, show_default=True, help="Memory of one Redis node.")
@click.option(
    "--touchpoint-bytes", metavar="X", type=POSITIVE, default=292.0, show_default=True, help="Average size of a touchpoint's JSON."
)
@click.option(
    "--id-characters", metavar="N", type=click.IntRange(1, 256), default=9, show_default=True, help="Average length of a customer id."
)
@click.option(
    "--state-bytes",
    metavar="X",
    type=POSITIVE,
    default=STATE_BYTES,
    show_default=True,
    help="Average size of a customer's state; it depends on the journey.",
)
@click.option(
    "--changes-per-touchpoint",
    metavar="X",
    type=click.FloatRange(0),
    default=CHANGES,
    show_default=True,
    help="Stage changes that a touchpoint causes, on average.",
)
@click.option(
    "--customers-in-memory",
    metavar="N",
    type=click.IntRange(0),
    default=50_000,
    show_default=True,
    help="Customers that each partition keeps in memory (ETAPA_CUSTOMERS_IN_MEMORY).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sizing(retention_days: float, redis_node_gib: float, as_json: bool, **plain: Any) -> None:
    """Calculate the workers, Redis and Kafka that an installation needs. It contacts no server.

    docs/sizing.md describes the model and compares it with measurements.
    """
    retention = retention_days * DAY
    plan = SizingInput(touchpoint_retention=retention, change_retention=retention, redis_node_bytes=redis_node_gib * _GIB, **plain)
    needed = size(plan)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(needed)))
    else:
        click.echo("\n".join(_lines(plan, needed)))
    for warning in needed.warnings:
        click.echo(f"Warning: {warning}", err=True)


def _lines(plan: SizingInput, needed: Sizing) -> list[str]:
    per_second = needed.kafka_in_bytes_per_second
    nodes = "one node" if needed.redis_nodes == 1 else f"a Cluster of {needed.redis_nodes} masters"
    rows = [
        ["workers", f"{needed.workers}, a core and {size_text(needed.worker_memory_bytes)} each; add one as a spare"],
        ["  a touchpoint", f"{needed.worker_microseconds:.1f} µs of a worker's CPU"],
        ["Redis", f"{nodes}, {size_text(needed.redis_bytes)} of data ({needed.redis_bytes_per_customer:.0f} bytes a customer)"],
        ["a lost Redis", f"is refilled in {_time_text(needed.rebuild_seconds)}"],
        ["Kafka, written", f"{pace_text(sum(per_second.values()))} before replication, uncompressed"],
    ]
    rows += [[f"  {topic}", pace_text(size_)] for topic, size_ in per_second.items()]
    rows.append([f"Kafka, disk × {plan.replication}", size_text(sum(needed.kafka_disk_bytes.values()))])
    rows += [[f"  {topic}", size_text(size_)] for topic, size_ in needed.kafka_disk_bytes.items()]
    return table(["for", f"{plan.events_per_second:,g} touchpoints/s, {plan.customers:,} customers"], rows)


def _time_text(seconds: float) -> str:
    return "less than a second" if seconds < 1 else roughly(round(seconds) * SECOND)
