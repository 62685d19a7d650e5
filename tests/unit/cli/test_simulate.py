"""`etapa simulate`: stage changes on stdout, a summary on stderr, and a plain message when the input is wrong."""

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from etapa.commands.files.event_files import EventFile, LineProgress
from etapa.commands.files.sorted_lines import SortedLines
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from tests.unit.cli.journeys import BAD, EVENTS, GOOD, touchpoint
from tests.unit.cli.process import etapa, started


@pytest.fixture
def journey(tmp_path: Path) -> str:
    path = tmp_path / "journey.yaml"
    path.write_text(GOOD)
    return str(path)


def changes(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def moves(done: subprocess.CompletedProcess[bytes]) -> list[tuple[str, str]]:
    return [(change["customer_id"], change["to"]) for change in changes(done)]


def simulate(journey: str, *arguments: str, stdin: bytes = EVENTS) -> subprocess.CompletedProcess[bytes]:
    return etapa("simulate", "--journey", journey, *(arguments or ("-",)), stdin=stdin)


def test_stage_changes_come_as_json_lines_in_processing_order(journey: str) -> None:
    done = simulate(journey)
    assert done.returncode == 0
    assert moves(done) == [("a", "new"), ("b", "new"), ("b", "buyer"), ("a", "buyer")]
    assert changes(done)[2] == {
        "id": "b/2",
        "customer_id": "b",
        "sequence": 2,
        "from": "new",
        "to": "buyer",
        "phase": None,
        "at": "2026-01-02T00:00:00Z",
        "cause": "touchpoint",
        "rule": "buys",
        "because": [{"condition": "event(purchase)", "observed": "purchase"}],
        "touchpoint_id": "e-2",
        "channel": None,
        "dwell_seconds": 0.0,
        "journey": "shop",
        "version": 3,
    }


def test_the_journey_may_stand_before_the_events(journey: str) -> None:
    done = etapa("simulate", journey, "-", stdin=EVENTS)
    assert done.returncode == 0
    assert done.stdout == simulate(journey).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--journey", "JOURNEY", "JOURNEY", "-"), "two journeys"),
        (("JOURNEY",), "no events are given"),
        (("a.jsonl", "JOURNEY"), "looks like a journey file, but is among the events: the journey must come first"),
    ],
)
def test_arguments_that_cannot_be_meant_are_told(journey: str, arguments: tuple[str, ...], words: str) -> None:
    done = etapa("simulate", *(each.replace("JOURNEY", journey) for each in arguments), stdin=EVENTS)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_it_says_that_the_shipped_journey_judges_where_none_is_given(journey: str) -> None:
    words = "No journey file is given, so the shipped journey (retail) is used."
    assert words in etapa("simulate", "-", stdin=EVENTS).stderr.decode()
    assert words not in simulate(journey).stderr.decode()


def test_outcomes_of_goals_are_printed_when_they_are_asked_for_and_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "goals.yaml"
    path.write_text(GOOD + "campaigns:\n  - {id: welcome, on: {enter: buyer}, goal: {enter: asleep, within: 1d}}\n")
    done = simulate(str(path), "--outcomes", "--until", "2026-01-05", "-")
    found = changes(done)
    assert [(each["id"], each["holdout"], each["met"], each["at"], each["seconds"], each["value"]) for each in found] == [
        ("b/2/welcome", False, False, "2026-01-03T00:00:00Z", 86400.0, None),
        ("a/2/welcome", False, False, "2026-01-04T00:00:00Z", 86400.0, None),
    ]
    (words,) = [line for line in done.stderr.decode().splitlines() if line.startswith("welcome") and line.split()[1] == "0"]
    assert words.split() == ["welcome", "0", "2", "0", "0", "0", "0"]
    both = simulate(str(path), "--outcomes", "--triggers", "-")
    assert (both.returncode, both.stderr) == (2, b"Error: --triggers and --outcomes both choose what to print: use only one of them\n")


def test_triggers_are_printed_instead_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.yaml"
    path.write_text(
        GOOD + "campaigns:\n  - {id: welcome, on: {enter: buyer}, payload: {template: hi}}\n  - {id: never, on: {leave: asleep}}\n"
    )
    done = simulate(str(path), "--triggers", "-")
    assert [change["customer_id"] for change in changes(done)] == ["b", "a"]
    assert changes(done)[0] == {
        "id": "b/2/welcome",
        "campaign": "welcome",
        "customer_id": "b",
        "stage_change_id": "b/2",
        "at": "2026-01-02T00:00:00Z",
        "from": "new",
        "to": "buyer",
        "holdout": False,
        "payload": {"template": "hi"},
        "journey": "shop",
        "version": 3,
    }
    tables = [line.split() for line in done.stderr.decode().splitlines()]
    assert ["campaign", "published", "holdout", "consent", "cap", "cooldown", "once", "when"] in tables
    assert ["welcome", "2", "0", "0", "0", "0", "0", "0"] in tables
    assert ["never", "0", "0", "0", "0", "0", "0", "0"] in tables


def test_the_summary_is_for_people_and_on_stderr(journey: str) -> None:
    said = simulate(journey).stderr.decode()
    assert "4 touchpoints (1 duplicate) of 2 customers: 4 stage changes" in said
    tables = [line.split() for line in said.splitlines()]
    assert ["buyer", "2", "-"] in tables
    assert ["from", "↓", "to", "→", "new", "buyer", "asleep", "all"] in tables
    assert ["(new)", "2", "·", "·", "2"] in tables
    assert ["new", "·", "2", "·", "2"] in tables
    assert "rules that moved nobody: falls-asleep, never-used" in said


def test_the_summary_can_be_one_object_for_machines(journey: str, tmp_path: Path) -> None:
    target = tmp_path / "summary.json"
    done = simulate(journey, "--json", "--summary", str(target), "-")
    found = json.loads(done.stderr)
    assert found == json.loads(target.read_bytes())
    assert (found["touchpoints"], found["duplicates"], found["stage_changes"]) == (4, 1, 4)
    assert found["stages"] == {"new": 0, "buyer": 2, "asleep": 0}


@pytest.mark.parametrize(("until", "asleep"), [("2026-01-31", 0), ("2026-02-01", 1), ("2026-02-02T01:00:00+01:00", 2), ("2027-01-01", 2)])
def test_until_lets_timers_run_up_to_that_time(until: str, asleep: int, journey: str) -> None:
    done = simulate(journey, "--until", until, "-")
    assert done.returncode == 0
    assert [to for _, to in moves(done)].count("asleep") == asleep


@pytest.mark.parametrize("until", ["tomorrow", "2026-13-01", "2026-02-01T00:00:00", "1738368000", ""])
def test_until_must_be_a_time(until: str, journey: str) -> None:
    done = simulate(journey, "--until", until, "-")
    assert done.returncode == 2
    assert f"found {until!r}; allowed: a time with an offset such as 2026-11-21T10:00:00Z, or a date such as" in done.stderr.decode()


def test_events_may_be_a_file_and_packed(journey: str, tmp_path: Path) -> None:
    plain, packed, misnamed = tmp_path / "events.jsonl", tmp_path / "events.jsonl.gz", tmp_path / "events"
    plain.write_bytes(EVENTS)
    packed.write_bytes(gzip.compress(EVENTS))
    misnamed.write_bytes(gzip.compress(EVENTS[:200]) + gzip.compress(EVENTS[200:]))
    outputs = {simulate(journey, str(path)).stdout for path in (plain, packed, misnamed)}
    outputs.add(simulate(journey, stdin=gzip.compress(EVENTS)).stdout)
    assert outputs == {simulate(journey).stdout}


def test_events_may_be_several_files(journey: str, tmp_path: Path) -> None:
    first, *others = EVENTS.splitlines(keepends=True)
    (tmp_path / "first.jsonl").write_bytes(first)
    (tmp_path / "others.jsonl").write_bytes(b"".join(others))
    assert etapa("simulate", journey, str(tmp_path / "first.jsonl"), str(tmp_path / "others.jsonl")).stdout == simulate(journey).stdout


def test_gzip_that_breaks_off_is_said_after_what_could_be_read(journey: str, tmp_path: Path) -> None:
    packed = tmp_path / "events.gz"
    packed.write_bytes(gzip.compress(EVENTS)[:-12])
    done = simulate(journey, str(packed))
    assert done.returncode == 1
    assert b"Error: " in done.stderr
    assert b"ends early" in done.stderr
    assert b"Traceback" not in done.stderr


def test_damaged_gzip_is_said(journey: str, tmp_path: Path) -> None:
    packed = tmp_path / "events.gz"
    content = bytearray(gzip.compress(EVENTS))
    content[20:40] = b"\xff" * 20
    packed.write_bytes(content)
    done = simulate(journey, str(packed))
    assert done.returncode == 1
    assert b"gzip data" in done.stderr
    assert b"Traceback" not in done.stderr


def test_lines_that_cannot_be_used_are_named_and_counted_and_the_rest_goes_on(journey: str) -> None:
    done = simulate(journey, stdin=b"{}\n" + EVENTS + b"nonsense\n" * 9)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert len(changes(done)) == 4
    assert "line 1: invalid: " in said
    assert "line 6: not_json: " in said
    assert "line 10" not in said
    assert "and 5 more lines that cannot be used" in said
    assert "10 lines could not be used: invalid 1, not_json 9" in said


def test_a_file_without_a_single_touchpoint_is_a_failed_check(journey: str) -> None:
    done = simulate(journey, stdin=b"nonsense\nand more\n")
    assert done.returncode == 1
    assert b"Error: standard input: no line could be used; each must hold one touchpoint as a JSON object\n" in done.stderr


def test_an_empty_file_gives_nothing_and_is_fine(journey: str) -> None:
    done = simulate(journey, stdin=b"")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"0 touchpoints (0 duplicates) of 0 customers" in done.stderr


def test_events_that_cannot_be_read_are_wrong_use(journey: str, tmp_path: Path) -> None:
    done = simulate(journey, "/no/such/events")
    assert (done.returncode, done.stderr.decode()) == (2, "Error: /no/such/events: cannot read it: no such file or directory\n")
    done = simulate(journey, str(tmp_path / "nothing-*.jsonl"))
    assert (done.returncode, done.stderr.decode()) == (2, f"Error: {tmp_path}/nothing-*.jsonl: no file fits the pattern\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    done = simulate(journey, str(empty))
    assert (done.returncode, done.stderr.decode()) == (2, f"Error: {empty}: the folder holds no files\n")


def test_a_journey_with_errors_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.write_text(BAD)
    done = simulate(str(path))
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"{path}:8:9: error: ".encode() in done.stderr


def test_a_journey_that_cannot_be_read_is_wrong_use() -> None:
    done = simulate("/no/such/journey.yaml")
    assert (done.returncode, done.stderr) == (2, b"Error: /no/such/journey.yaml: cannot read it: no such file or directory\n")


def test_a_summary_that_cannot_be_written_is_said_before_the_work(journey: str) -> None:
    done = simulate(journey, "--summary", "/no/such/folder/summary.json", "-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"Error: /no/such/folder/summary.json: cannot write it: no such file or directory\n"


def test_the_summary_never_overwrites_what_is_read(journey: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(EVENTS)
    done = simulate(journey, "--summary", str(events), str(events))
    assert done.returncode == 2
    assert events.read_bytes() == EVENTS


def test_a_reader_that_goes_away_ends_it_quietly(journey: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"".join(touchpoint(number, f"c-{number}", "visit", "2026-01-01T00:00:00Z") for number in range(20_000)))
    with started("simulate", "--journey", journey, str(events)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


def test_the_shipped_journey_is_used_when_none_is_named() -> None:
    done = etapa("simulate", "-", stdin=EVENTS)
    assert done.returncode == 0
    assert {change["journey"] for change in changes(done)} == {"retail"}


def test_a_long_run_tells_its_throughput(journey: str, tmp_path: Path) -> None:
    few, many = tmp_path / "few.jsonl", tmp_path / "many.jsonl"
    few.write_bytes(EVENTS + b"{}\n" * (9_999 - EVENTS.count(b"\n")))
    many.write_bytes(EVENTS + b"{}\n" * (10_001 - EVENTS.count(b"\n")))
    assert "a second" not in etapa("simulate", "--journey", journey, str(few)).stderr.decode()
    assert "10,001 lines in " in etapa("simulate", "--journey", journey, str(many)).stderr.decode()


def test_a_person_at_a_terminal_sees_how_far_it_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"id": "e-1"}\n' * 100_000)
    monkeypatch.setattr(LineProgress, "SECONDS_BETWEEN_NEWS", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with EventFile(str(events)) as lines:
        progress = LineProgress(lines, output_scrolls=False)
        while progress.readline(1000):
            pass
    said = capsys.readouterr().err.split("\r\x1b[K")
    assert re.match(r"░{24}   \d%  2,048 lines, [\d,]+ a second, [\d,]+ s to go$", said[1])
    assert re.match(r"█{23}░  9\d%  98,304 lines, [\d,]+ a second, \d+ s to go$", said[-1])


def test_a_person_at_a_terminal_also_sees_how_far_sorted_lines_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"id": "e-1"}\n' * 6_000)
    monkeypatch.setattr(LineProgress, "SECONDS_BETWEEN_NEWS", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with EventFile(str(events)) as lines:
        progress = LineProgress(lines, output_scrolls=False)
        in_order = SortedLines(progress, decoder_within(TouchpointLimits()), 20_000, on_merged=progress.sorted_line)
        while in_order.readline(1000):
            pass
    said = capsys.readouterr().err.split("\r\x1b[K")
    assert [re.sub(r"[\d,]+ (a second|s to go)", r"n \1", each) for each in said[-3:]] == [
        "░░░░░░░░░░░░░░░░░░░░░░░░   0%  1 of 6,000 lines in order, n a second, n s to go",
        "████████░░░░░░░░░░░░░░░░  34%  2,049 of 6,000 lines in order, n a second, n s to go",
        "████████████████░░░░░░░░  68%  4,097 of 6,000 lines in order, n a second, n s to go",
    ]


def test_it_says_that_it_waits_for_a_terminal(journey: str) -> None:
    keyboard, terminal = pty.openpty()
    try:
        with started("simulate", journey, "-", stdin=terminal) as running:
            os.close(terminal)
            assert running.stderr is not None
            assert b"Reading from the terminal; Ctrl-D on an empty line ends it." in running.stderr.readline()
            os.write(keyboard, b"\x04")
            running.communicate(timeout=60)
            assert running.returncode == 0
    finally:
        os.close(keyboard)
