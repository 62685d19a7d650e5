"""The journey map: the response of `/v1/journey`."""

import asyncio
from array import array
from importlib.resources import files
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from etapa.hosting.health import Health
from etapa.journey.engine.facts.change_counts import counts_of
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.language.load import journey_or_raise
from etapa.metrics.worker import Metrics
from etapa.serve.http import Api
from etapa.serve.journey_map import changes_by_move, journey_map
from etapa.stream.protocol.arrivals import NO_ARRIVALS
from etapa.stream.protocol.observer import BatchCommitted
from etapa.stream.protocol.readers import LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer
from tests.support.stage_changes import stage_change
from tests.unit.serve.asked import ChangesInMemory

RETAIL = journey_or_raise((files("etapa") / "journeys" / "retail.yaml").read_text("utf-8"), "retail.yaml")


class Nobody:
    async def stage_counts(self) -> StageCounts:
        return StageCounts({}, 1, [])

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        raise NotImplementedError

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        return None

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        raise NotImplementedError

    async def health(self) -> list[Health]:
        return []


def told(metrics: Metrics) -> Any:
    async def asking() -> Any:
        app = Api(RETAIL, Nobody(), Nobody(), metrics.registry, None, metrics.http, changes=ChangesInMemory()).application()
        async with TestClient(TestServer(app, host="127.0.0.1")) as client, client.get("/v1/journey") as response:
            assert response.status == 200
            return await response.json()

    return asyncio.run(asking())


def change(source: str | None, to: str) -> StageChange:
    return stage_change(source, to, customer_id="ada", rule="buys", touchpoint_id="t-1")


def committed(*changes: StageChange) -> BatchCommitted:
    return BatchCommitted(
        applied=len(changes),
        duplicates=0,
        dead_letters={},
        changes=counts_of(changes),
        stage_deltas={},
        timers_fired=0,
        timer_delays=array("q"),
        arrivals=NO_ARRIVALS,
        committed_at=0,
        stream_time=None,
        seconds={},
    )


def test_every_rule_stands_at_every_move_that_it_can_make() -> None:
    drawn = journey_map(RETAIL)
    at_moves = {(move["from"], move["to"], rule["id"]) for move in drawn["moves"] for rule in move["rules"]}
    assert at_moves == {(source, rule.to, rule.id) for rule in RETAIL.rules for source in rule.sources if source != rule.to}
    assert [stage["id"] for stage in drawn["stages"]] == [stage.id for stage in RETAIL.stages]


def test_a_rule_is_told_in_words() -> None:
    moves = {(move["from"], move["to"]): move["rules"] for move in journey_map(RETAIL)["moves"]}
    assert moves["service", "consideration"] == [{"id": "stays-away", "when": "absent(purchase, 120d)"}]


def test_moves_are_counted_whatever_their_cause() -> None:
    metrics = Metrics(RETAIL)
    bought = change("discovery", "purchase")
    later = stage_change("discovery", "purchase", customer_id="bob", sequence=2, cause="timer", rule="buys", dwell=1)
    metrics.batch_committed(0, committed(change(None, "discovery"), bought, later))
    moves = {(move["from"], move["to"]): move["changes"] for move in told(metrics)["moves"]}
    assert moves["discovery", "purchase"] == 2
    assert sum(moves.values()) == 2, "a new customer leaves no stage"


def test_a_process_without_these_metrics_has_seen_none() -> None:
    assert changes_by_move(CollectorRegistry()) == {}
