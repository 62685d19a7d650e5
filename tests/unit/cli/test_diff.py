"""`etapa diff`: a table, samples with the deciding rule, JSON, and reliable exit codes."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.journeys import BAD, EVENTS, GOOD, touchpoint
from tests.unit.cli.process import etapa, etapa_process

NEW = GOOD.replace("version: 3", "version: 4").replace("for: 30d", "for: 20d").replace("asleep", "silent")

ODD = b"\ntypes that no rule names: visit 1\ntypes that never came: no_such_type\n"
"""The part about the touchpoints."""


@pytest.fixture
def old(tmp_path: Path) -> str:
    path = tmp_path / "old.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def new(tmp_path: Path) -> str:
    path = tmp_path / "new.yaml"
    path.write_text(NEW)
    return str(path)


def diff(*arguments: str, stdin: bytes = EVENTS, columns: int = 80) -> subprocess.CompletedProcess[bytes]:
    return etapa("diff", *arguments, stdin=stdin, env={"COLUMNS": str(columns)})


def test_who_would_be_in_another_stage_stands_in_a_table(old: str, new: str) -> None:
    done = diff(old, new, "-", "--until", "2026-01-22T12:00:00Z")
    assert (done.returncode, done.stderr) == (0, ODD)
    assert done.stdout.decode() == (
        f"""\
old  shop, version 3 ({old})
new  shop, version 4 ({new})
4 touchpoints of 2 customers

1 of 2 customers (50.0%) would be in another stage.

old ↓   new →  new  buyer  +silent  all
new              ·      ·        ·    0
buyer            ·      1        1    2
-asleep          ·      ·        ·    0
all              0      1        1    2

Stage changes: 4 in both journeys, 0 only in the old one, 1 only in the new one.

Samples: 1 of 1 customer who differs

b: buyer → silent
  old  buyer since 2026-01-02T00:00:00Z by buys
         event(purchase)
  new  silent since 2026-01-22T00:00:00Z by falls-silent, by the clock
         absent(purchase, 20d), last at 2026-01-02T00:00:00Z
"""
    )


CAMPAIGNS = "campaigns:\n  - {id: welcome, on: {enter: buyer}}\n  - {id: thanks, on: {enter: buyer}}\n"


def test_campaign_triggers_that_differ_stand_in_a_table(old: str, new: str) -> None:
    Path(old).write_text(GOOD + CAMPAIGNS + "  - {id: bygone, on: {enter: new}}\n")
    Path(new).write_text(GOOD + "caps: {max: 1, per: 1y}\n" + CAMPAIGNS + "  - {id: miss-you, on: {leave: buyer}}\n")
    done = diff(old, new, "-")
    assert done.returncode == 0
    assert done.stderr == b"Warning: both are version 3 of shop; raise the version before the new one goes live\n" + ODD
    assert done.stdout.decode().endswith(
        """\
0 of 2 customers would be in another stage.

Stage changes: 4 in both journeys, 0 only in the old one, 0 only in the new one.

campaign triggers  in both  only old  only new
welcome                  2         0         0
thanks                   0         2         0
-bygone                  0         2         0
+miss-you                0         0         0
"""
    )
    assert diff(old, new, "-", "--exit-code").returncode == 1
    found = json.loads(diff(old, new, "-", "--json").stdout)
    assert found["triggers"][1] == {"campaign": "thanks", "same": 0, "only_old": 2, "only_new": 0}
    same = diff(old, old, "-").stdout.decode()
    assert same.endswith("\n\nNothing differs: all 4 stage changes and 6 campaign triggers would be the same.\n")


def test_a_journey_does_not_differ_from_itself(old: str) -> None:
    done = diff(old, old, "-", "--until", "2027-01-01", "--exit-code")
    assert (done.returncode, done.stderr) == (0, ODD)
    assert done.stdout.decode().endswith("4 touchpoints of 2 customers\n\nNothing differs: all 6 stage changes would be the same.\n")


def test_differences_are_no_failure_unless_the_exit_code_is_asked_for(old: str, new: str) -> None:
    assert diff(old, new, "-", "--until", "2026-12-31").returncode == 0
    assert diff(old, new, "-", "--until", "2026-12-31", "--exit-code").returncode == 1
    assert diff(old, new, "-", "--exit-code").returncode == 0


def test_names_that_do_not_fit_above_their_columns_stand_on_a_staircase(old: str, new: str) -> None:
    for path in (old, new):
        text = Path(path).read_text()
        Path(path).write_text(text.replace("buyer", "customer-of-the-shop").replace("silent", "silent-for-a-long-time"))
    said = diff(old, new, "-", "--until", "2026-01-22T12:00:00Z", "--samples", "0", columns=72).stdout.decode()
    assert (
        """\
                        new
                        │    customer-of-the-shop
                        │    │    +silent-for-a-long-time
old ↓   new →           │    │    │    all
new                     ·    ·    ·    0
customer-of-the-shop    ·    1    1    2
-asleep                 ·    ·    ·    0
all                     0    1    1    2
"""
        in said
    )


def many_stages(version: int, target: str) -> str:
    stages = "".join(f"  - {{id: stage-{number}}}\n" for number in range(1, 31))
    return (
        f"journey: long\nversion: {version}\nstages:\n  - {{id: new}}\n{stages}rules:\n"
        f"  - {{id: buys, from: new, to: {target}, when: {{event: purchase}}}}\n"
        "  - {id: visits, from: new, to: stage-3, when: {event: visit}}\n"
    )


def test_what_fits_no_table_is_a_list_of_moves(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(many_stages(1, "stage-30"))
    new.write_text(many_stages(2, "stage-29"))
    said = diff(str(old), str(new), "-").stdout.decode()
    assert "\n1  stage-30 → stage-29\n" in said
    assert max(len(line) for line in said.splitlines() if "old.yaml" not in line and "new.yaml" not in line) <= 80


def test_no_line_is_wider_than_the_terminal(old: str, new: str) -> None:
    for columns in (40, 60, 80, 120):
        said = diff(old, new, "-", "--until", "2026-12-31", columns=columns).stdout.decode()
        assert max(len(line) for line in said.splitlines() if ".yaml" not in line) <= columns


TWICE = "journey: shop\nversion: {0}\nstages: [{{id: new}}, {{id: buyer}}, {{id: fan}}]\nrules:\n" + (
    "  - {{id: buys, from: new, to: buyer, when: {{count: purchase, gte: {0}}}}}\n"
    "  - {{id: stays, from: buyer, to: fan, when: {{all: [{{event: purchase}}, {{count: purchase, gte: 4}}]}}}}\n"
)


def test_what_differed_is_shown_with_its_reason_if_both_end_for_the_same_reason(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / f"{version}.yaml").write_text(TWICE.format(version))
    events = b"".join(
        b'{"id":"%d","customer_id":"ana","type":"purchase","occurred_at":"2026-01-0%dT00:00:00Z"}\n' % (day, day) for day in range(1, 6)
    )
    said = diff(str(tmp_path / "1.yaml"), str(tmp_path / "2.yaml"), "-", stdin=events).stdout.decode()
    assert said.endswith(
        """
ana: fan, either way
  they differ from 2026-01-01T00:00:00Z on: new → buyer in the old journey only,
    by buys
         count(purchase) >= 1, saw 1
  both  fan since 2026-01-04T00:00:00Z by stays
         event(purchase)
         count(purchase) >= 4, saw 4
"""
    )


def test_json_holds_the_matrix_the_counts_and_the_samples(old: str, new: str) -> None:
    done = diff(old, new, "-", "--until", "2026-01-22T12:00:00Z", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert [finding["kind"] for finding in found.pop("findings")] == ["unnamed_types", "missing_types"]
    assert found.pop("samples") == [
        {
            "customer_id": "b",
            "parted_at": "2026-01-22T00:00:00Z",
            "parted": {
                "from": "buyer",
                "to": "silent",
                "only": "new",
                "rule": "falls-silent",
                "cause": "timer",
                "because": [{"condition": "absent(purchase, 20d)", "observed": "2026-01-02T00:00:00Z"}],
            },
            "old": {
                "stage": "buyer",
                "since": "2026-01-02T00:00:00Z",
                "from": "new",
                "rule": "buys",
                "cause": "touchpoint",
                "because": [{"condition": "event(purchase)", "observed": "purchase"}],
                "touchpoint_id": "e-2",
            },
            "new": {
                "stage": "silent",
                "since": "2026-01-22T00:00:00Z",
                "from": "buyer",
                "rule": "falls-silent",
                "cause": "timer",
                "because": [{"condition": "absent(purchase, 20d)", "observed": "2026-01-02T00:00:00Z"}],
                "touchpoint_id": None,
            },
        }
    ]
    assert found == {
        "old": {"file": old, "journey": "shop", "version": 3, "stage_changes": 4, "unjudged": 0},
        "new": {"file": new, "journey": "shop", "version": 4, "stage_changes": 5, "unjudged": 0},
        "touchpoints": 4,
        "rejected": {},
        "customers": 2,
        "customers_in_another_stage": 1,
        "customers_by_another_way": 0,
        "stage_changes": {"same": 4, "only_old": 0, "only_new": 1},
        "triggers": [],
        "stages": {"only_old": ["asleep"], "only_new": ["silent"]},
        "matrix": [{"old": "buyer", "new": "buyer", "customers": 1}, {"old": "buyer", "new": "silent", "customers": 1}],
    }


def test_events_may_be_a_packed_file(old: str, new: str, tmp_path: Path) -> None:
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(EVENTS))
    assert diff(old, new, str(packed)).stdout == diff(old, new, "-").stdout


def test_events_may_be_several_files(old: str, new: str, tmp_path: Path) -> None:
    first, *others = EVENTS.splitlines(keepends=True)
    (tmp_path / "first.jsonl").write_bytes(first)
    (tmp_path / "others.jsonl").write_bytes(b"".join(others))
    assert diff(old, new, str(tmp_path / "first.jsonl"), str(tmp_path / "others.jsonl")).stdout == diff(old, new, "-").stdout


def test_a_journey_may_come_through_a_pipe(old: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(EVENTS)
    done = diff(old, "-", str(events), stdin=NEW.encode())
    assert done.returncode == 0
    assert b"new  shop, version 4 (-)\n" in done.stdout


def test_standard_input_cannot_be_two_things(old: str) -> None:
    done = diff(old, "-", "-")
    assert (done.returncode, done.stderr) == (2, b"Error: only one of OLD, NEW and EVENTS can be `-`, standard input\n")


def test_rules_that_changed_under_the_same_version_are_worth_a_warning(old: str, tmp_path: Path) -> None:
    same = tmp_path / "same.yaml"
    same.write_text(GOOD.replace("for: 30d", "for: 20d"))
    assert (
        diff(old, str(same), "-").stderr == b"Warning: both are version 3 of shop; raise the version before the new one goes live\n" + ODD
    )
    assert diff(old, old, "-").stderr == ODD


def test_lines_that_cannot_be_used_are_named_and_counted(old: str, new: str) -> None:
    done = diff(old, new, "-", stdin=EVENTS + b"nonsense\n" * 7)
    assert done.returncode == 1
    assert b"line 5: not_json: " in done.stderr
    assert "… and 2 more lines that cannot be used" in done.stderr.decode()
    assert b"7 lines could not be used: not_json 7\n" in done.stdout


def test_a_file_without_a_single_touchpoint_is_a_failed_check(old: str, new: str) -> None:
    done = diff(old, new, "-", stdin=b"nonsense\n")
    assert done.returncode == 1
    assert b"Error: standard input: no line could be used" in done.stderr


def test_an_empty_file_has_nobody_who_could_differ(old: str, new: str) -> None:
    done = diff(old, new, "-", stdin=b"", columns=80)
    assert done.returncode == 0
    assert done.stdout.endswith(b"0 touchpoints of 0 customers\n")


def test_a_journey_with_errors_or_without_a_file_ends_it(old: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(BAD)
    assert diff(old, str(bad), "-").returncode == 1
    assert diff("/no/such.yaml", old, "-").returncode == 2
    assert diff(old, old, "/no/such.jsonl").returncode == 2


def test_it_runs_as_a_command_without_any_setting_or_server(old: str, new: str) -> None:
    done = etapa_process(
        "diff",
        old,
        new,
        "-",
        "--until",
        "2026-01-22T12:00:00Z",
        stdin=EVENTS + touchpoint(9, "ñ \x1b[31m", "visit", "2026-01-05T00:00:00Z"),
    )
    assert (done.returncode, done.stderr) == (0, ODD.replace(b"visit 1", b"visit 2"))
    assert "1 of 3 customers (33.3%) would be in another stage." in done.stdout.decode()
    assert b"\x1b" not in done.stdout
