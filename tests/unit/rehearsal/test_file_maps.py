"""A map names first what is wrong with the shop."""

from collections import Counter
from pathlib import Path

import pytest

import etapa
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_maps import FileMaps
from etapa.rehearsal.summary import Summary, replayed
from tests.support.made_up_shop import Planted, as_file, shop

FILE = Path(etapa.__file__).parent / "journeys" / "clothes-shop.yaml"
JOURNEY = journey_or_raise(FILE.read_text("utf-8"), FILE.name)
RULES = RulesTold(JOURNEY, languages())
SLOW = ("discovery", "service")
UNHAPPY = ("discovery", "consideration", "purchase", "service", "loyalty", "advocacy")
BACK = {"consideration": "discovery", "loyalty": "service"}
SHOPS = 12
CUSTOMERS = 200


def _maps(seed: int, customers: int, planted: Planted) -> tuple[dict[str, JourneyMap], Summary, list[StageChange]]:
    figures = FileFigures()
    summary = Summary(JOURNEY, figures=figures)
    maps = FileMaps(JOURNEY, RULES)
    changes = []
    for each in replayed(compile_journey(JOURNEY), JOURNEY, as_file(shop(seed, customers, planted)), summary=summary):
        maps.told(each)
        if isinstance(each, StageChange):
            changes.append(each)
    return dict(maps.drawn(figures.ledger, None)), summary, changes


def _planted(seed: int) -> Planted:
    return Planted(SLOW[seed % 2], UNHAPPY[seed % 6], tuple(BACK)[seed // 2 % 2])


@pytest.mark.parametrize("seed", range(SHOPS))
def test_a_slow_stage_a_dip_of_feeling_and_a_detour_are_each_named_first(seed: int) -> None:
    planted = _planted(seed)
    drawn = _maps(seed, CUSTOMERS, planted)[0][""]
    worst = [(each.measure, each.stage) for each in drawn.extremes if each.side == "worst"]
    assert next(stage for measure, stage in worst if measure == "stay") == planted.slow
    assert next(stage for measure, stage in worst if measure == "feeling") == planted.unhappy
    assert drawn.way is not None
    assert drawn.way.detours is not None
    first = drawn.way.detours[0]
    assert (first.source, first.to) == (planted.detour, BACK[planted.detour or ""])


def test_the_map_counts_what_the_stage_changes_say() -> None:
    maps, summary, changes = _maps(1, 100, Planted())
    everybody = maps[""]
    assert {stage.id: stage.customers for stage in everybody.stages} == summary.stages
    assert {(flow.source, flow.to): flow.count for flow in everybody.flows if flow.count} == {
        move: count for move, count in summary.transitions.items() if move[0] is not None
    }
    by_rule: Counter[str] = Counter()
    for flow in everybody.flows:
        by_rule.update({rule.id: rule.count or 0 for rule in flow.rules})
    assert {rule: by_rule[rule] for rule in summary.rules} == summary.rules
    assert everybody.customers == 100
    assert sum(stage.entered for stage in everybody.stages) == len(changes)


def test_maps_of_personas_add_up_to_everybody_s() -> None:
    maps, _, _ = _maps(2, 100, Planted())
    parts = [maps["student"], maps["professional"]]
    assert sum(part.customers for part in parts) == maps[""].customers
    for place, flow in enumerate(maps[""].flows):
        assert sum(part.flows[place].count for part in parts) == flow.count
