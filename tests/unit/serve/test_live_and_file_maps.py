"""The map that a worker draws from the ledgers of its partitions, and the map of a file with the same touchpoints."""

import asyncio
import json
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

import etapa
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.journey.ledger.report import ReportQuery
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.units import DAY
from etapa.languages.read import languages
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_maps import FileMaps
from etapa.rehearsal.summary import Summary, replayed
from etapa.serve.live_map import LiveMap
from etapa.stream.protocol.ledger_keeper import LedgerKeeper
from etapa.stream.protocol.readers import LedgerPart, LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer
from tests.support.made_up_shop import BEGINS, Planted, as_file, shop

FILE = Path(etapa.__file__).parent / "journeys" / "clothes-shop.yaml"
JOURNEY = journey_or_raise(FILE.read_text("utf-8"), FILE.name)
TOUCHPOINTS = shop(3, 60, Planted(detour="consideration"))
END = BEGINS + 400 * DAY
PARTITIONS = 3
BATCH = 40


class Installation:
    """What the view shows of several partitions once all touchpoints are processed and all timers up to `END` have fired."""

    def __init__(self) -> None:
        self.parts: list[LedgerPart] = []
        self.counts = dict.fromkeys((stage.id for stage in JOURNEY.stages), 0)

    async def process(self) -> None:
        program = compile_journey(JOURNEY)
        for number in range(PARTITIONS):
            mine = [each for each in TOUCHPOINTS if crc32(each.customer_id.encode()) % PARTITIONS == number]
            partition, keeper = Partition(program, None), LedgerKeeper({}, None)
            pages: dict[bytes, bytes | None] = {}
            stages: dict[str, str] = {}
            for start in range(0, len(mine) + BATCH, BATCH):
                for touchpoint in mine[start : start + BATCH]:
                    partition.admit(touchpoint.customer_id, None)
                    assert partition.take(touchpoint, END)
                if start >= len(mine):
                    assert partition.advance(END + program.grace)
                work = partition.collect()
                stages.update({customer.id: customer.stage for customer in work.changed.values()})
                pages.update(await keeper.enter(work.tally, partition.stream_time, lambda: asyncio.sleep(0)))
            self.parts.append(LedgerPart({name: page for name, page in pages.items() if page is not None}, partition.stream_time))
            for stage in stages.values():
                self.counts[stage] += 1

    async def stage_counts(self) -> StageCounts:
        return StageCounts(self.counts, PARTITIONS, [])

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        return LedgerParts(self.parts, [])

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        return None

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        return StageMembers([], None, [])


def installation() -> Installation:
    found = Installation()
    asyncio.run(found.process())
    return found


def _live(view: Installation, query: ReportQuery) -> dict[str, Any]:
    drawn: dict[str, Any] = json.loads(asyncio.run(LiveMap(JOURNEY, view, lambda: END).drawn(query)).plain)
    return drawn


def _of_the_file(since: int | None, to: int | None, persona: str) -> dict[str, Any]:
    figures = FileFigures()
    maps = FileMaps(JOURNEY, RulesTold(JOURNEY, languages()), since, to)
    for each in replayed(compile_journey(JOURNEY), JOURNEY, as_file(TOUCHPOINTS), END, summary=Summary(JOURNEY, figures=figures)):
        maps.told(each)
    drawn: dict[str, Any] = json.loads(msgspec.json.encode(maps.drawn(figures.ledger, END)[persona]))
    return drawn


def _without_single_customers(drawn: dict[str, Any]) -> dict[str, Any]:
    """What both can know: not the latest moves of single customers, and not when a file's figures end."""
    flows = [{**flow, "recent": []} for flow in drawn["flows"]]
    stages = [{**stage, "trend": stage["trend"][-1:]} for stage in drawn["stages"]]
    return {**drawn, "flows": flows, "stages": stages, "until": None}


def test_a_live_map_is_that_of_a_file_but_for_single_customers() -> None:
    view = installation()
    live, file = _live(view, ReportQuery()), _of_the_file(None, None, "")
    assert live["customers"] == 60
    assert live["way"]["customers"] == 60
    assert live["stages"][0]["reached"] == 60
    assert all(0 < stage["reached"] <= min(60, stage["entered"]) for stage in live["stages"])
    assert any(stage["reached"] < stage["entered"] for stage in live["stages"])
    assert 0 < live["way"]["on_way"] < 60
    assert 0 < live["way"]["conformance"] < 1
    assert live["way"]["detours"][0]["from"] == "consideration"
    assert live["way"]["detours"][0]["days_lost"] > 0
    # Every rule is counted: all moves were made by rules that the journey has.
    assert all(sum(rule["count"] for rule in flow["rules"]) == flow["count"] for flow in live["flows"])
    assert _without_single_customers(live) == _without_single_customers(file)


def test_so_it_is_for_a_persona_and_for_a_span_of_time() -> None:
    view, since = installation(), BEGINS + 31 * DAY
    for query, file in (
        (ReportQuery(persona="student"), _of_the_file(None, None, "student")),
        (ReportQuery(since=since), _of_the_file(since, None, "")),
        (ReportQuery(since=since, persona="student"), _of_the_file(since, None, "student")),
    ):
        live = _live(view, query)
        assert 0 < live["way"]["customers"] <= 60
        assert live["way"]["detours"]
        assert [each["customers"] is None for each in live["way"]["detours"]] == [query.since is not None] * len(live["way"]["detours"])
        assert _without_single_customers(live) == _without_single_customers(file)


def test_ways_of_personas_add_up_to_those_of_everybody() -> None:
    view = installation()
    everybody, student, professional = (_live(view, ReportQuery(persona=each))["way"] for each in (None, "student", "professional"))
    assert student["customers"] + professional["customers"] == everybody["customers"]
    assert student["on_way"] + professional["on_way"] == everybody["on_way"]
