"""GET /v1/campaigns: whether campaigns worked, by the ledgers of all partitions."""

import json
from dataclasses import replace
from pathlib import Path

from jsonschema import Draft202012Validator

from etapa.journey.language.model import Campaign, Goal, Transition
from etapa.journey.units import DAY
from tests.unit.serve.asked import JOURNEY, NOON, StagesInMemory, application, ask

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "uplift.schema.json").read_text("utf-8"))


def test_both_groups_are_told_with_a_verdict_and_what_is_missing() -> None:
    view = StagesInMemory()
    for holdout, customers, met in ((False, 5_000, 1_500), (True, 5_000, 1_000)):
        for number in range(customers):
            view.tally.offered(NOON, None, "hello", "holdout" if holdout else "published")
            view.tally.enrolled(NOON, None, "hello", holdout=holdout)
            view.tally.ended(NOON + DAY, None, "hello", holdout=holdout, met=number < met, value=None)
    on = (Transition(None, ("buyer",)),)
    goal = Goal(within=10 * DAY, enter=("curious",))
    journey = replace(JOURNEY, campaigns=(Campaign("hello", on, holdout=0.5, goal=goal), Campaign("plain", on)))
    status, found, _ = ask(application(reader=view, journey=journey), "/v1/campaigns")
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
