"""The ledgers of a view's partitions in a real Redis: together, limited to a period, and without incomplete ones."""

import asyncio

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import DAY, HOUR
from etapa.stream.protocol.ledger_keeper import LedgerKeeper, ledger_of
from etapa.stream.protocol.ports import VIEW_FORMAT, ViewMark
from etapa.stream.redis.client import connect, disconnect
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.view import RedisView
from tests.integration.places import new_settings
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.redis

NOON = parse_time("2026-11-21T12:00:00Z")
TIMES = [NOON, NOON - HOUR, NOON - 40 * DAY, NOON - 900 * DAY]


def test_any_process_reads_the_figures_of_all_partitions_for_a_stretch_of_time(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        settings = new_settings("127.0.0.1:1", redis_server.url, partitions=3)
        client = connect(settings)
        try:
            for number in (0, 1, 2):
                tally = BatchTally()
                for at in TIMES:
                    tally.touched(at, None, "new", "visit", f"channel {number}")
                pages = await LedgerKeeper({}, None).enter(tally, NOON, lambda: asyncio.sleep(0))
                mark = ViewMark(1, 0, NOON, settings.group, 3, VIEW_FORMAT, complete=number < 2)
                assert await RedisView(settings, client, number).apply(None, mark, [], pages) == "applied"

            async def told(since: int | None = None, until: int | None = None) -> list[tuple[str, int]]:
                found = await ViewReader(settings, client).ledger(since, until)
                assert list(found.missing) == [2]
                report = report_of(ledger_of(found.parts), ReportQuery(since, until))
                return [(row["channel"], row["count"]) for row in report.tables["touchpoints"]]

            assert await told() == [("channel 0", 4), ("channel 1", 4)]
            assert await told(NOON) == [("channel 0", 1), ("channel 1", 1)]
            assert await told(NOON - HOUR) == [("channel 0", 2), ("channel 1", 2)]
            assert await told(NOON - 50 * DAY, NOON) == [("channel 0", 2), ("channel 1", 2)]
            assert await told(None, NOON - DAY) == [("channel 0", 2), ("channel 1", 2)]
            # Only what may be needed leaves Redis.
            [part, _] = (await ViewReader(settings, client).ledger(NOON - 50 * DAY, NOON - DAY)).parts
            assert list(part.pages) == [b"touchpoints 2026-10"]
        finally:
            await disconnect(client)

    asyncio.run(scenario())
