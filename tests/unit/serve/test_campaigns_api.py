"""GET /v1/campaigns: whether campaigns worked, by the ledgers of all partitions."""

import json
from dataclasses import replace
from pathlib import Path

from jsonschema import Draft202012Validator

from etapa.journey.language.model import Campaign, Goal, Transition
from etapa.journey.map.schema import map_schema
from etapa.journey.units import DAY
from tests.unit.serve.asked import JOURNEY, NOON, StagesInMemory, application, ask

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "uplift.schema.json").read_text("utf-8"))


ON = (Transition(None, ("buyer",)),)
GOAL = Goal(within=10 * DAY, enter=("curious",))
SHOP = replace(JOURNEY, campaigns=(Campaign("hello", ON, holdout=0.5, goal=GOAL), Campaign("plain", ON)))


def _ended() -> StagesInMemory:
    """Half of 10,000 got the message; 30 % of them met the goal, and 20 % of the others."""
    view = StagesInMemory()
    for holdout, met in ((False, 1_500), (True, 1_000)):
        for number in range(5_000):
            view.tally.moved(NOON, None, None, "buyer", "touchpoint", None)
            view.tally.offered(NOON, None, "hello", "holdout" if holdout else "published")
            view.tally.enrolled(NOON, None, "hello", holdout=holdout)
            view.tally.ended(NOON + DAY, None, "hello", holdout=holdout, met=number < met, value=None)
    return view


def test_both_groups_are_told_with_a_verdict_and_what_is_missing() -> None:
    status, found, _ = ask(application(reader=_ended(), journey=SHOP), "/v1/campaigns")
    assert status == 200
    Draft202012Validator(SCHEMA).validate(found)
    (campaign,) = found["campaigns"]
    assert (campaign["campaign"], campaign["offered"], campaign["verdict"]) == ("hello", 10_000, "better")
    assert campaign["sent"] == {"customers": 5_000, "outcomes": 5_000, "met": 1_500, "rate": 0.3, "value_each": None}
    assert campaign["met"]["low"] < 0.1 < campaign["met"]["high"]
    assert found["missing_partitions"] == [3]


def test_a_journey_without_goals_has_nothing_to_compare() -> None:
    status, found, _ = ask(application(), "/v1/campaigns")
    assert (status, found["campaigns"], found["compared"]) == (200, [], 0)


def test_the_map_has_the_effect_of_all_time_and_all_customers_and_no_other() -> None:
    status, drawn, _ = ask(application(reader=_ended(), journey=SHOP), "/v1/map")
    assert status == 200
    Draft202012Validator(map_schema()).validate(drawn)
    hello, plain = drawn["campaigns"]
    assert (hello["sent"], hello["holdout"]) == ({"ended": 5_000, "met": 1_500}, {"ended": 5_000, "met": 1_000})
    assert (hello["effect"]["verdict"], round(hello["effect"]["difference"], 9)) == ("better", 0.1)
    assert (plain["sent"], plain["holdout"], plain["effect"]) == (None, None, None)
    _, part, _ = ask(application(reader=_ended(), journey=SHOP), "/v1/map?from=2026-11-01")
    assert (part["campaigns"][0]["sent"]["met"], part["campaigns"][0]["effect"]) == (1_500, None)
