"""`etapa report` from files: tables, JSON, CSV, periods, and wrong use."""

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.journeys import EVENTS, GOOD
from tests.unit.cli.process import etapa

JOURNEY = GOOD.replace(
    "stages:",
    "personas:\n  - {id: student, is: {trait: age, lt: 26}}\nmap: {feeling: {of: survey, value: properties.stars, scale: [1, 5]}}\nstages:",
)
SAID = [
    {"id": "s-1", "customer_id": "a", "type": "survey", "occurred_at": "2026-01-03T05:00:00Z", "channel": "web", "properties": {"stars": 4}, "traits": {"age": 20}},
    {"id": "s-2", "customer_id": "b", "type": "survey", "occurred_at": "2026-01-04T05:00:00Z", "channel": "sms", "properties": {"stars": 2}},
    {"id": "s-3", "customer_id": "b", "type": "survey", "occurred_at": "2026-01-04T06:00:00Z", "channel": "sms", "properties": {"stars": 9}},
]  # fmt: skip


@pytest.fixture
def journey(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(JOURNEY)
    return str(path)


@pytest.fixture
def events(tmp_path: Path) -> list[str]:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_bytes(EVENTS)
    second.write_text("".join(json.dumps(each) + "\n" for each in SAID))
    return [str(first), str(second)]


def report(journey: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return etapa("report", "--journey", journey, *arguments, env={"COLUMNS": "80"})


def test_the_journey_may_come_first_as_in_simulate(journey: str, events: list[str]) -> None:
    done = etapa("report", journey, *events, env={"COLUMNS": "80"})
    assert (done.returncode, done.stdout) == (0, report(journey, *events).stdout)
    assert done.stdout.startswith(b"Journey shop, version 3")
    last = etapa("report", *events, journey)
    assert last.returncode == 2
    assert last.stderr.decode() == f"Error: {journey} looks like a journey file, but is among the events: the journey must come first\n"


def test_it_says_that_the_shipped_journey_judges_if_none_is_given(journey: str, events: list[str]) -> None:
    words = "No journey file is given, so the shipped journey (retail) is used."
    assert words in etapa("report", *events).stderr.decode()
    assert words not in report(journey, *events).stderr.decode()


def as_json(journey: str, *arguments: str) -> dict[str, Any]:
    done = report(journey, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_moves_equal_the_stage_changes_that_simulate_prints(journey: str, events: list[str], tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(Path(each).read_bytes() for each in events))
    until = ("--until", "2026-03-01")
    changes = [json.loads(line) for line in etapa("simulate", journey, str(whole), *until).stdout.splitlines()]
    found = as_json(journey, *events, *until)
    counted: dict[tuple[Any, ...], int] = {}
    for change in changes:
        key = change["from"], change["to"], change["cause"]
        counted[key] = counted.get(key, 0) + 1
    assert len(counted) > 2
    assert {(row["from"], row["to"], row["cause"]): row["count"] for row in found["moves"]} == counted
    assert found["feeling"] == [
        {"stage": "buyer", "count": 2, "sum": 6.0, "sum_of_squares": 20.0, "mean": 3.0, "standard_deviation": pytest.approx(2**0.5)}
    ]
    assert {row["persona"] for row in found["personas"]} == {None, "student"}


def test_a_stretch_of_time_and_a_persona_narrow_it_down(journey: str, events: list[str]) -> None:
    found = as_json(journey, *events, "--from", "2026-01-03", "--to", "2026-01-04", "--by", "hour", "--persona", "student")
    assert (found["from"], found["to"], found["by"], found["exact"]) == ("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "hour", True)
    assert found["touchpoints"] == [
        {"period": "2026-01-03T05", "grain": "hour", "stage": "buyer", "type": "survey", "channel": "web", "count": 1}
    ]
    assert found["moves"] == []


def test_people_get_tables(journey: str, events: list[str]) -> None:
    done = report(journey, *events)
    assert done.stdout.decode().startswith(
        "Journey shop, version 3: from the beginning to the end\n\nStages:\nstage  new  entered  left  touchpoints  median stay\n"
    )
    assert "\n(new)  new    touchpoint      2\n" in done.stdout.decode()


def test_a_spreadsheet_gets_all_tables_below_each_other(journey: str, events: list[str]) -> None:
    done = report(journey, *events, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    surveys = [(row["stage"], row["channel"], row["count"]) for row in rows if row["table"] == "touchpoints" and row["type"] == "survey"]
    assert surveys == [("buyer", "sms", "2"), ("buyer", "web", "1")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--persona", "nobody"], "no such persona; it has student"),
        (["--json", "--csv"], "give only one"),
        (["-"], "`-` is standard input, which cannot be read together with files"),
        (["--by", "week"], "'week' is not one of 'hour', 'day', 'month'"),
    ],
)
def test_wrong_use_is_told(journey: str, events: list[str], arguments: list[str], words: str) -> None:
    done = report(journey, *events, *arguments)
    assert done.returncode == 2
    assert words in done.stderr.decode()
