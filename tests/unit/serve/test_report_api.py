"""GET /v1/report: figures of the installation for a period, and the response to a wrong query."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.outgoing.message_schema import message_schema
from etapa.contracts.outgoing.report_message import ReportMessage
from etapa.journey.language.design.parts import Design, Persona
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.model import Comparison, Test
from etapa.journey.units import DAY, HOUR
from tests.unit.serve.asked import JOURNEY, NOON, StagesInMemory, application, ask


def view() -> StagesInMemory:
    shown = StagesInMemory()
    for persona, at in (("student", NOON), (None, NOON - HOUR), (None, NOON - 30 * DAY)):
        shown.tally.moved(at, persona, None, "new", "touchpoint", None)
        shown.tally.moved(at, persona, "new", "buyer", "timer", 2 * HOUR)
        shown.tally.touched(at, persona, "new", "visit", "web")
        shown.tally.felt(at, persona, "new", 4500)
        shown.tally.offered(at, persona, "welcome", "published")
        shown.tally.enrolled(at, persona, "welcome", holdout=False)
        shown.tally.ended(at, persona, "welcome", holdout=False, met=True, value=2.5)
    return shown


def report(path: str) -> tuple[int, dict[str, Any]]:
    journey = replace(JOURNEY, design=Design(personas=(Persona("student", {}, Trait("age", Comparison((Test("lt", 26),))), {}),)))
    status, body, _ = ask(application(reader=view(), journey=journey), path)
    return status, body


def test_all_figures_are_told_as_the_schema_has_it() -> None:
    status, found = report("/v1/report")
    assert status == 200
    Draft202012Validator(message_schema(ReportMessage)).validate(found)
    assert [(row["from"], row["to"], row["count"]) for row in found["moves"]] == [(None, "new", 3), ("new", "buyer", 3)]
    assert (found["journey"], found["from"], found["exact"], found["missing_partitions"]) == ("shop", None, True, [3])
    assert found["feeling"][0]["mean"] == 4.5
    assert [(row["group"], row["ended"], row["met"], row["value_sum"]) for row in found["goals"]] == [("sent", 3, 3, 7.5)]
    # The response has nothing that the description lacks.
    assert json.loads(msgspec.json.encode(msgspec.convert(found, ReportMessage))) == found


def test_a_stretch_of_time_by_hours_and_a_persona_are_told_apart() -> None:
    status, found = report("/v1/report?from=2026-11-21&to=2026-11-21T12:00:00Z&by=hour")
    assert status == 200
    Draft202012Validator(message_schema(ReportMessage)).validate(found)
    assert [(row["period"], row["grain"], row["count"]) for row in found["touchpoints"]] == [("2026-11-21T11", "hour", 1)]
    assert report("/v1/report?persona=student")[1]["touchpoints"][0]["count"] == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=yesterday", "`from` must be a time with an offset"),
        ("to=2026-11-21T10:00:00", "`to` must be a time with an offset"),
        ("from=2026-11-22&to=2026-11-21", "`from` must lie before `to`"),
        ("by=week", "`by` must be one of hour, day, month"),
        ("persona=nobody", "it has student"),
    ],
)
def test_a_wrong_query_is_told_what_would_be_right(query: str, words: str) -> None:
    status, found = report(f"/v1/report?{query}")
    assert status == 400
    assert words in found["detail"]
