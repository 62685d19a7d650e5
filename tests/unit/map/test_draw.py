"""The map's document: what is designed and what was counted, side by side."""

from typing import Any

import msgspec
from jsonschema import Draft202012Validator

from etapa.journey.language.load import journey_or_raise
from etapa.journey.map.document import CampaignEffect, GroupGoals, JourneyMap
from etapa.journey.map.draw import draw
from etapa.journey.map.figures import Figures, Row
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.map.schema import map_schema
from etapa.journey.map.ways import Detour, WayFigures
from etapa.journey.units import DAY, SECOND
from etapa.languages.read import languages

JOURNEY = journey_or_raise(
    """
journey: shop
version: 3
phases: [{id: before, label: {en: Before, es: Antes}}]
channels: {web: {kind: online, label: Web}, store: {kind: offline}}
types: {visit: {label: {en: Looks, es: Mira}}, buy: {}, stock_check: {}, chat: {}}
personas: [{id: student, is: {trait: kind, eq: student}}]
stages:
  - id: look
    phase: before
    label: {en: Looking, es: Mirando}
    touchpoints: [{type: visit, channel: web}, {type: visit, channel: store}, {type: stock_check, visible: false}]
    points: [{kind: negative, at: visit, note: {es: Lento}}]
    promise: {within: 2d, onward: 50%}
  - {id: think, phase: before}
  - {id: own}
  - {id: lost}
map: {ideal: [look, think, own], feeling: {of: chat, value: properties.stars, scale: [1, 5]}}
rules:
  - {id: thinks, from: look, to: think, when: {event: visit}}
  - {id: buys, from: think, to: own, when: {event: buy}}
  - {id: tires, from: think, to: look, when: {idle: 9d}}
  - {id: leaves, from: [look, think], to: lost, when: {idle: 30d}}
campaigns: [{id: come-back, label: {es: Vuelve}, on: {enter: lost}}]
""",
    "shop.yaml",
)


def _move(source: str | None, to: str, count: int, cause: str = "touchpoint") -> Row:
    return {"from": source, "to": to, "cause": cause, "count": count, "stay_seconds": 0.0}


TABLES: dict[str, list[Row]] = {
    "moves": [
        *(_move(None, "look", 100), _move("look", "think", 40), _move("think", "look", 10, "timer"), _move("think", "own", 20)),
        *(_move("look", "lost", 30, "timer"), _move("gone", "look", 1, "journey")),
    ],
    "stages": [{"stage": "look", "left": 70, "median_stay_seconds": 100.0, "p90_stay_seconds": 200.0}],
    "stays": [{"from": "look", "to": "think", "count": 40, "median_seconds": 90.0, "p90_seconds": 95.0}],
    "stay_histogram": [{"stage": "look", "at_least_seconds": 64.0, "below_seconds": 128.0, "count": 70}],
    "touchpoints": [
        *({"stage": "look", "type": "visit", "channel": channel, "count": count} for channel, count in (("web", 60), ("phone", 15))),
        {"stage": "look", "type": "chat", "channel": None, "count": 25},
    ],
    "feeling": [
        {"stage": "look", "count": 25, "mean": 4.0, "standard_deviation": 1.0},
        {"stage": "think", "count": 2, "mean": 1.0, "standard_deviation": 0.0},
    ],
    "campaigns": [{"campaign": "come-back", "outcome": outcome, "count": count} for outcome, count in (("published", 7), ("consent", 2))],
    "personas": [{"persona": "student", "new": 60, "stage_changes": 80, "touchpoints": 90}, {"persona": None, "new": 40}],
}


def _map(**changed: Any) -> JourneyMap:
    return draw(JOURNEY, RulesTold(JOURNEY, languages()), Figures(**{"tables": TABLES, **changed}))


def test_customers_of_a_stage_are_those_who_entered_it_and_did_not_leave() -> None:
    drawn = _map()
    assert [stage.customers for stage in drawn.stages] == [41, 10, 20, 30]
    assert (drawn.customers, drawn.stages[0].share) == (101, 41 / 101)


def test_a_known_population_goes_before_entries_less_leavings() -> None:
    assert [stage.customers for stage in _map(population={"look": 5, "own": 1, "elsewhere": 9}).stages] == [5, 0, 1, 0]


def test_stages_next_to_each_other_of_one_phase_stand_under_one_heading() -> None:
    assert [(phase.id, phase.stages) for phase in _map().phases] == [("before", ["look", "think"]), (None, ["own", "lost"])]


def test_what_is_designed_stands_beside_what_happened() -> None:
    look = _map().stages[0]
    assert [(each.type, each.channel, each.designed, each.count) for each in look.touchpoints] == [
        *(("visit", "web", True, 60), ("visit", "store", True, 0), ("stock_check", None, True, 0)),
        *(("chat", None, False, 25), ("visit", "phone", False, 15)),
    ]
    assert [dict(each.by_channel) for each in look.touchpoints] == [{"web": 60}, {}, {}, {}, {"phone": 15}]
    assert [(each.id, each.designed, each.share) for each in look.channels] == [
        *(("web", True, 0.6), (None, False, 0.25), ("phone", False, 0.15), ("store", True, 0.0)),
    ]
    assert (look.stay.median_seconds, look.stay.promised_seconds, look.stay.histogram[0].count) == (100.0, 2 * DAY / 1e6, 70)
    assert look.onward is not None
    assert (look.onward.to, look.onward.share, look.onward.promised) == ("think", 40 / 111, 0.5)
    assert look.points[0].at_label == {"en": "Looks", "es": "Mira"}


def test_a_flow_says_what_it_is_of_the_ideal_way() -> None:
    kinds = {(flow.source, flow.to): flow.kind for flow in _map().flows}
    assert kinds == {
        ("look", "think"): "ideal",
        ("think", "look"): "back",
        ("think", "own"): "ideal",
        ("look", "lost"): "aside",
        ("think", "lost"): "aside",
    }


def test_a_flow_has_its_share_its_time_its_causes_and_its_rules_in_every_language() -> None:
    flow = next(flow for flow in _map().flows if (flow.source, flow.to) == ("look", "think"))
    assert (flow.count, flow.share, flow.causes) == (40, 40 / 70, {"touchpoint": 40})
    assert (flow.median_seconds, flow.p90_seconds) == (90.0, 95.0)
    assert flow.rules[0].sentence["es"] == "De «Mirando» a «think» cuando ocurre «Mira»."
    assert (flow.rules[0].code, flow.rules[0].count) == ("event(visit)", None)


def test_the_map_says_what_feelings_are_measured_on() -> None:
    assert _map().feeling_scale == (1, 5)


def test_feeling_has_an_interval_only_with_enough_answers() -> None:
    look, think, own, _ = _map().stages
    assert look.feeling is not None
    assert think.feeling is not None
    assert own.feeling is None
    # Student's t with 24 degrees of freedom is 2.064, the scale is four points long.
    reach = 2.064 * 1.0 / 25**0.5 / 4
    assert look.feeling.low is not None
    assert look.feeling.high is not None
    assert abs(look.feeling.low - (0.75 - reach)) < 1e-9
    assert abs(look.feeling.high - (0.75 + reach)) < 1e-9
    assert (think.feeling.level, think.feeling.low) == (0.0, None)


def test_campaigns_stand_at_the_stages_whose_entry_they_are_offered() -> None:
    lane = _map().campaigns[0]
    assert lane.label == {"es": "Vuelve"}
    assert (lane.stages, lane.outcomes) == (["lost"], {"published": 7, "consent": 2})
    assert (lane.sent, lane.holdout, lane.effect) == (None, None, None)


def test_campaigns_show_who_met_the_goal_in_both_groups_and_the_effect_where_it_is_known() -> None:
    goals: list[Row] = [
        {"campaign": "come-back", "group": group, "customers": 90, "ended": ended, "met": met}
        for group, ended, met in (("holdout", 40, 8), ("sent", 0, 0))
    ]
    effect = CampaignEffect(0.1, 0.02, 0.18, "better")
    lane = _map(tables={**TABLES, "goals": goals}, effects={"come-back": effect}).campaigns[0]
    assert (lane.sent, lane.holdout, lane.effect) == (None, GroupGoals(40, 8), effect)


def test_ways_are_compared_with_the_ideal_one() -> None:
    detour = Detour("think", "look", {"tires": 4, None: 1}, customers=4, times=5, lost=3 * DAY // SECOND)
    way = _map(way=WayFigures(40, 10, 200, 50, (detour, detour_of_a_span()))).way
    assert way is not None
    assert (way.customers, way.on_way, way.share, way.conformance) == (40, 10, 0.25, 0.75)
    assert [(each.source, each.to, each.customers, each.share, each.times, each.days_lost, each.rules) for each in way.detours] == [
        ("think", "look", 4, 0.1, 5, 3.0, {"tires": 4}),
        ("look", "lost", None, None, 2, 0.5, {"leaves": 2}),
    ]
    assert _map().way is None


def detour_of_a_span() -> Detour:
    return Detour("look", "lost", {"leaves": 2}, customers=None, times=2, lost=DAY // SECOND // 2)


def test_rules_are_counted_and_stages_reached_where_that_is_known() -> None:
    rules: list[Row] = [{"from": "look", "to": "think", "rule": "thinks", "count": 2}]
    figures = Figures({**TABLES, "rules": rules})
    drawn = draw(JOURNEY, RulesTold(JOURNEY, languages()), figures, {"think": 1})
    assert next(flow for flow in drawn.flows if flow.to == "think").rules[0].count == 2
    assert [stage.reached for stage in drawn.stages] == [0, 1, 0, 0]


def test_the_document_is_as_its_schema_says() -> None:
    schema = map_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        msgspec.json.decode(msgspec.json.encode(_map(begins=0, ends=DAY)))
    )
