"""What a source costs beside the engine, in one process and one run.

    python -m bench.sources

Made-up touchpoints go through the worker's batch path as they are, and as Segment's, GA4's and Shopify's records through those sources;
and from Parquet to stages, beside the same touchpoints from memory. The CPU of each, the median of several rounds, taken in turn. No Kafka, no Redis.
"""

import gc
import io
import json
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import click
import msgspec
import pyarrow as pa
from pyarrow import parquet

from bench.measuring.batch_path import records_of, through_task
from bench.reporting.report import Table
from bench.workload.book import decoded, shipped_program
from bench.workload.touchpoints import KeyAndValue, made_up
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import parse_time
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import DAY, SECOND
from etapa.rehearsal.replay import Replay
from etapa.sources import presets
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.typed_files import parquet_records

TOUCHPOINTS = 20_000
CUSTOMERS = 500
START = 1_735_689_600 * SECOND
ROUNDS = 7
COLUMNS = """
source: columns
touchpoint: {id: id, customer_id: customer_id, type: type, occurred_at: occurred_at, channel: channel, properties: {amount: amount}}
"""


def as_segment(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "track",
        "event": one["type"],
        "messageId": one["id"],
        "userId": one["customer_id"],
        "anonymousId": "507f191e810c19729de860ea",
        "timestamp": one["occurred_at"],
        "originalTimestamp": one["occurred_at"],
        "context": {
            "campaign": {"name": "launch", "medium": one.get("channel") or "web"},
            "page": {"url": "https://shop.example/checkout", "title": "Checkout", "referrer": "https://shop.example/"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        },
        "properties": {"order_id": "50314b8e", **(one.get("properties") or {})},
    }


def as_ga4(one: dict[str, Any]) -> dict[str, Any]:
    amount = (one.get("properties") or {}).get("amount")
    at = str(parse_time(one["occurred_at"]))
    texts = {"page_location": "https://shop.example/thanks", "page_title": "Thanks", "currency": "BOB"}
    parameters: list[dict[str, Any]] = [{"key": key, "value": {"string_value": text}} for key, text in texts.items()]
    parameters += [{"key": "ga_session_id", "value": {"int_value": "1767604000"}}, {"key": "value", "value": {"double_value": amount}}]
    return {
        "event_timestamp": at,
        "event_name": one["type"],
        "user_pseudo_id": "1026454.4271112504",
        "user_id": one["customer_id"],
        "batch_page_id": at,
        "batch_ordering_id": one["id"],
        "batch_event_index": "1",
        "platform": one.get("channel") or "WEB",
        "device": {"category": "mobile"},
        "geo": {"country": "Bolivia"},
        "event_params": parameters,
        "items": [{"item_id": "SKU-1", "price": 60.25}],
    }


def as_shopify(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "created_at": one["occurred_at"],
        "processed_at": one["occurred_at"],
        "total_price": str((one.get("properties") or {}).get("amount") or "0.00"),
        "currency": "USD",
        "source_name": "web",
        "customer": {"id": one["customer_id"], "email": "Ada@Example.com", "default_address": {"country_code": "BO"}},
        "line_items": [{"sku": "IPOD2008PINK", "quantity": 1, "price": "59.99"}],
    }


SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"segment": as_segment, "ga4": as_ga4, "shopify": as_shopify}


def mapper_of(text: str) -> Mapper:
    source = load_source(text, "source").source
    if source is None:
        raise click.ClickException("the source has errors")
    return Mapper(source)


def on_the_worker(sent: Sequence[KeyAndValue]) -> dict[str, Callable[[], float]]:
    """The batch path over the same events, plain and through each source."""
    program = shipped_program()
    plain = records_of(sent)
    ways: dict[str, Callable[[], float]] = {"touchpoints": lambda: through_task(program, plain)}
    for name, shape in SHAPES.items():
        records = records_of([KeyAndValue(key, msgspec.json.encode(shape(json.loads(value)))) for key, value in sent])
        decoder: Any = SourceDecoder(mapper_of(presets.text_of(name)), TouchpointLimits())
        ways[name] = lambda records=records, decoder=decoder: through_task(program, records, decoder=decoder)  # type: ignore[misc]
    return ways


def from_files(touchpoints: Sequence[Touchpoint]) -> dict[str, Callable[[], float]]:
    """To stages: from memory, and from Parquet through a source."""
    program = shipped_program()
    rows = [
        {
            "id": t.id,
            "customer_id": t.customer_id,
            "type": t.type,
            "occurred_at": t.at,
            "channel": t.channel,
            "amount": t.properties.get("amount"),
        }
        for t in touchpoints
    ]
    table = pa.Table.from_pylist(rows)
    at = table.schema.get_field_index("occurred_at")
    written = io.BytesIO()
    parquet.write_table(table.set_column(at, "occurred_at", table["occurred_at"].cast(pa.timestamp("us", "UTC"))), written)
    mapper, limits = mapper_of(COLUMNS), TouchpointLimits()

    def judged(source: Any) -> float:
        replay = Replay(program)
        started = time.process_time()
        for touchpoint in source():
            for _ in replay.take(touchpoint):
                pass
        return time.process_time() - started

    def mapped() -> Any:
        for record in parquet_records(io.BytesIO(written.getvalue()), mapper.json.columns, mapper.json.times):
            yield from mapper.items(record, limits, 0)

    return {"from memory": lambda: judged(lambda: touchpoints), "from Parquet": lambda: judged(mapped)}


def medians(ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median microseconds of a touchpoint, for every way, after rounds in turn."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        gc.collect()
        for name, spend in ways.items():
            spent[name].append(spend() / TOUCHPOINTS * 1e6)
    return {name: median(each) for name, each in spent.items()}


@click.command()
def main() -> None:
    """Compare sources with the engine by CPU."""
    sent = list(made_up(TOUCHPOINTS, CUSTOMERS, START, START + 180 * DAY))
    # As the worker does, and the commands that read files.
    spare_the_garbage_collector()
    for title, ways in (("batch path", on_the_worker(sent)), ("to stages", from_files(decoded(sent)))):
        found = medians(ways)
        base = next(iter(found.values()))
        rows = [
            [name, f"{each:.2f}", f"{each - base:+.2f}", f"{each / base - 1:+.0%}", f"{1e6 / each:,.0f}"] for name, each in found.items()
        ]
        click.echo(Table([title, "CPU µs each", "more", "", "a second"], rows).as_text() + "\n")
    click.echo(f"{TOUCHPOINTS:,} touchpoints, medians of {ROUNDS} rounds{'' if IS_COMPILED else '; the core is NOT compiled'}")


if __name__ == "__main__":
    main()
