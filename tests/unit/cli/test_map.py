"""`etapa map`: a page or its data, from a design alone or with files of touchpoints, and wrong use."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.unit.cli.journeys import EVENTS, GOOD
from tests.unit.cli.process import etapa

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "journey-map.schema.json").read_text("utf-8"))


@pytest.fixture
def journey(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def events(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    path.write_bytes(EVENTS)
    return str(path)


def test_flows_are_the_stage_changes_that_simulate_prints(journey: str, events: str, tmp_path: Path) -> None:
    output = tmp_path / "map.json"
    done = etapa("map", "--journey", journey, events, "--until", "2026-03-01", "--output", str(output))
    assert done.returncode == 0, done.stderr
    drawn = json.loads(output.read_bytes())
    Draft202012Validator(SCHEMA).validate(drawn)
    changes = [json.loads(line) for line in etapa("simulate", journey, events, "--until", "2026-03-01").stdout.splitlines()]
    moves = [(change["from"], change["to"]) for change in changes if change["from"] is not None]
    assert moves
    assert {(flow["from"], flow["to"]): flow["count"] for flow in drawn["flows"] if flow["count"]} == {
        move: moves.count(move) for move in moves
    }


def test_the_page_says_where_it_is_and_of_whom(journey: str, events: str, tmp_path: Path) -> None:
    output = tmp_path / "map.html"
    done = etapa("map", "--journey", journey, events, "--output", str(output))
    assert done.returncode == 0
    assert done.stderr.decode().startswith(f"{output}: ")
    assert "customer" in done.stderr.decode()
    assert output.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("with_events", [True, False])
def test_the_journey_may_come_first_as_in_simulate(journey: str, events: str, tmp_path: Path, with_events: bool) -> None:
    given = [events] if with_events else []
    first, flagged = tmp_path / "first.json", tmp_path / "flagged.json"
    assert etapa("map", journey, *given, "--output", str(first)).returncode == 0
    assert etapa("map", "--journey", journey, *given, "--output", str(flagged)).returncode == 0
    assert json.loads(first.read_bytes())["journey"] == "shop"
    assert first.read_bytes() == flagged.read_bytes()


def test_without_touchpoints_it_is_the_design_alone(journey: str, tmp_path: Path) -> None:
    output = tmp_path / "map.json"
    done = etapa("map", "--journey", journey, "--output", str(output))
    assert done.returncode == 0
    assert "the design of the journey" in done.stderr.decode()
    drawn = json.loads(output.read_bytes())
    Draft202012Validator(SCHEMA).validate(drawn)
    assert (drawn["customers"], drawn["from"], drawn["way"]) == (0, None, None)
    assert {touchpoint["count"] for stage in drawn["stages"] for touchpoint in stage["touchpoints"]} <= {None}


def test_the_end_of_the_name_tells_what_is_written(journey: str, tmp_path: Path) -> None:
    done = etapa("map", "--journey", journey, "--output", str(tmp_path / "map.png"))
    assert done.returncode == 2
    assert b".html, .svg, .pdf or .json" in done.stderr


def test_what_is_read_is_never_written_over(journey: str, tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    events.write_bytes(EVENTS)
    done = etapa("map", "--journey", journey, str(events), "--output", str(events))
    assert done.returncode == 2
    assert b"it is read from" in done.stderr
    assert events.read_bytes() == EVENTS


def test_a_folder_that_is_not_there_is_said(journey: str, tmp_path: Path) -> None:
    done = etapa("map", "--journey", journey, "--output", str(tmp_path / "nowhere" / "map.html"))
    assert done.returncode == 2
    assert b"cannot write it" in done.stderr


def test_the_map_of_a_span_of_time_has_the_moves_that_the_report_has(journey: str, events: str, tmp_path: Path) -> None:
    output = tmp_path / "map.json"
    span = ("--from", "2026-01-02", "--to", "2026-02-01", "--until", "2026-03-01")
    done = etapa("map", "--journey", journey, events, *span, "--output", str(output))
    assert done.returncode == 0, done.stderr
    drawn = json.loads(output.read_bytes())
    Draft202012Validator(SCHEMA).validate(drawn)
    assert (drawn["from"], drawn["until"]) == ("2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z")
    reported = json.loads(etapa("report", "--journey", journey, events, *span, "--json").stdout)
    moves = {(row["from"], row["to"]): 0 for row in reported["moves"] if row["from"] is not None}
    assert moves
    for row in reported["moves"]:
        if row["from"] is not None:
            moves[row["from"], row["to"]] += row["count"]
    assert {(flow["from"], flow["to"]): flow["count"] for flow in drawn["flows"] if flow["count"]} == moves
    for stage in drawn["stages"]:
        assert stage["trend"][-1] == stage["customers"]
        assert all(sum(counts) <= drawn["customers"] for counts in zip(*(each["trend"] for each in drawn["stages"]), strict=True))


def test_a_span_that_ends_before_it_begins_is_wrong_use(journey: str, events: str) -> None:
    done = etapa("map", "--journey", journey, events, "--from", "2026-02-01", "--to", "2026-01-01")
    assert done.returncode == 2
    assert "--from must lie before --to" in done.stderr.decode()


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_without_a_browser_a_picture_says_what_would_do(journey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    output = tmp_path / f"map.{ending}"
    done = etapa("map", "--journey", journey, "--output", str(output))
    assert done.returncode == 2
    assert "there is no browser on the PATH" in done.stderr.decode()
    assert "write .html, open it, and choose Save" in done.stderr.decode()
    assert not output.exists()


def test_a_page_opens_in_the_language_asked_for(journey: str, tmp_path: Path) -> None:
    output = tmp_path / "map.html"
    assert etapa("map", "--journey", journey, "--language", "es", "--output", str(output)).returncode == 0
    assert '"language":"es","as_picture":false' in output.read_text("utf-8")
