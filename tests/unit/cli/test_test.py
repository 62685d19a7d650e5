"""`etapa test`: dots or lines, a readable difference, coverage, JUnit XML, JSON, and reliable exit codes."""

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.unit.cli.journeys import BAD, GOOD
from tests.unit.cli.process import SOURCE_ROOT, etapa, etapa_process

SHIPPED = sorted((SOURCE_ROOT / "etapa" / "journeys").glob("*.yaml"))
PASSING = """
tests:
  - name: a purchase makes a buyer
    given:
      - {at: 0d, type: visit}
      - {at: 1d, type: purchase}
    expect:
      - {at: 0d, to: new}
      - {at: 1d, to: buyer}
"""
FAILING = """
  - name: a month without a purchase is sleep
    given:
      - {at: 0d, type: purchase}
    expect:
      - {at: 0d, to: new}
      - {at: 0d, to: buyer}
      - {at: 31d, to: asleep}
    until: 60d
"""
FAILING_LINE = (GOOD + PASSING + FAILING).splitlines().index("  - name: a month without a purchase is sleep") + 1


def written(folder: Path, text: str, name: str = "shop.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def run(*arguments: str, stdin: bytes = b"", columns: int = 80) -> subprocess.CompletedProcess[bytes]:
    return etapa("test", *arguments, stdin=stdin, env={"COLUMNS": str(columns)})


@pytest.fixture
def passing(tmp_path: Path) -> str:
    return written(tmp_path, GOOD + PASSING)


@pytest.fixture
def failing(tmp_path: Path) -> str:
    return written(tmp_path, GOOD + PASSING + FAILING, "failing.yaml")


@pytest.mark.parametrize("journey", SHIPPED, ids=lambda path: path.stem)
def test_shipped_journeys_pass_and_their_tests_reach_every_rule_and_stage(journey: Path) -> None:
    done = run("--require-coverage", "--json", str(journey))
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (found["ok"], found["failed"], found["error"]) == (True, 0, 0)
    assert found["passed"] >= 10
    assert found["files"][0]["coverage"]["rules_not_fired"] == []


def test_passing_tests_are_dots_and_a_summary_line(passing: str) -> None:
    done = run(passing)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"{passing} ."
    assert re.fullmatch(r"=+ 1 passed in \d+\.\d\ds =+", lines[-1])
    assert len(lines[-1]) == 80


def test_a_failing_test_shows_where_it_stands_and_both_lists_side_by_side(failing: str) -> None:
    done = run(failing)
    assert done.returncode == 1
    said = done.stdout.decode()
    assert said.startswith(f"{failing} .F\n\n{failing}:{FAILING_LINE}: a month without a purchase is sleep\n")
    assert (
        """
    expected     actual
     0s new       0s new      (a new customer)
     0s buyer     0s buyer    buys
                                event(purchase)
  ! 31d asleep   30d asleep   falls-asleep, by the clock
                                absent(purchase, 30d), last at 0s
"""
        in said
    )
    assert "1 failed, 1 passed in " in said


def test_a_missing_change_is_explained(tmp_path: Path) -> None:
    text = FAILING.replace("    until: 60d\n", "").replace("31d", "30d")
    said = run(written(tmp_path, GOOD + PASSING + text)).stdout.decode()
    assert "  - 30d asleep\n" in said
    assert "Why not asleep at 30d: no timer runs after the last touchpoint, at 0s, unless" in said


def test_a_change_missing_at_the_first_touchpoint_is_explained(tmp_path: Path) -> None:
    text = (
        "journey: shop\nversion: 1\nstages: [{id: new}, {id: vip}]\n"
        "rules: [{id: knows, to: vip, when: {all: [{event: visit}, {trait: tier, eq: gold}]}}]\n"
        "tests: [{name: t, given: [{at: 0d, type: visit}], expect: [{at: 0d, to: new}, {at: 0d, to: vip}]}]\n"
    )
    said = run(written(tmp_path, text)).stdout.decode()
    assert (
        """
  Why not vip at 0s: the customer was in new, since 0s
    knows did not hold:
      not trait(tier) = "gold", saw nothing
"""
        in said
    )


def test_no_line_is_wider_than_the_terminal_and_none_ends_in_blanks(failing: str) -> None:
    for columns in (60, 80, 120):
        lines = run(failing, columns=columns).stdout.decode().replace(failing, "f").splitlines()
        assert max(map(len, lines)) <= columns
        assert [line for line in lines if line != line.rstrip()] == []


def test_verbose_gives_each_test_a_line_with_its_place(failing: str) -> None:
    lines = run("-v", failing).stdout.decode().splitlines()
    assert lines[0] == f"PASSED  {failing}:{GOOD.count(chr(10)) + 3}: a purchase makes a buyer"
    assert lines[1] == f"FAILED  {failing}:{FAILING_LINE}: a month without a purchase is sleep"


def test_rules_that_no_test_fires_and_stages_that_none_enters_are_named_with_their_line(passing: str) -> None:
    said = run(passing).stdout.decode()
    assert (
        f"\n{passing}: 1 of 3 rules fired, 2 of 3 stages entered\n"
        "  falls-asleep  line 12: no test fires it\n"
        "  never-used    line 16: no test fires it\n"
        "  asleep        line 7: no test enters it\n"
    ) in said


def test_missing_coverage_fails_only_when_it_is_required(passing: str) -> None:
    assert run(passing).returncode == 0
    done = run("--require-coverage", passing)
    assert (done.returncode, done.stderr.decode()) == (1, f"Error: not every rule, stage and campaign is reached by a test: {passing}\n")


def test_a_file_without_tests_says_so_and_is_fine(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    done = run(path)
    assert done.returncode == 0
    assert done.stdout.decode().startswith(f"{path} no tests\n")
    assert " no tests in " in done.stdout.decode()
    assert f"{path}: no tests\n" in run("-v", path).stdout.decode()


def test_a_file_without_tests_does_not_cover_its_rules(tmp_path: Path) -> None:
    assert run("--require-coverage", written(tmp_path, GOOD)).returncode == 1


def test_several_files_are_all_run(passing: str, failing: str) -> None:
    done = run(failing, passing)
    assert done.returncode == 1
    assert "1 failed, 2 passed in " in done.stdout.decode()


def test_k_chooses_by_part_of_the_name_whatever_the_case(failing: str) -> None:
    done = run(failing, "-k", "MAKES a Buyer")
    assert done.returncode == 0
    assert "1 passed, 1 deselected in " in done.stdout.decode()
    assert "rules fired" not in done.stdout.decode()
    assert "1 failed, 1 passed in " in run(failing, "-k", "buyer", "-k", "sleep").stdout.decode()


def test_k_that_chooses_nothing_is_wrong_use(failing: str) -> None:
    done = run(failing, "-k", "no such")
    assert (done.returncode, done.stderr) == (2, b"Error: no test has 'no such' in its name\n")


CAMPAIGN = "campaigns:\n  - {id: welcome, on: {enter: buyer}}\n  - {id: miss-you, on: {enter: asleep}}\n"


def test_triggers_are_compared_and_campaigns_that_no_test_triggers_are_shown(tmp_path: Path) -> None:
    good = run(written(tmp_path, GOOD + CAMPAIGN + PASSING + "    triggers: [welcome]\n"))
    assert good.returncode == 0
    assert b", 1 of 2 campaigns triggered\n" in good.stdout
    line = (GOOD + CAMPAIGN).splitlines().index("  - {id: miss-you, on: {enter: asleep}}") + 1
    assert f"  miss-you      line {line}: no test triggers it\n" in good.stdout.decode()
    done = run(written(tmp_path, GOOD + CAMPAIGN + PASSING + "    triggers: []\n"))
    assert done.returncode == 1
    assert b"  expected the triggers (none), found welcome\n" in done.stdout
    assert b"1 failed in " in done.stdout


def test_outcomes_of_goals_are_compared(tmp_path: Path) -> None:
    campaign = "campaigns:\n  - {id: welcome, on: {enter: buyer}, goal: {enter: asleep, within: 1h}}\n"
    text = GOOD + campaign + PASSING + "    until: 400d\n    outcomes: "
    found = json.loads(run(written(tmp_path, text + "[]\n"), "--json").stdout)["files"][0]["tests"][0]
    assert [(each["campaign"], each["met"], each["value"]) for each in found["outcomes"]] == [("welcome", False, None)]
    at = found["outcomes"][0]["at"]
    assert found["problems"] == [f"expected the outcomes (none), found welcome missed at {at}"]
    again = json.loads(run(written(tmp_path, f"{text}[{{campaign: welcome, met: false, at: {at}}}]\n"), "--json").stdout)["files"][0][
        "tests"
    ][0]
    assert not any("outcomes" in problem for problem in again["problems"])


def test_a_file_with_errors_is_shown_and_fails_and_the_others_are_run(tmp_path: Path, passing: str) -> None:
    bad = written(tmp_path, BAD, "bad.yaml")
    done = run(bad, passing)
    assert done.returncode == 1
    assert f"{bad}:8:9: error: " in done.stderr.decode()
    assert "1 passed, 1 error in " in done.stdout.decode()


def test_a_file_that_cannot_be_read_is_wrong_use_and_the_others_are_run(passing: str) -> None:
    done = run("/no/such.yaml", passing)
    assert done.returncode == 2
    assert done.stderr == b"Error: /no/such.yaml: cannot read it: no such file or directory\n"
    assert "1 passed, 1 error in " in done.stdout.decode()


def test_a_journey_may_come_through_a_pipe() -> None:
    done = run("-v", "-", stdin=(GOOD + PASSING).encode())
    assert done.returncode == 0
    assert done.stdout.startswith(b"PASSED  <stdin>:")


def test_json_holds_expected_and_actual_changes_and_what_decided(failing: str) -> None:
    done = run("--json", failing)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [found[key] for key in ("ok", "passed", "failed", "error", "deselected")] == [False, 1, 1, 0, 0]
    (file,) = found["files"]
    assert (file["file"], file["journey"], file["version"]) == (failing, "shop", 3)
    test = file["tests"][1]
    assert (test["name"], test["line"], test["status"]) == ("a month without a purchase is sleep", FAILING_LINE, "failed")
    assert test["expected"][-1] == {"at": "31d", "to": "asleep"}
    assert test["actual"][-1] == {
        "at": "30d",
        "to": "asleep",
        "from": "buyer",
        "rule": "falls-asleep",
        "cause": "timer",
        "because": [{"condition": "absent(purchase, 30d)", "observed": "0s"}],
    }
    assert file["coverage"] == {
        "rules": 3,
        "rules_not_fired": ["never-used"],
        "stages": 3,
        "stages_not_entered": [],
        "campaigns": 0,
        "campaigns_not_triggered": [],
    }


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_test(tmp_path: Path, passing: str, failing: str) -> None:
    target = tmp_path / "results.xml"
    bad = written(tmp_path, BAD, "bad.yaml")
    done = run(passing, failing, bad, "--junit", str(target))
    assert done.returncode == 1
    root = ET.fromstring(target.read_bytes())  # noqa: S314 - we wrote it ourselves
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "4", "1", "1")
    assert [suite.get("file") for suite in root] == [passing, failing, bad]
    failed = root[1][1]
    assert failed.get("line") == str(FAILING_LINE)
    failure = failed[0]
    assert (failure.tag, failure.get("message")) == ("failure", "1 stage change differs")
    assert "! 31d asleep   30d asleep" in (failure.text or "")
    error = root[2][0][0]
    assert error.tag == "error"
    assert "there is no stage `byer`" in (error.text or "")


def test_junit_holds_names_that_xml_cannot(tmp_path: Path) -> None:
    target = tmp_path / "results.xml"
    name = '"a \\x07 \\ufffe <b> & \\" \U0001f600"'
    path = written(tmp_path, GOOD + PASSING.replace("a purchase makes a buyer", name).replace("1d, to", "2d, to"))
    assert run(path, "--junit", str(target)).returncode == 1
    root = ET.fromstring(target.read_bytes())  # noqa: S314 - we wrote it ourselves
    assert root[0][0].get("name") == 'a \ufffd \ufffd <b> & " \U0001f600'


def test_results_that_cannot_be_written_are_wrong_use(passing: str) -> None:
    done = run(passing, "--junit", "/no/such/folder/results.xml")
    assert (done.returncode, done.stderr) == (2, b"Error: /no/such/folder/results.xml: cannot write it: no such file or directory\n")


def test_results_never_overwrite_the_journey(passing: str) -> None:
    done = run(passing, "--junit", passing)
    assert done.returncode == 2
    assert Path(passing).read_text() == GOOD + PASSING


def test_coverage_cannot_be_required_of_chosen_tests(passing: str) -> None:
    assert run(passing, "--require-coverage", "-k", "buyer").returncode == 2


def test_it_runs_as_a_command_without_any_setting_or_server(failing: str) -> None:
    done = etapa_process("test", failing)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\x1b" not in done.stdout
