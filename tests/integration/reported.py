"""Compares the report of a running installation with that of the same touchpoints from a file, and with what was published."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import redis

from etapa.contracts.outgoing.report import report_json
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, is_page_key
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.summary import Summary, simulate
from etapa.settings import Settings
from etapa.stream.redis.view import PartitionKeys
from etapa.uplift.from_ledger import campaign_figures
from etapa.uplift.verdicts import uplift_report
from tests.integration.outcome import Message, journey_of
from tests.integration.places import read_all
from tests.integration.worker import StartedWorker


async def check_report(
    settings: Settings,
    client: "redis.Redis",
    worker: StartedWorker,
    values: Iterable[bytes],
    until: int | None,
    published: Mapping[bytes, Sequence[Message]],
) -> dict[str, Any]:
    """Once everything is processed, check every figure that a worker reports. Returns them."""
    live = worker.ask("v1/report")
    assert live == {**_from_a_file(settings, values, until), "missing_partitions": []}
    assert worker.ask("v1/campaigns") == _uplift_of_a_file(settings, values, until)
    changes = [msgspec.json.decode(value) for messages in published.values() for _, value, _ in messages if value]
    moves = Counter((change["from"], change["to"], change["cause"]) for change in changes)
    assert {(row["from"], row["to"], row["cause"]): row["count"] for row in live["moves"]} == moves
    kept: dict[bytes, bytes] = {}
    for record in await read_all(settings, settings.topic_customer_state):
        if is_page_key(record.key):
            if record.value is None:
                kept.pop(record.key + b"%d" % record.partition, None)
            else:
                kept[record.key + b"%d" % record.partition] = record.value
    shown = {
        LEDGER_PREFIX + name + b"%d" % number: page
        for number in range(settings.partitions)
        for name, page in _pages(client, settings, number).items()
    }
    assert shown == kept
    return live


def _from_a_file(settings: Settings, values: Iterable[bytes], until: int | None) -> dict[str, Any]:
    """The output of `etapa report --json`."""
    journey = journey_of(settings)
    report = report_of(_ledger_of_a_file(journey, values, until), ReportQuery(), [stage.id for stage in journey.stages])
    found: dict[str, Any] = json.loads(msgspec.json.encode(report_json(report, journey.id, journey.version)))
    return found


def _uplift_of_a_file(settings: Settings, values: Iterable[bytes], until: int | None) -> dict[str, Any]:
    """What `etapa uplift --json` tells."""
    journey = journey_of(settings)
    figures = campaign_figures(journey, _ledger_of_a_file(journey, values, until))
    found: dict[str, Any] = json.loads(msgspec.json.encode(uplift_report(journey.id, journey.version, figures)))
    return found


def _ledger_of_a_file(journey: Journey, values: Iterable[bytes], until: int | None) -> JourneyLedger:
    figures = FileFigures()
    lines = io.BytesIO(b"".join(value + b"\n" for value in values))
    for _ in simulate(compile_journey(journey), journey, lines, until, summary=Summary(journey, figures=figures)):
        pass
    return figures.ledger


def _pages(client: "redis.Redis", settings: Settings, partition: int) -> dict[bytes, bytes]:
    pages: Any = client.hgetall(PartitionKeys(settings.redis_prefix, partition).ledger)
    return dict(pages)
